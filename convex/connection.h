/* SPDX-License-Identifier: MIT */
/*
 * One kept connection to Convex: libcurl finds the address, connects, and does TLS
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
    CONNECTION_AGAIN = 1, /* nothing now: an event will tell */
    CONNECTION_ENDED,     /* the far side has closed in good order */
    CONNECTION_BROKEN,
};

enum { CONNECTION_PARTS = 4, CONNECTION_READ_BYTES = 16 << 10 /* all that a TLS record holds */ };

struct connection {
    struct sockets *sockets;
    CURL *easy;
    char error[CURL_ERROR_SIZE]; /* why connecting failed; may be empty */
    bool tls;
    bool attached;         /* the handle is in the multi handle: connecting or connected */
    struct loop_fd source; /* fd: -1 until it is connected */
    uint32_t events;
    struct span parts[CONNECTION_PARTS]; /* what is left to send */
    bool sent;                           /* of which the far side may have seen some */
    struct buf record;                   /* TLS: what goes into the next record */
    size_t record_sent;
};

/*
 * event is called with ctx when the connected socket can be read, or written where that was
 * waited for. easy becomes the connection's. 0 or -ENOMEM, and then easy is freed, too.
 */
int connection_init(struct connection *connection, struct sockets *sockets, CURL *easy, bool tls,
                    void (*event)(void *ctx, uint32_t events), void *ctx);
void connection_done(struct connection *connection);

/* Connects from the loop; libcurl's message tells the end. 0 or an -errno. */
int connection_open(struct connection *connection);
/* To be called once libcurl has connected. 0, CONNECTION_BROKEN or an -errno. */
int connection_opened(struct connection *connection);
/* In any state. It may be opened again. */
void connection_close(struct connection *connection);

static inline bool connection_is_open(const struct connection *connection)
{
    return connection->source.fd >= 0;
}

/* The parts must stay in place until they are sent, or the connection is closed. */
void connection_prepare(struct connection *connection, const struct span parts[CONNECTION_PARTS]);
bool connection_is_sent(const struct connection *connection);

/* Sends as much as goes: 0 when all is sent, CONNECTION_AGAIN, CONNECTION_BROKEN or an -errno. */
int connection_send(struct connection *connection);
/* Waits for room to send, or no longer; for bytes to read always. 0 or an -errno. */
int connection_await_room(struct connection *connection, bool room);
/* 0 and *len, or an outcome. */
int connection_receive(struct connection *connection, char bytes[CONNECTION_READ_BYTES],
                       size_t *len);
