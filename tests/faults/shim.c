// SPDX-License-Identifier: GPL-3.0-or-later
// The disk that fails, the power cut and the clock that jumps, as a library for LD_PRELOAD: every call of the
// C library that changes something below one directory is counted, over all processes that share the counter;
// the one that was asked for fails, or ends the process in front of it. Programs that imgforge starts
// (qemu-img) inherit it. Nothing here knows imgforge.
//   IMGFORGE_FAULT_BELOW=DIR        only calls on paths below it count
//   IMGFORGE_FAULT_COUNTER=FILE     8 bytes or more, mapped by all: how many calls there were
//   IMGFORGE_FAULT_AT=N [_UNTIL=M]  calls N to M (default N; 0: all from N on)
//   IMGFORGE_FAULT_WHAT=EIO|ENOSPC|KILL   default: only count
//   IMGFORGE_FAULT_VICTIM=PID       KILL ends this process too: the one under test, when a program it started
//                                   made the call
//   IMGFORGE_FAULT_LOG=FILE         one line per counted call
//   IMGFORGE_FAULT_CLOCK=SECONDS    wall time is wrong by this much
//   IMGFORGE_FAULT_CLOCK_FLIP=N     … but right at every second stretch of N looks: it jumps forth and back
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NEXT(type, name, ...) \
    static type (*next)(__VA_ARGS__); \
    if (!next) *(void**)&next = dlsym(RTLD_NEXT, name)

static const char* below;
static size_t below_length;
static uint64_t* counter;
static uint64_t first, last;
static int what;  // errno value, -1: kill, 0: count only
static int log_fd = -1;
static pid_t victim;
static long long clock_offset;
static uint64_t clock_flip, clock_looks;

static uint64_t number(const char* name, uint64_t otherwise) {
    const char* text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void prepare(void) {
    const char* folder = getenv("IMGFORGE_FAULT_BELOW");
    const char* shared = getenv("IMGFORGE_FAULT_COUNTER");
    const char* fault = getenv("IMGFORGE_FAULT_WHAT");
    const char* log = getenv("IMGFORGE_FAULT_LOG");
    const char* offset = getenv("IMGFORGE_FAULT_CLOCK");
    clock_offset = offset ? atoll(offset) : 0;
    clock_flip = number("IMGFORGE_FAULT_CLOCK_FLIP", 0);
    first = number("IMGFORGE_FAULT_AT", 0);
    last = number("IMGFORGE_FAULT_UNTIL", first);
    victim = (pid_t)number("IMGFORGE_FAULT_VICTIM", 0);
    what = !fault                         ? 0
           : strcmp(fault, "KILL") == 0   ? -1
           : strcmp(fault, "ENOSPC") == 0 ? ENOSPC
           : strcmp(fault, "EIO") == 0    ? EIO
                                          : 0;
    if (log)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (shared) {
        const int fd = (int)syscall(SYS_openat, AT_FDCWD, shared, O_RDWR | O_CLOEXEC, 0);
        void* map =
            fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (fd >= 0) syscall(SYS_close, fd);
        if (map != MAP_FAILED) counter = map;
    }
    if (folder && counter) {
        below = folder;
        below_length = strlen(folder);
    }
}

static int inside(const char* path) {
    return strncmp(path, below, below_length) == 0 && (path[below_length] == '/' || path[below_length] == 0);
}

/// 0: go on. Else the call is to return -1 with errno set.
static int strike(const char* call, const char* path) {
    const uint64_t n = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
    const int hit = first != 0 && n >= first && (last == 0 || n <= last);
    if (log_fd >= 0) {
        char line[PATH_MAX + 64];
        const int length = snprintf(line, sizeof line, "%llu %d %s %s%s\n", (unsigned long long)n,
                                    (int)getpid(), call, path, hit && what ? " <-" : "");
        syscall(SYS_write, log_fd, line, (size_t)length);
    }
    if (!hit || what == 0) return 0;
    if (what == -1) {
        if (victim > 0) kill(victim, SIGKILL);
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    errno = what;
    return -1;
}

static int on_path(const char* call, int folder, const char* path) {
    char full[PATH_MAX];
    if (!below || !path) return 0;
    if (path[0] != '/') {
        char base[PATH_MAX / 2];
        if (folder == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return 0;
        } else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            const ssize_t got = readlink(link, base, sizeof base - 1);
            if (got <= 0) return 0;
            base[got] = 0;
        }
        if (snprintf(full, sizeof full, "%s/%s", base, path) >= (int)sizeof full) return 0;
        path = full;
    }
    return inside(path) ? strike(call, path) : 0;
}

static int on_fd(const char* call, int fd) {
    char link[64];
    char path[PATH_MAX];
    if (!below) return 0;
    const int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t got = readlink(link, path, sizeof path - 1);
    errno = before;
    if (got <= 0) return 0;
    path[got] = 0;
    return inside(path) ? strike(call, path) : 0;
}

// -- descriptors --

#define ON_FD(type, name, parameters, arguments) \
    type name parameters { \
        NEXT(type, #name, ON_FD_TYPES_##name); \
        return on_fd(#name, fd) ? (type)-1 : next arguments; \
    }
#define ON_FD_TYPES_write int, const void*, size_t
#define ON_FD_TYPES_pwrite int, const void*, size_t, off_t
#define ON_FD_TYPES_pwrite64 int, const void*, size_t, off64_t
#define ON_FD_TYPES_writev int, const struct iovec*, int
#define ON_FD_TYPES_pwritev int, const struct iovec*, int, off_t
#define ON_FD_TYPES_pwritev64 int, const struct iovec*, int, off64_t
#define ON_FD_TYPES_ftruncate int, off_t
#define ON_FD_TYPES_ftruncate64 int, off64_t
#define ON_FD_TYPES_fallocate int, int, off_t, off_t
#define ON_FD_TYPES_fallocate64 int, int, off64_t, off64_t
#define ON_FD_TYPES_fsync int
#define ON_FD_TYPES_fdatasync int
#define ON_FD_TYPES_fchmod int, mode_t
ON_FD(ssize_t, write, (int fd, const void* data, size_t size), (fd, data, size))
ON_FD(ssize_t, pwrite, (int fd, const void* data, size_t size, off_t at), (fd, data, size, at))
ON_FD(ssize_t, pwrite64, (int fd, const void* data, size_t size, off64_t at), (fd, data, size, at))
ON_FD(ssize_t, writev, (int fd, const struct iovec* list, int count), (fd, list, count))
ON_FD(ssize_t, pwritev, (int fd, const struct iovec* list, int count, off_t at), (fd, list, count, at))
ON_FD(ssize_t, pwritev64, (int fd, const struct iovec* list, int count, off64_t at), (fd, list, count, at))
ON_FD(int, ftruncate, (int fd, off_t size), (fd, size))
ON_FD(int, ftruncate64, (int fd, off64_t size), (fd, size))
ON_FD(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
ON_FD(int, fallocate64, (int fd, int mode, off64_t at, off64_t size), (fd, mode, at, size))
ON_FD(int, fsync, (int fd), (fd))
ON_FD(int, fdatasync, (int fd), (fd))
ON_FD(int, fchmod, (int fd, mode_t mode), (fd, mode))

// posix_fallocate(3) returns the error instead of setting errno.
int posix_fallocate(int fd, off_t at, off_t size) {
    NEXT(int, "posix_fallocate", int, off_t, off_t);
    return on_fd("posix_fallocate", fd) ? errno : next(fd, at, size);
}
int posix_fallocate64(int fd, off64_t at, off64_t size) {
    NEXT(int, "posix_fallocate64", int, off64_t, off64_t);
    return on_fd("posix_fallocate64", fd) ? errno : next(fd, at, size);
}
ssize_t copy_file_range(int from, off64_t* from_at, int fd, off64_t* at, size_t size, unsigned flags) {
    NEXT(ssize_t, "copy_file_range", int, off64_t*, int, off64_t*, size_t, unsigned);
    return on_fd("copy_file_range", fd) ? -1 : next(from, from_at, fd, at, size, flags);
}

// -- names --

// Opening counts only when it can make or empty a file.
#define OPEN(name)                                                                                        \
    int name(const char* path, int flags, ...) {                                                          \
        NEXT(int, #name, const char*, int, ...);                                                          \
        va_list list;                                                                                     \
        va_start(list, flags);                                                                            \
        const mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) ? va_arg(list, mode_t) : 0;                 \
        va_end(list);                                                                                     \
        return (flags & (O_CREAT | O_TRUNC)) && on_path(#name, AT_FDCWD, path) ? -1                       \
                                                                               : next(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
#define OPENAT(name)                                                                      \
    int name(int folder, const char* path, int flags, ...) {                              \
        NEXT(int, #name, int, const char*, int, ...);                                     \
        va_list list;                                                                     \
        va_start(list, flags);                                                            \
        const mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) ? va_arg(list, mode_t) : 0; \
        va_end(list);                                                                     \
        return (flags & (O_CREAT | O_TRUNC)) && on_path(#name, folder, path)              \
                   ? -1                                                                   \
                   : next(folder, path, flags, mode);                                     \
    }
OPENAT(openat)
OPENAT(openat64)

int rename(const char* from, const char* to) {
    NEXT(int, "rename", const char*, const char*);
    return on_path("rename", AT_FDCWD, to) ? -1 : next(from, to);
}
int renameat(int a, const char* from, int b, const char* to) {
    NEXT(int, "renameat", int, const char*, int, const char*);
    return on_path("renameat", b, to) ? -1 : next(a, from, b, to);
}
int renameat2(int a, const char* from, int b, const char* to, unsigned flags) {
    NEXT(int, "renameat2", int, const char*, int, const char*, unsigned);
    return on_path("renameat2", b, to) ? -1 : next(a, from, b, to, flags);
}
int link(const char* from, const char* to) {
    NEXT(int, "link", const char*, const char*);
    return on_path("link", AT_FDCWD, to) ? -1 : next(from, to);
}
int symlink(const char* from, const char* to) {
    NEXT(int, "symlink", const char*, const char*);
    return on_path("symlink", AT_FDCWD, to) ? -1 : next(from, to);
}
int unlink(const char* path) {
    NEXT(int, "unlink", const char*);
    return on_path("unlink", AT_FDCWD, path) ? -1 : next(path);
}
int unlinkat(int folder, const char* path, int flags) {
    NEXT(int, "unlinkat", int, const char*, int);
    return on_path("unlinkat", folder, path) ? -1 : next(folder, path, flags);
}
int remove(const char* path) {
    NEXT(int, "remove", const char*);
    return on_path("remove", AT_FDCWD, path) ? -1 : next(path);
}
int rmdir(const char* path) {
    NEXT(int, "rmdir", const char*);
    return on_path("rmdir", AT_FDCWD, path) ? -1 : next(path);
}
int mkdir(const char* path, mode_t mode) {
    NEXT(int, "mkdir", const char*, mode_t);
    return on_path("mkdir", AT_FDCWD, path) ? -1 : next(path, mode);
}
int mkdirat(int folder, const char* path, mode_t mode) {
    NEXT(int, "mkdirat", int, const char*, mode_t);
    return on_path("mkdirat", folder, path) ? -1 : next(folder, path, mode);
}
int chmod(const char* path, mode_t mode) {
    NEXT(int, "chmod", const char*, mode_t);
    return on_path("chmod", AT_FDCWD, path) ? -1 : next(path, mode);
}
int fchmodat(int folder, const char* path, mode_t mode, int flags) {
    NEXT(int, "fchmodat", int, const char*, mode_t, int);
    return on_path("fchmodat", folder, path) ? -1 : next(folder, path, mode, flags);
}

// -- wall time --

static long long wrong_by(void) {
    if (clock_offset == 0 || clock_flip == 0) return clock_offset;
    return (__atomic_fetch_add(&clock_looks, 1, __ATOMIC_SEQ_CST) / clock_flip) % 2 == 0 ? clock_offset : 0;
}
int clock_gettime(clockid_t id, struct timespec* time) {
    NEXT(int, "clock_gettime", clockid_t, struct timespec*);
    const int code = next(id, time);
    if (code == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) time->tv_sec += wrong_by();
    return code;
}
time_t time(time_t* result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval* restrict result, void* restrict zone) {
    NEXT(int, "gettimeofday", struct timeval*, void*);
    const int code = next(result, zone);
    if (code == 0) result->tv_sec += wrong_by();
    return code;
}
