/* SPDX-License-Identifier: MIT */
/* The daemon and its connections, as the files of http.c share them. */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/log_sum.h"
#include "base/loop.h"
#include "handlers/endpoints.h"
#include "handlers/service.h"
#include "server/http_door.h"
#include "server/http_linger.h"

struct http_connection;
TAILQ_HEAD(http_connections, http_connection);

struct http {
    struct loop *loop;
    struct service *service;
    struct MHD_Daemon *daemon;
    const struct endpoints *endpoints;
    struct loop_fd source; /* MHD's own epoll descriptor */
    struct loop_hook hook;
    bool ready;   /* MHD's descriptor has something */
    bool resumed; /* a connection was resumed since MHD ran last, which it does not see itself */
    struct http_door door;
    bool draining;
    int busy;
    int awaited;                   /* requests in HTTP_AWAITED */
    int gone;                      /* requests in HTTP_GONE */
    struct loop_timer await_timer; /* set while there are any */
    int64_t max_body_bytes;
    size_t body_bytes;   /* of the bodies that are arriving: what there is room for */
    size_t answer_bytes; /* of texts that MHD has */
    int64_t request_timeout_ms;
    unsigned connections;
    unsigned admitted; /* since MHD ran last: it counts them only then, in versions from 1.0 on */
    unsigned connections_max;
    /* Connections that somebody has to write to, in the order of their deadlines. */
    struct http_connections receiving;
    struct http_connections idle;
    struct loop_timer deadline_timer;
    int late; /* turns since a deadline passed, until whoever missed it is cut off */
    struct loop_timer left_timer;  /* set while there are any that receive */
    struct loop_timer crowd_timer; /* set while all connections are taken */
    struct log_sum crowded;
    struct http_linger linger;
};

/* Who answers a request whose handler has run. */
enum http_wait {
    HTTP_NO_WAIT,   /* nobody has to: it has not run, or has answered */
    HTTP_AWAITED,   /* the relay, within moments: MHD asks again each time that it runs */
    HTTP_SUSPENDED, /* the relay: MHD leaves the connection alone until it is resumed */
    HTTP_GONE,      /* the relay, but the client has left: the connection ends with the answer */
};

/* A client's connection and its request of the moment. */
struct http_connection {
    struct request request;
    struct http *http;
    struct MHD_Connection *mhd;
    struct http_connections *list; /* that it is in; NULL: none, it is the relay's turn */
    int64_t deadline_ms;
    TAILQ_ENTRY(http_connection) link;

    struct buf target; /* as it stands in the request line */
    bool target_lost;  /* there was no memory for it */
    const struct endpoint *endpoint;
    bool entered;   /* the request counts as busy */
    bool refused;   /* the answer is known; the body is thrown away */
    bool cut_short; /* answered while the body was still coming */
    bool answered;  /* response and status are set, or were */
    enum http_wait wait;
    int64_t suspend_at_ms;         /* while HTTP_AWAITED */
    size_t received;               /* of the body */
    size_t claimed_bytes;          /* how long the body is to be; 0: its end will tell */
    size_t counted_bytes;          /* of it, in http.body_bytes */
    size_t answer_bytes;           /* of the text, in http.answer_bytes */
    int64_t began_ms;              /* its head was there */
    struct MHD_Response *response; /* made, not yet queued */
    unsigned status;
};

/* -1: there is none. */
int http_connection_fd(const struct http_connection *connection);

/* Counts, times and logs an answer, where its endpoint's are. */
void http_connection_observe(const struct http_connection *connection, enum reply reply);

/* The request's body has grown, has changed hands, or is gone. */
void http_connection_count_body(struct http_connection *connection);

/* What is ours of a connection that MHD has let go. */
void http_connection_free(struct http_connection *connection);
