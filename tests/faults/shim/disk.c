/* The disk under test. Preloaded into the server, this library stands between it and libc:
 *
 *   write, pwrite, fsync, rename, unlink, mkdir, ... on anything below FAULTS_FOLDER
 *       -> the plan says: do it, do it slowly, do less of it, refuse it, or lie
 *       -> the real call
 *       -> one record in the journal FAULTS_JOURNAL, with the data
 *
 * The order of the journal is the order of the calls: a lock is held around the real call and its record. An fsync
 * makes two records, and the lock is free between them: what is written meanwhile is not promised by it. Records are
 * appended with one writev, so several processes may share a journal one after the other.
 *
 * Not journalled: SQLite's -shm file (shared memory; SQLite makes it anew after a crash), times, rights. Calls that
 * could change a file unseen (sendfile, copy_file_range, mmap for writing, ...) end the process aloud.
 */
#define _GNU_SOURCE
#include "plan.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FILES 65536
#define REAL(name) ({ static __typeof__(&name) found; if (!found) found = real(#name); found; })
#define PASS(value) do { unlock(); return (value); } while (0)

enum { CREATE = 1, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, SYNC_FAILED, RENAME, UNLINK, MKDIR, RMDIR, LINK };

struct record {
    uint32_t kind;
    uint32_t path_length;
    uint64_t file;   /* its inode */
    uint64_t offset; /* of a write; the size of a truncate; the number of a sync */
    uint64_t length; /* of what follows the path: data, or a second path */
};

static struct { uint64_t inode; char *path; } files[FILES];
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static size_t folder_length;
static int journal = -1;
static struct plan nothing = {.space = -1};
struct plan *plan = &nothing;

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        fprintf(stderr, "faults: libc has no %s\n", name);
        abort();
    }
    return found;
}

static void die(const char *call, const char *path) {
    fprintf(stderr, "faults: %s on %s is not journalled; teach tests/faults/shim/disk.c\n", call, path);
    abort();
}

static void lock(void) { pthread_mutex_lock(&order); }
static void unlock(void) { int kept = errno; pthread_mutex_unlock(&order); errno = kept; }

__attribute__((constructor)) static void begin(void) {
    const char *root = getenv("FAULTS_FOLDER"), *log = getenv("FAULTS_JOURNAL"), *page = getenv("FAULTS_PLAN");
    if (page) {
        int fd = REAL(open)(page, O_RDWR | O_CLOEXEC);
        void *shared = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (fd < 0 || shared == MAP_FAILED) die("mapping", page);
        REAL(close)(fd);
        plan = shared;
    }
    if (log && (journal = REAL(open)(log, O_WRONLY | O_APPEND | O_CLOEXEC)) < 0) die("opening", log);
    if (root && realpath(root, folder)) folder_length = strlen(folder);
}

/* ---- which files count */

/* The absolute path if it lies below the folder, else NULL. `held` is PATH_MAX long. */
static const char *below(int at, const char *path, char *held) {
    char base[PATH_MAX], link[64];
    if (!folder_length || !path) return NULL;
    if (path[0] != '/') {
        snprintf(link, sizeof link, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0) return NULL;
        base[length] = 0;
        if (snprintf(held, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return NULL;
        path = held;
    }
    if (strncmp(path, folder, folder_length) || (path[folder_length] && path[folder_length] != '/')) return NULL;
    size_t length = strlen(path);
    if (length > 4 && !strcmp(path + length - 4, "-shm")) return NULL;
    return path;
}

static int counts(int fd) { return fd >= 0 && fd < FILES && files[fd].inode; }

static void follow(int fd, const char *path) {
    struct stat status;
    if (fd < 0) return;
    if (fd >= FILES || fstat(fd, &status)) die("open", path);
    files[fd].inode = status.st_ino;
    files[fd].path = strdup(path);
}

static uint64_t inode_of(const char *path) {
    struct stat status;
    return lstat(path, &status) ? 0 : status.st_ino;
}

/* ---- the journal and the plan; the caller holds the lock */

static void note(int kind, uint64_t file, uint64_t offset, const char *path, const void *more, size_t length) {
    const char *name = path ? path + folder_length + (path[folder_length] == '/') : "";
    struct record head = {kind, strlen(name), file, offset, length};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)name, head.path_length}, {(void *)more, length}};
    ssize_t size = sizeof head + head.path_length + length;
    int kept = errno;
    if (journal >= 0 && REAL(writev)(journal, parts, 3) != size) die("a full journal", path ? path : "data");
    errno = kept;
}

static void note_pair(int kind, const char *old, const char *new) {
    const char *name = new + folder_length + (new[folder_length] == '/');
    note(kind, 0, 0, old, name, strlen(name));
}

static int is_hit(int64_t every, int64_t *count, const char *path) {
    if (!every || (plan->only[0] && !strstr(path, plan->only)) || ++*count % every) return 0;
    plan->failures++;
    errno = plan->error ? plan->error : EIO;
    return 1;
}

/* How many of `size` bytes there is room for: a file's growth counts, as on a disk. -1: none, ENOSPC. */
static ssize_t room(int fd, off_t offset, size_t size) {
    struct stat status;
    if (plan->space < 0 || fstat(fd, &status)) return size;
    int64_t inside = status.st_size > offset ? status.st_size - offset : 0;
    int64_t growth = (int64_t)size > inside ? (int64_t)size - inside : 0;
    if (growth > plan->space) {
        growth = plan->space;
        size = inside + growth;
    }
    plan->space -= growth;
    if (size) return size;
    plan->failures++;
    errno = ENOSPC;
    return -1;
}

/* Whether a name can't be changed; a new one takes space, too. */
static int is_name_kept(const char *path, int is_new) {
    static int64_t count;
    if (is_hit(plan->fail_name, &count, path)) return 1;
    if (!is_new || plan->space) return 0;
    plan->failures++;
    errno = ENOSPC;
    return 1;
}

/* ---- contents */

/* `offset` -1: at the file's position. */
static ssize_t journalled_write(int fd, const void *data, size_t size, off_t offset) {
    static int64_t count;
    lock();
    if (is_hit(plan->fail_write, &count, files[fd].path)) PASS(-1);
    off_t start = offset;
    if (offset < 0) start = lseek(fd, 0, REAL(fcntl)(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    ssize_t allowed = room(fd, start, size);
    if (allowed < 0) PASS(-1);
    if (plan->swallow_writes) PASS(allowed);
    ssize_t done = offset < 0 ? REAL(write)(fd, data, allowed) : REAL(pwrite64)(fd, data, allowed, offset);
    if (done > 0) note(WRITE, files[fd].inode, start, NULL, data, done);
    PASS(done);
}

static ssize_t journalled_writev(int fd, const struct iovec *parts, int count, off_t offset) {
    size_t size = 0, place = 0;
    for (int each = 0; each < count; each++) size += parts[each].iov_len;
    char *glued = malloc(size + 1);
    for (int each = 0; each < count; place += parts[each++].iov_len)
        memcpy(glued + place, parts[each].iov_base, parts[each].iov_len);
    ssize_t done = journalled_write(fd, glued, size, offset);
    free(glued);
    return done;
}

ssize_t write(int fd, const void *data, size_t size) {
    return counts(fd) ? journalled_write(fd, data, size, -1) : REAL(write)(fd, data, size);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) {
    return counts(fd) ? journalled_write(fd, data, size, offset) : REAL(pwrite64)(fd, data, size, offset);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return pwrite64(fd, data, size, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    return counts(fd) ? journalled_writev(fd, parts, count, -1) : REAL(writev)(fd, parts, count);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
    return counts(fd) ? journalled_writev(fd, parts, count, offset) : REAL(pwritev64)(fd, parts, count, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return pwritev64(fd, parts, count, offset);
}

ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    if (!counts(fd)) return REAL(pwritev64v2)(fd, parts, count, offset, flags);
    return journalled_writev(fd, parts, count, offset);
}

static int fails_to_read(int fd) {
    static int64_t count;
    if (!counts(fd) || !plan->fail_read) return 0;
    lock();
    PASS(counts(fd) && is_hit(plan->fail_read, &count, files[fd].path));
}

ssize_t read(int fd, void *data, size_t size) { return fails_to_read(fd) ? -1 : REAL(read)(fd, data, size); }

ssize_t pread64(int fd, void *data, size_t size, off_t offset) {
    return fails_to_read(fd) ? -1 : REAL(pread64)(fd, data, size, offset);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset) { return pread64(fd, data, size, offset); }

int ftruncate64(int fd, off_t size) {
    if (!counts(fd)) return REAL(ftruncate64)(fd, size);
    lock();
    int result = REAL(ftruncate64)(fd, size);
    if (!result) note(TRUNCATE, files[fd].inode, size, NULL, NULL, 0);
    PASS(result);
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int truncate64(const char *path, off_t size) {
    char held[PATH_MAX];
    const char *whole = below(AT_FDCWD, path, held);
    if (!whole) return REAL(truncate64)(path, size);
    lock();
    int result = REAL(truncate64)(path, size);
    if (!result) note(TRUNCATE, inode_of(whole), size, NULL, NULL, 0);
    PASS(result);
}

int truncate(const char *path, off_t size) { return truncate64(path, size); }

int posix_fallocate64(int fd, off_t offset, off_t size) {
    struct stat status;
    if (!counts(fd)) return REAL(posix_fallocate64)(fd, offset, size);
    lock();
    int result = REAL(posix_fallocate64)(fd, offset, size);
    if (!result && !fstat(fd, &status)) note(TRUNCATE, files[fd].inode, status.st_size, NULL, NULL, 0);
    PASS(result);
}

int posix_fallocate(int fd, off_t offset, off_t size) { return posix_fallocate64(fd, offset, size); }

/* ---- promises */

static int journalled_sync(int fd, int (*sync)(int)) {
    static int64_t count;
    lock();
    uint64_t inode = files[fd].inode, number = ++plan->syncs;
    if (plan->sync_lies) PASS(0);
    int fails = is_hit(plan->fail_sync, &count, files[fd].path);
    note(SYNC_BEGIN, inode, number, NULL, NULL, 0);
    plan->syncs_running++;
    unlock();
    struct timespec delay = {plan->sync_delay_us / 1000000, plan->sync_delay_us % 1000000 * 1000};
    if (plan->sync_delay_us) nanosleep(&delay, NULL);
    int result = sync(fd);
    lock();
    plan->syncs_running--;
    note(fails || result ? SYNC_FAILED : SYNC_END, inode, number, NULL, NULL, 0);
    if (fails) errno = EIO;
    PASS(fails ? -1 : result);
}

int fsync(int fd) { return counts(fd) ? journalled_sync(fd, REAL(fsync)) : REAL(fsync)(fd); }

int fdatasync(int fd) { return counts(fd) ? journalled_sync(fd, REAL(fdatasync)) : REAL(fdatasync)(fd); }

/* ---- names */

static int journalled_open(int at, const char *path, const char *whole, int flags, mode_t mode) {
    lock();
    int is_new = flags & O_CREAT && !inode_of(whole);
    if (is_new && is_name_kept(whole, 1)) PASS(-1);
    int fd = REAL(openat64)(at, path, flags, mode);
    if (fd >= 0) {
        follow(fd, whole);
        if (is_new) note(CREATE, files[fd].inode, 0, whole, NULL, 0);
        else if (flags & O_TRUNC) note(TRUNCATE, files[fd].inode, 0, NULL, NULL, 0);
    }
    PASS(fd);
}

int openat64(int at, const char *path, int flags, ...) {
    char held[PATH_MAX];
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    const char *whole = below(at, path, held);
    if (!whole) return REAL(openat64)(at, path, flags, mode);
    if ((flags & O_TMPFILE) == O_TMPFILE) die("O_TMPFILE", whole);
    return journalled_open(at, path, whole, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return openat64(AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return openat64(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return openat64(at, path, flags, mode);
}

int close(int fd) {
    if (counts(fd)) {
        lock();
        files[fd].inode = 0;
        free(files[fd].path);
        files[fd].path = NULL;
        unlock();
    }
    return REAL(close)(fd);
}

int renameat(int old_at, const char *old, int new_at, const char *new) {
    char old_held[PATH_MAX], new_held[PATH_MAX];
    const char *from = below(old_at, old, old_held), *to = below(new_at, new, new_held);
    if (!from && !to) return REAL(renameat)(old_at, old, new_at, new);
    if (!from || !to) die("a rename across the folder's edge", from ? from : to);
    lock();
    if (is_name_kept(to, 0)) PASS(-1);
    int result = REAL(renameat)(old_at, old, new_at, new);
    if (!result) note_pair(RENAME, from, to);
    PASS(result);
}

int rename(const char *old, const char *new) { return renameat(AT_FDCWD, old, AT_FDCWD, new); }

int linkat(int old_at, const char *old, int new_at, const char *new, int flags) {
    char old_held[PATH_MAX], new_held[PATH_MAX];
    const char *from = below(old_at, old, old_held), *to = below(new_at, new, new_held);
    if (!from && !to) return REAL(linkat)(old_at, old, new_at, new, flags);
    if (!from || !to) die("a link across the folder's edge", from ? from : to);
    lock();
    if (is_name_kept(to, 1)) PASS(-1);
    int result = REAL(linkat)(old_at, old, new_at, new, flags);
    if (!result) note_pair(LINK, from, to);
    PASS(result);
}

int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }

int unlinkat(int at, const char *path, int flags) {
    char held[PATH_MAX];
    const char *whole = below(at, path, held);
    if (!whole) return REAL(unlinkat)(at, path, flags);
    lock();
    if (is_name_kept(whole, 0)) PASS(-1);
    int result = REAL(unlinkat)(at, path, flags);
    if (!result) note(flags & AT_REMOVEDIR ? RMDIR : UNLINK, 0, 0, whole, NULL, 0);
    PASS(result);
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int at, const char *path, mode_t mode) {
    char held[PATH_MAX];
    const char *whole = below(at, path, held);
    if (!whole) return REAL(mkdirat)(at, path, mode);
    lock();
    if (is_name_kept(whole, 1)) PASS(-1);
    int result = REAL(mkdirat)(at, path, mode);
    if (!result) note(MKDIR, inode_of(whole), 0, whole, NULL, 0);
    PASS(result);
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* ---- what would go unseen */

static void refuse(const char *call, int fd) {
    if (counts(fd)) die(call, files[fd].path);
}

int dup2(int old, int new) { refuse("dup2", old); return REAL(dup2)(old, new); }

int dup3(int old, int new, int flags) { refuse("dup3", old); return REAL(dup3)(old, new, flags); }

void *mmap64(void *start, size_t size, int rights, int flags, int fd, off_t offset) {
    if (rights & PROT_WRITE && flags & MAP_SHARED) refuse("mmap for writing", fd);
    return REAL(mmap64)(start, size, rights, flags, fd, offset);
}

void *mmap(void *start, size_t size, int rights, int flags, int fd, off_t offset) {
    return mmap64(start, size, rights, flags, fd, offset);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags) {
    refuse("copy_file_range", to);
    return REAL(copy_file_range)(from, from_at, to, to_at, size, flags);
}

ssize_t splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags) {
    refuse("splice", to);
    return REAL(splice)(from, from_at, to, to_at, size, flags);
}

int symlinkat(const char *target, int at, const char *path) {
    char held[PATH_MAX];
    if (below(at, path, held)) die("symlink", path);
    return REAL(symlinkat)(target, at, path);
}

int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }
