/* SPDX-License-Identifier: MIT */
/*
 * One connection to Convex, kept for many calls: libcurl finds the address, connects and does TLS
 * (CURLOPT_CONNECT_ONLY); bytes are written and read here.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/loop.h"
#include "convex/sockets.h"

enum connection_outcome {
    CONNECTION_AGAIN = 1, /* nothing now; event is called when more is possible */
    CONNECTION_ENDED,     /* Convex has closed in good order */
    CONNECTION_BROKEN,
};

enum { CONNECTION_PARTS = 4, CONNECTION_READ_BYTES = 16 << 10 /* a whole TLS record */ };

struct connection {
    struct sockets *sockets;
    CURL *easy;
    char error[CURL_ERROR_SIZE]; /* why connecting failed; may be empty */
    bool tls;
    bool attached;         /* the handle is in the multi handle: connecting or connected */
    struct loop_fd source; /* fd: -1 until connected */
    uint32_t events;       /* that the loop watches source for */
    struct span parts[CONNECTION_PARTS]; /* what is left to send */
    bool sent_any;                       /* Convex may have seen a byte of the request */
    struct buf record;                   /* TLS: the record being sent */
    size_t record_sent;
};

/*
 * Takes over easy, on failure too. event is called with ctx when the connected socket can be read,
 * or written where connection_await_room() asked for room. 0 or -ENOMEM.
 */
int connection_init(struct connection *connection, struct sockets *sockets, CURL *easy, bool tls,
                    void (*event)(void *ctx, uint32_t events), void *ctx);
void connection_done(struct connection *connection);

/* Begins to connect; a message of the multi handle (CURLMSG_DONE) tells the end. 0 or an -errno. */
int connection_open(struct connection *connection);
/* To be called once libcurl has connected: takes the watch over the socket from libcurl. 0,
 * CONNECTION_BROKEN or an -errno. */
int connection_opened(struct connection *connection);
/* In any state; the connection may be opened again. */
void connection_close(struct connection *connection);

static inline bool connection_is_open(const struct connection *connection)
{
    return connection->source.fd >= 0;
}

/* Sets what to send. The caller keeps the parts in place until all of them are sent, or the
 * connection is closed. */
void connection_prepare(struct connection *connection, const struct span parts[CONNECTION_PARTS]);
/* Whether nothing is left to send. sent_any says less: that sending has begun. */
bool connection_sent_all(const struct connection *connection);

/* Sends what the socket takes. 0: all is sent; CONNECTION_AGAIN, CONNECTION_BROKEN or an -errno. */
int connection_send(struct connection *connection);
/* room: event is to be called when there is room to send, too, and not only when bytes have come.
 * 0 or an -errno. */
int connection_await_room(struct connection *connection, bool room);
/* Reads what has come. 0 and *len bytes, or an outcome. */
int connection_receive(struct connection *connection, char bytes[CONNECTION_READ_BYTES],
                       size_t *len);
