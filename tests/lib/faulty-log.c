/* SPDX-License-Identifier: MIT */
/*
 * Loaded before the C library (LD_PRELOAD): lets one in n writes of the outbox's log (WAL) fail.
 * The file that FAULTY_LOG names holds n, a uint32_t; 0: none fails.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const volatile uint32_t *one_in;
static atomic_uint writes;
static ssize_t (*real_pwrite)(int fd, const void *bytes, size_t len, off64_t at);

static __attribute__((constructor)) void faulty_log_init(void)
{
    const char *name = getenv("FAULTY_LOG");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;

    *(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    if (fd >= 0) {
        void *at = mmap(NULL, sizeof(*one_in), PROT_READ, MAP_SHARED, fd, 0);
        one_in = at == MAP_FAILED ? NULL : at;
        (void)close(fd);
    }
}

static bool faulty_log_is(int fd)
{
    char link[64], name[512];

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, name, sizeof(name));
    return len > 4 && memcmp(name + len - 4, "-wal", 4) == 0;
}

/* SQLite calls this name; with 64-bit offsets, pwrite() has the same. */
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    uint32_t n = one_in ? *one_in : 0;

    if (n > 0 && faulty_log_is(fd) && (atomic_fetch_add(&writes, 1) + 1) % n == 0) {
        errno = EIO;
        return -1;
    }
    return real_pwrite(fd, bytes, len, at);
}
