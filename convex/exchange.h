/* SPDX-License-Identifier: MIT */
/*
 * One POST to Convex and its answer, on one libcurl easy handle that is used again and again. What
 * the transport on libcurl's multi interface and the probe share.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "convex/answer.h"

struct transport_options;

enum {
    EXCHANGE_GATHER_BYTES = 64 << 10, /* requests below this leave in one piece */
    EXCHANGE_PARTS = 3,
};

struct exchange {
    CURL *easy;
    char error[CURL_ERROR_SIZE];

    /* what goes out */
    const struct curl_slist *headers; /* the same for every call; belongs to the owner */
    struct curl_slist own_headers[2]; /* stand before them in one call */
    struct buf own_lines;
    struct buf gathered;
    struct span parts[EXCHANGE_PARTS]; /* what is left of a large body */
    int sends;                         /* how often libcurl was about to send the request */

    /* what comes back */
    struct buf body;        /* its beginning; nothing of a compressed one */
    uint64_t body_bytes;    /* how much of it has come */
    const char *compressed; /* one line for the log; NULL: it is not */
    size_t head_bytes;
    bool head_is_whole; /* of the last head that began */
    int64_t retry_after_ms;
};

/* The header lines that every call has: *headers is freed with curl_slist_free_all(). 0 or -ENOMEM.
 */
int exchange_headers_new(const struct transport_options *options, struct curl_slist **headers);

/*
 * Sets up a handle that POSTs to <CONVEX_URL><path>. The exchange must stay in place, and headers
 * must outlive it. 0 or an -errno.
 */
int exchange_init(struct exchange *exchange, const struct transport_options *options,
                  const char *path, const struct curl_slist *headers);
/* The same without the options: copies another handle's. 0 or an -errno. */
int exchange_init_like(struct exchange *exchange, const struct exchange *like);
void exchange_done(struct exchange *exchange);

/*
 * Makes the handle ready for the next transfer. The parts, which are the body, must stay in place
 * until it ends; the strings are copied (NULL: no such header). 0 or an -errno.
 */
int exchange_prepare(struct exchange *exchange, const struct span parts[EXCHANGE_PARTS],
                     const char *authorization, const char *request_id);

/* What the transfer that ended with result brought. answer points into the exchange. */
void exchange_read(struct exchange *exchange, CURLcode result, struct answer *answer);
