/* SPDX-License-Identifier: MIT */
/* For tests of the transport: a loop, a transport on that loop, a scripted server, and calls. */
#pragma once

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/lib/rows.h"
#include "tests/unit/lib/scripted_server.h"

#include "base/loop.h"
#include "convex/transport_direct.h"

enum {
    CALLS_MAX = 64,
    GUARD_MS = 120 * 1000,
    SHORT_MS = 200,
    SENT_MS = 5000, /* enough to connect and send in, on a busy machine and under Valgrind, too */
};

#define SUCCESS "{\"status\":\"success\",\"value\":null}"

struct world;

/* A call, and what became of it. */
struct attempt {
    struct call call;
    struct world *world;
    void (*then)(struct attempt *attempt);
    int told;
    struct answer answer; /* body and why are copies: */
    struct buf body;
    struct buf why;
};

struct world {
    struct server server;
    struct loop *loop;
    struct transport *transport;
    struct loop_timer guard;
    bool late;
    int told;
    struct attempt attempts[CALLS_MAX];
};

/* A world without a server, or one that runs a script; a transport to it is opened. */
struct world *world_new(void);
struct world *world_serve(void (*script)(struct server *server), struct transport_options options);
/* Opens the transport to a URL, or to the server by the beginning and the end of one. */
void world_open_at(struct world *world, const char *url, struct transport_options options);
void world_open(struct world *world, const char *host, const char *path,
                struct transport_options options);
/* Closes the transport and lets the script end. */
void world_close(struct world *world);
void world_free(struct world *world);

/* Begins the i-th call, as transport_start(). */
int world_start(struct world *world, int i);
/* Turns the loop until so many calls in all have their answer. */
void world_wait(struct world *world, int told);
/* Begins the i-th call, and waits for its answer. */
struct attempt *world_call(struct world *world, int i);
/* Turns the loop for that long. Returns the number of turns. */
int world_turn_for(struct world *world, int ms);

/* What the call has ended with: an answer, or a failure that says why. */
void expect_answer(struct attempt *attempt, int status, const char *body);
void expect_failure(struct attempt *attempt, enum answer_kind kind);
