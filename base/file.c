/* SPDX-License-Identifier: MIT */
/* Small files that people write, read as a whole. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { FILE_CHUNK = 4096 };

static int file_invalid(struct buf *why, const char *path, const char *fault)
{
    int r = buf_printf(why, "%s: %s", path, fault);

    return r ? r : FILE_INVALID;
}

static int file_too_large(struct buf *why, const char *path, size_t max_bytes)
{
    int r = buf_printf(why, "%s: larger than %zu bytes", path, max_bytes);

    return r ? r : FILE_INVALID;
}

static bool file_waits_are_limited;

void file_limit_waits(void)
{
    file_waits_are_limited = true;
}

static bool file_is_regular(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Waits for the next bytes of a pipe, until the deadline. */
static bool file_is_ready(int fd, int64_t until_ms)
{
    struct pollfd pipe = {.fd = fd, .events = POLLIN};
    int64_t left_ms = until_ms - clock_mono_ms(&clock_system);
    int ready;

    if (left_ms < 0)
        left_ms = 0;
    do
        ready = poll(&pipe, 1, file_waits_are_limited ? (int)left_ms : -1);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

int file_read(const char *path, size_t max_bytes, struct buf *content, struct buf *why)
{
    /* Without O_NONBLOCK, opening a pipe waits until another process writes to it. */
    cleanup(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    cleanup(buf_done) struct buf bytes = BUF_NULL;
    int64_t until_ms = clock_mono_ms(&clock_system) + FILE_PIPE_MS;

    if (fd < 0)
        return file_invalid(why, path, strerror(errno));
    bool regular = file_is_regular(fd);
    for (;;) {
        int r = buf_reserve(&bytes, FILE_CHUNK);
        if (r)
            return r;
        if (!regular && !file_is_ready(fd, until_ms))
            return file_invalid(why, path, "is no file, and what comes out of it does not end");
        ssize_t n = read(fd, bytes.at + bytes.len, FILE_CHUNK);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return file_invalid(why, path, strerror(errno));
        if (n == 0)
            break;
        bytes.len += (size_t)n;
        if (bytes.len > max_bytes)
            return file_too_large(why, path, max_bytes);
    }
    *content = bytes;
    bytes = BUF_NULL;
    return 0;
}
