/* SPDX-License-Identifier: MIT */
/*
 * What the head of a request says, and whether it may be believed. libmicrohttpd before 1.0 lets
 * through what makes two parties read different requests from the same bytes: that is refused here.
 *
 * Source: RFC 9112, sections 2.2 (line ends), 3 (request line), 3.2 (Host), 5.1 (names), 5.2
 * (folded lines), 6.1 and 6.3 (framing); RFC 9110, 5.5 (values).
 */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>

#include "handlers/guard.h"
#include "handlers/reply.h"

enum { HTTP_HEAD_REFUSED = 1 };

struct http_head {
    struct guard_secret secret;
    struct span request_id; /* at NULL: none, or several */
    struct span encoding;   /* a Content-Encoding other than identity; at NULL: none */
    bool chunked;
    unsigned long long content_length; /* 0: none given */
};

/* A request line as libmicrohttpd has taken it apart, in place. */
struct http_start {
    const char *method;
    struct span target; /* as it stood there */
    const char *url;    /* where it stood: decoded by now, without its query */
    const char *version;
};

/* For MHD_OPTION_STRICT_FOR_CLIENT: what the library that is loaded is to refuse by itself. */
int http_head_strictness(void);

/*
 * 0; or HTTP_HEAD_REFUSED, and *refusal with *why (a constant, for the replies that take one) says
 * what is wrong. The connection must then be closed, since nobody knows where the request ends.
 */
int http_head_read(struct MHD_Connection *mhd, const struct http_start *start,
                   struct http_head *head, enum reply *refusal, const char **why);
