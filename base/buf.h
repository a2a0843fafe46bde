/* SPDX-License-Identifier: MIT */
/* A run of bytes that grows. A struct that is all zero (BUF_NULL) is an empty one. */
#pragma once

#include <stdarg.h>

#include "base/span.h"
#include "base/util.h"

struct buf {
    char *at; /* may be NULL while empty; ends with a NUL only after buf_string() */
    size_t len;
    size_t cap;
};

#define BUF_NULL ((struct buf){NULL, 0, 0})

/* Makes room for extra bytes at least, behind those that are there. 0; or -ENOMEM, and nothing has
 * changed. */
int buf_reserve(struct buf *buf, size_t extra);
/* The same, for a buffer that is said to hold max bytes in the end: makes no room beyond max that
 * extra does not need. max may turn out too small, or be 0 because nothing was said. */
int buf_reserve_up_to(struct buf *buf, size_t extra, size_t max);

/* Append bytes, a span, a byte, and formatted text. 0 or -ENOMEM; -EINVAL: the format cannot be
 * printed. */
int buf_append(struct buf *buf, const void *bytes, size_t len);
int buf_append_span(struct buf *buf, struct span span);
int buf_append_char(struct buf *buf, char c);
int buf_printf(struct buf *buf, const char *format, ...) printf_like(2, 3);
int buf_vprintf(struct buf *buf, const char *format, va_list args) printf_like(2, 0);

/* The bytes as a C string that the buffer goes on owning; NULL when out of memory. */
const char *buf_string(struct buf *buf);

/* Frees the bytes and leaves an empty buffer. */
void buf_done(struct buf *buf);

static inline struct span buf_span(const struct buf *buf)
{
    return (struct span){buf->at ? buf->at : "", buf->len};
}
