/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into the relay: how long its loop is busy between two waits, in CPU time, which does
 * not count what else the machine does. The longest turn, in ns, stands in the first eight bytes of
 * the file that TURNS_FILE names; whoever reads it may set it back to 0.
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

static _Atomic int64_t *longest_ns;
static epoll_wait_fn *wait_for_real;
static int loop_fd = -1; /* the loop's, which waits first; libmicrohttpd has another */
static int64_t began_ns;

static int64_t cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void set_up(int fd)
{
    int file = open(getenv("TURNS_FILE"), O_RDWR | O_CLOEXEC);
    void *at = mmap(NULL, sizeof(*longest_ns), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

    if (at == MAP_FAILED)
        abort();
    longest_ns = at;
    *(void **)&wait_for_real = dlsym(RTLD_NEXT, "epoll_wait");
    loop_fd = fd;
    began_ns = cpu_ns();
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
    if (!wait_for_real)
        set_up(fd);
    if (fd != loop_fd)
        return wait_for_real(fd, events, max, timeout_ms);
    int64_t took_ns = cpu_ns() - began_ns;
    if (took_ns > atomic_load(longest_ns))
        atomic_store(longest_ns, took_ns);
    int n = wait_for_real(fd, events, max, timeout_ms);
    began_ns = cpu_ns();
    return n;
}
