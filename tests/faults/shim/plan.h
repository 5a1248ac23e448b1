/* What the test asks of the shim while the server runs: one page of memory, shared through the file FAULTS_PLAN.
 * tests/faults/shim.py writes and reads the same fields in the same order. */
#ifndef PLAN_H
#define PLAN_H

#include <stdint.h>

struct plan {
    /* asked by the test */
    int64_t sync_delay_us;  /* how long every fsync takes, at least */
    int64_t sync_lies;      /* 1: fsync says yes and does nothing */
    int64_t space;          /* bytes that files may still grow by; -1: no limit */
    int64_t fail_write;     /* every n-th write fails; 1: each; 0: none */
    int64_t fail_read;      /* likewise */
    int64_t fail_sync;      /* likewise */
    int64_t fail_name;      /* likewise: making, renaming or deleting files and folders */
    int64_t error;          /* what they fail with; 0: EIO */
    int64_t swallow_writes; /* 1: a write says yes and does nothing */
    int64_t clock_offset_ns; /* added to the wall clock, never to the monotonic one */
    /* told by the shim */
    int64_t syncs;          /* fsyncs begun */
    int64_t syncs_running;
    int64_t failures;       /* calls that failed on purpose */
    char only[64];          /* faults hit only paths that contain this; "": all below the folder */
};

extern struct plan *plan; /* never NULL: without FAULTS_PLAN, one that asks for nothing */

#endif
