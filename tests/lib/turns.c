/* SPDX-License-Identifier: MIT */
/*
 * Loaded before the C library (LD_PRELOAD): measures how long the relay's loop is busy between two
 * waits. Each turn ends with a call of turn_ended(), so that callgrind can count from one call to
 * the next. If TURNS_FILE names a file, the file's first eight bytes hold the CPU time of the
 * longest turn, in ns; a reader may set them back to 0. CPU time grows when caches are shared, so
 * ./dev bench alone uses it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef int epoll_wait_fn(int fd, struct epoll_event *events, int max, int timeout_ms);

void turn_ended(void);

static _Atomic int64_t nowhere;
static _Atomic int64_t *longest_ns = &nowhere;
static epoll_wait_fn *wait_for_real;
static int loop_fd = -1; /* the loop's, which waits first; libmicrohttpd has another */
static int64_t began_ns;

static int64_t cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void set_up_file(const char *path)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *at = mmap(NULL, sizeof(*longest_ns), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

    if (at == MAP_FAILED)
        abort();
    longest_ns = at;
}

static void set_up(int fd)
{
    const char *path = getenv("TURNS_FILE");

    if (path)
        set_up_file(path);
    *(void **)&wait_for_real = dlsym(RTLD_NEXT, "epoll_wait");
    loop_fd = fd;
    began_ns = cpu_ns();
}

__attribute__((noinline)) void turn_ended(void)
{
    int64_t took_ns = cpu_ns() - began_ns;

    if (took_ns > atomic_load(longest_ns))
        atomic_store(longest_ns, took_ns);
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
    if (!wait_for_real)
        set_up(fd);
    if (fd != loop_fd)
        return wait_for_real(fd, events, max, timeout_ms);
    turn_ended();
    int n = wait_for_real(fd, events, max, timeout_ms);
    began_ns = cpu_ns();
    return n;
}
