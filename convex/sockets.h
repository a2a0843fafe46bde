/* SPDX-License-Identifier: MIT */
/* libcurl's descriptors on the event loop, by way of the multi socket interface. */
#pragma once

#include <curl/curl.h>

#include "base/loop.h"

struct sockets_entry;

struct sockets {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer timer; /* the one timer of the multi handle */
    /* Called with ctx each time libcurl has run. */
    void (*ran)(void *ctx);
    void *ctx;
    /* private: */
    struct sockets_entry **entries; /* by descriptor; NULL: not watched for libcurl */
    size_t entries_len;
};

/* Puts the multi handle on the loop; both must outlive sockets_done(). 0 or an -errno. */
int sockets_init(struct sockets *sockets, struct loop *loop, CURLM *multi, void (*ran)(void *ctx),
                 void *ctx);
/* To be called after curl_multi_cleanup(), which still closes descriptors. */
void sockets_done(struct sockets *sockets);

/* Has the sockets of an easy handle and of its copies made here, where all are watched. 0 or an
 * -errno. */
int sockets_attach(struct sockets *sockets, CURL *easy);

/* Stops watching a connected socket for libcurl, which will only close it. */
void sockets_release(struct sockets *sockets, int fd);
