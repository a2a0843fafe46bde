/* SPDX-License-Identifier: MIT */
/* libcurl's descriptors on the event loop, by way of the multi socket interface. */
#pragma once

#include <curl/curl.h>

#include "base/loop.h"

struct sockets_entry;

struct sockets {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer timer; /* libcurl's one */
    /* Called after each time libcurl was let run. */
    void (*ran)(void *ctx);
    void *ctx;
    /* The rest is its own. */
    struct sockets_entry **entries; /* by descriptor; NULL: not ours to watch */
    size_t entries_len;
};

/* Hooks the multi handle up; both must outlive sockets_done(). 0 or an -errno. */
int sockets_init(struct sockets *sockets, struct loop *loop, CURLM *multi, void (*ran)(void *ctx),
                 void *ctx);
/* After curl_multi_cleanup(), which still closes descriptors. */
void sockets_done(struct sockets *sockets);

/* Watches a connected socket no longer, which libcurl is done with but for closing it. */
void sockets_release(struct sockets *sockets, int fd);

/* Lets an easy handle's connections be opened and closed here. 0 or an -errno. */
int sockets_attach(struct sockets *sockets, CURL *easy);
