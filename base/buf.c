/* SPDX-License-Identifier: MIT */
/* A run of bytes that grows. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum { BUF_MIN = 64 };

static int buf_grow(struct buf *buf, size_t cap)
{
    char *at = realloc(buf->at, cap);

    if (!at)
        return error_origin(-ENOMEM);
    buf->at = at;
    buf->cap = cap;
    return 0;
}

int buf_reserve(struct buf *buf, size_t extra)
{
    if (buf->cap - buf->len >= extra)
        return 0;
    if (extra > SIZE_MAX / 4 - buf->len)
        return error_origin(-ENOMEM);

    size_t need = buf->len + extra;
    size_t cap = buf->cap + buf->cap / 2;
    if (cap < need)
        cap = need;
    if (cap < BUF_MIN)
        cap = BUF_MIN;
    return buf_grow(buf, cap);
}

int buf_reserve_up_to(struct buf *buf, size_t extra, size_t max)
{
    size_t cap = buf->cap + buf->cap / 2;

    if (buf->cap - buf->len >= extra || cap <= max || max < buf->len || max - buf->len < extra)
        return buf_reserve(buf, extra);
    return buf_grow(buf, max);
}

int buf_append(struct buf *buf, const void *bytes, size_t len)
{
    if (len == 0)
        return 0;
    int r = buf_reserve(buf, len);
    if (r)
        return r;
    memcpy(buf->at + buf->len, bytes, len);
    buf->len += len;
    return 0;
}

int buf_append_span(struct buf *buf, struct span span)
{
    return buf_append(buf, span.at, span.len);
}

int buf_append_char(struct buf *buf, char c)
{
    return buf_append(buf, &c, 1);
}

int buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    int r = len < 0 ? error_origin(-EINVAL) : buf_reserve(buf, (size_t)len + 1);
    if (r == 0) {
        (void)vsnprintf(buf->at + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    return r;
}

int buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int r = buf_vprintf(buf, format, args);
    va_end(args);
    return r;
}

const char *buf_string(struct buf *buf)
{
    if (buf_reserve(buf, 1))
        return NULL;
    buf->at[buf->len] = '\0';
    return buf->at;
}

void buf_done(struct buf *buf)
{
    free(buf->at);
    *buf = BUF_NULL;
}
