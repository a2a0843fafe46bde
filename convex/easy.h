/* SPDX-License-Identifier: MIT */
/*
 * libcurl's options that hold however a request travels: where it goes, whom to trust, how long it
 * may take.
 */
#pragma once

#include <curl/curl.h>

#include "base/buf.h"

struct transport_options;

enum {
    /* Proxies close idle connections after 60 s or more: never send into one about to be closed. */
    EASY_IDLE_S = 45,
    /* So that a changed DNS answer is followed even under load. */
    EASY_LIFETIME_S = 10 * 60,
};

/* Appends <convex_url><path> without doubled slashes, as a C string. 0 or an -errno. */
int easy_url(const struct transport_options *options, struct buf *url);

/* A handle for that URL, freed with curl_easy_cleanup(). 0 or an -errno. */
int easy_new(const struct transport_options *options, CURL **easy);
