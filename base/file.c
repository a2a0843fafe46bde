/* SPDX-License-Identifier: MIT */
/* Small files, read whole. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FILE_CHUNK = 4096 };

static int file_invalid(struct buf *why, const char *path, int error)
{
    int r = buf_printf(why, "%s: %s", path, strerror(error));

    return r ? r : FILE_INVALID;
}

static int file_too_large(struct buf *why, const char *path, size_t max_bytes)
{
    int r = buf_printf(why, "%s: larger than %zu bytes", path, max_bytes);

    return r ? r : FILE_INVALID;
}

int file_read(const char *path, size_t max_bytes, struct buf *content, struct buf *why)
{
    cleanup(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    cleanup(buf_done) struct buf bytes = BUF_NULL;

    if (fd < 0)
        return file_invalid(why, path, errno);
    for (;;) {
        int r = buf_reserve(&bytes, FILE_CHUNK);
        if (r)
            return r;
        ssize_t n = read(fd, bytes.at + bytes.len, FILE_CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_invalid(why, path, errno);
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
