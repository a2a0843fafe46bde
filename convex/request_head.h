/* SPDX-License-Identifier: MIT */
/* The head of the POSTs to Convex: what is the same in all of them is written once. */
#pragma once

#include "base/buf.h"

struct transport_options;

/* All zero is empty, and may be given to request_head_done(). */
struct request_head {
    struct buf opening;       /* the request line and Host */
    struct buf authorization; /* empty: no such header */
    struct buf closing;       /* up to the value of Content-Length */
};

/* 0, or an -errno: -EINVAL where the deploy key holds what no header may. */
int request_head_init(struct request_head *head, const struct transport_options *options);
void request_head_done(struct request_head *head);

/* Appends the head of a request with body_len bytes of body. request_id NULL: none. 0 or -ENOMEM.
 */
int request_head_write(const struct request_head *head, const char *request_id, size_t body_len,
                       struct buf *out);
