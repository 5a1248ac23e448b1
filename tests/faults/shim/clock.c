/* The wall clock under test: every way to ask libc for it answers the real time plus the plan's offset. The monotonic
 * clock is left alone, as when somebody sets the time of a running machine. */
#define _GNU_SOURCE
#include "plan.h"

#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

static void shift(struct timespec *moment) {
    int64_t nanoseconds = (int64_t)moment->tv_sec * 1000000000 + moment->tv_nsec + plan->clock_offset_ns;
    moment->tv_sec = nanoseconds / 1000000000;
    moment->tv_nsec = nanoseconds % 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *moment) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, moment);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI)) shift(moment);
    return result;
}

int gettimeofday(struct timeval *restrict moment, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    moment->tv_sec = now.tv_sec;
    moment->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *moment) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (moment) *moment = now.tv_sec;
    return now.tv_sec;
}
