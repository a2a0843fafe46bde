/* SPDX-License-Identifier: MIT */
/* All parts of a serving relay: serve.c starts them, reload.c exchanges some, stop.c ends all. */
#pragma once

#include "base/loop.h"
#include "handlers/service.h"
#include "server/activation.h"
#include "server/memory.h"
#include "server/notify.h"
#include "server/upstream.h"

struct http;
struct outbox;
struct relay;
struct setup;

enum server_phase {
    SERVER_RUNNING,  /* starting or serving */
    SERVER_DRAINING, /* stopping: attempts and requests end by themselves */
    SERVER_FLUSHING, /* stopping: the last answers are on their way to the clients */
};

struct server {
    struct setup *setup; /* the caller's; a reload changes the content */
    struct loop *loop;
    struct upstreams upstreams;
    struct outbox *outbox; /* NULL: OUTBOX is off */
    struct relay *relay;
    struct service service;       /* what the handlers need */
    struct http *sender;          /* serves PORT, for events; NULL: the start is not over */
    struct http *admin;           /* serves ADMIN_PORT; NULL: not yet, or ADMIN_PORT is off */
    struct activation activation; /* sockets of the service manager that nobody has taken yet */
    struct notify notify;
    struct memory memory;         /* gives freed memory back to the system */
    struct buf serving;           /* for the service manager: Serving on 127.0.0.1:3000 */
    int signal_fd;                /* a signalfd(2); -1: none yet */
    struct loop_fd signals;       /* watches signal_fd */
    struct loop_timer stop_timer; /* set while the server stops */
    enum server_phase phase;
    int64_t phase_ends_ms; /* monotonic; while the server stops: when the phase is cut short */
    bool taken_over;       /* stopping, since another relay sends what the outbox holds */
    bool reload_due;       /* SIGHUP came during the start: reload once the start is over */
};
