/* SPDX-License-Identifier: MIT */
/*
 * The options of a libcurl handle: which address to connect to, whom to trust, how long that may
 * take.
 */
#pragma once

#include <curl/curl.h>

#include "base/buf.h"

struct transport_options;

enum {
    /* Proxies close connections that are idle for 60 s; the relay closes them earlier, so that no
     * request meets such an end. */
    EASY_IDLE_S = 45,
    /* A connection's life, so that a changed DNS answer is followed even under load. */
    EASY_LIFETIME_S = 10 * 60,
};

/* Appends <convex_url><path> without doubled slashes, as a C string. 0 or an -errno. */
int easy_url(const struct transport_options *options, struct buf *url);

/* A handle for that URL, freed with curl_easy_cleanup(). 0 or an -errno. */
int easy_new(const struct transport_options *options, CURL **easy);
