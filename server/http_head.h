/* SPDX-License-Identifier: MIT */
/*
 * What the head of a request says, and whether the head is well-formed. libmicrohttpd before 1.0
 * lets heads through that two servers can read as two different requests; such heads are refused
 * here.
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
    struct span request_id; /* at NULL: the request has none, or several */
    struct span encoding;   /* a Content-Encoding other than identity; at NULL: none */
    bool chunked;
    unsigned long long content_length; /* bytes; 0: none given */
};

/* The request line. libmicrohttpd has put NULs between its parts, which still stand in place. */
struct http_request_line {
    const char *method;
    struct span target; /* as it was sent */
    const char *url;    /* where the target stood: decoded by now, without its query */
    const char *version;
};

/* The value for MHD_OPTION_STRICT_FOR_CLIENT: what the loaded library is to refuse by itself. */
int http_head_strictness(void);

/*
 * Reads the head. 0; or HTTP_HEAD_REFUSED, and *refusal is the answer, *why its text (a constant)
 * where that answer has one. The connection must be closed after a refusal, since nobody knows
 * where such a request ends.
 */
int http_head_read(struct MHD_Connection *mhd, const struct http_request_line *line,
                   struct http_head *head, enum reply *refusal, const char **why);
