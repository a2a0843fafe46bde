/* SPDX-License-Identifier: MIT */
/* The head of the POSTs to Convex, made once but for what differs from one to the next. */
#pragma once

#include "base/buf.h"

struct transport_options;

/* All zero is a valid empty one. */
struct request_head {
    struct buf opening;       /* the request line and Host */
    struct buf authorization; /* empty: no such header */
    struct buf closing;       /* up to the value of Content-Length */
};

/* 0, -EINVAL where the deploy key holds what no header may, or another -errno. */
int request_head_init(struct request_head *head, const struct transport_options *options);
void request_head_done(struct request_head *head);

/* Writes the head of a request with that much body. request_id NULL: none. 0 or -ENOMEM. */
int request_head_write(const struct request_head *head, const char *request_id, size_t body_len,
                       struct buf *out);
