/* SPDX-License-Identifier: MIT */
/* The state of the HTTP server and of its connections, which the files http_*.c share. */
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
    struct service *service; /* the caller's */
    struct MHD_Daemon *daemon;
    const struct endpoints *endpoints;
    struct loop_fd source; /* MHD's own epoll descriptor */
    struct loop_hook hook;
    bool ready;   /* MHD has something to read or to write */
    bool resumed; /* a connection was resumed since the last MHD_run(), which MHD does not notice */
    struct http_door door;
    bool draining;                 /* http_drain() was called */
    int busy;                      /* requests under way */
    int awaited;                   /* requests in HTTP_AWAITED */
    int gone;                      /* requests in HTTP_GONE */
    struct loop_timer await_timer; /* set while requests are in HTTP_AWAITED */
    int64_t max_body_bytes;        /* of one request */
    size_t body_bytes;             /* memory that holds bodies while they arrive */
    size_t answer_bytes;           /* memory that holds texts of answers on their way */
    int64_t request_timeout_ms;
    unsigned connections;     /* that MHD has */
    unsigned admitted;        /* given to MHD 1.0 or later, whose next run makes them connections */
    unsigned connections_max; /* of both together */
    /* Connections on which the client has to send something, in the order of their deadlines. */
    struct http_connections receiving; /* a request is expected or arrives */
    struct http_connections idle;      /* a request was answered */
    struct loop_timer deadline_timer;
    int late; /* turns of the loop since a deadline has passed; 0: none has, or all were cut off */
    struct loop_timer left_timer;  /* finds clients that have left; set while connections receive */
    struct loop_timer crowd_timer; /* makes room; set while all connections are taken */
    struct log_sum crowded;        /* room was made */
    struct http_linger linger;
};

/* Who answers a request whose handler has run. */
enum http_wait {
    HTTP_NO_WAIT,   /* nobody: the handler has not run yet, or has answered */
    HTTP_AWAITED,   /* the relay, within moments: MHD asks again whenever it runs */
    HTTP_SUSPENDED, /* the relay: MHD leaves the connection alone until it is resumed */
    HTTP_GONE,      /* the relay, but the client has left: the answer ends the connection */
};

/* A client's connection, and the request that it carries at the moment. */
struct http_connection {
    struct request request;
    struct http *http;
    struct MHD_Connection *mhd;
    struct http_connections *list; /* receiving, idle, or NULL while the relay has to answer */
    int64_t deadline_ms;           /* monotonic; counts while the connection is in a list */
    TAILQ_ENTRY(http_connection) link;

    struct buf target;               /* as the request line has it */
    bool target_lost;                /* there was no memory for the target */
    const struct endpoint *endpoint; /* NULL: not found yet, or no such endpoint */
    bool entered;                    /* the request counts in http.busy */
    bool refused;                    /* the answer is known, so the body is thrown away */
    bool cut_short;                  /* answered while the body was still arriving */
    bool answered;                   /* response and status are set, or the answer is queued */
    enum http_wait wait;
    int64_t suspend_at_ms;         /* monotonic; while HTTP_AWAITED */
    size_t received;               /* bytes of the body so far */
    size_t claimed_bytes;          /* Content-Length; 0: only the body's end will tell */
    size_t counted_bytes;          /* this connection's part of http.body_bytes */
    size_t answer_bytes;           /* this connection's part of http.answer_bytes */
    int64_t began_ms;              /* monotonic; when the head had arrived */
    struct MHD_Response *response; /* made, not yet queued */
    unsigned status;               /* of the response */
};

/* The socket; -1: there is none. */
int http_connection_fd(const struct http_connection *connection);

/* Counts, times and logs an answer, if its endpoint is observed. */
void http_connection_observe(const struct http_connection *connection, enum reply reply);

/* Brings http.body_bytes up to date after the request's body has grown, moved or gone. */
void http_connection_count_body(struct http_connection *connection);

/* Frees what the relay has of a connection that MHD has closed. */
void http_connection_free(struct http_connection *connection);
