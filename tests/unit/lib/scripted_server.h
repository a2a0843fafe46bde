/* SPDX-License-Identifier: MIT */
/*
 * A server on a thread of its own that does what a test's script says, with blocking calls. What
 * goes wrong in the script is told by server_join(), in the test's thread.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/buf.h"

enum { SERVER_WAIT_MS = 120 * 1000, SERVER_REQUESTS_MAX = 64 };

struct server {
    int listener; /* on 127.0.0.1 */
    int port;
    void (*script)(struct server *server);
    void *ctx;
    pthread_t thread;
    struct buf requests[SERVER_REQUESTS_MAX]; /* read whole, in order */
    int requests_len;
    int accepted;
    const char *fault;
};

/* ---- for the test ---- */

/* Takes a port of 127.0.0.1. Without listen() connections are refused. */
void server_bind(struct server *server);
/* Takes a port, and runs the script. */
void server_start(struct server *server, void (*script)(struct server *server), void *ctx);
/* Waits for the end of the script; its requests stay. */
void server_join(struct server *server);
void server_done(struct server *server);

/* ---- for the script ---- */

/* Notes what went wrong; server_join() tells of the first such fault. Always returns false. */
bool server_fault(struct server *server, const char *fault);
/* Waits until something can be read or accepted; false: nothing came. */
bool server_readable(int fd);
/* A connection; -1: nobody came. */
int server_accept(struct server *server);
/* Reads one whole request and keeps it. False when the far side closed before the first byte. */
bool server_read(struct server *server, int fd);
/* False when the far side is gone, which some scripts are about. */
bool server_send(int fd, const char *text);
bool server_send_bytes(int fd, const char *bytes, size_t len);
/* Sends an answer that keeps the connection. */
bool server_answer(int fd, int status, const char *body);
/* Waits until the far side closes; what it sends until then is a fault. */
void server_expect_close(struct server *server, int fd);
