/* SPDX-License-Identifier: MIT */
/* The slots of the direct transport: a call has one, with a connection that outlives the call. */
#pragma once

#include <sys/queue.h>

#include "convex/connection.h"
#include "convex/http_answer.h"
#include "convex/sockets.h"

struct call;
struct transport_options;

struct direct_slot {
    struct direct_slots *slots;
    struct connection connection;
    struct call *call;       /* NULL while idle */
    struct loop_timer timer; /* the deadline of the call */
    struct buf head;         /* of the request */
    struct http_answer answer;
    int64_t opened_ms;             /* mono; when the connection was made */
    int64_t idle_since_ms;         /* mono; when the last call on the connection ended */
    TAILQ_ENTRY(direct_slot) link; /* while idle */
};
TAILQ_HEAD(direct_slot_list, direct_slot);

/* What the transport does with a slot. */
struct direct_slots_callbacks {
    void (*event)(void *slot, uint32_t events); /* of an open connection, with or without a call */
    void (*timeout)(void *slot);                /* slot.timer has run out */
    void (*connected)(struct direct_slot *slot, CURLcode result); /* or has failed to */
};

struct direct_slots {
    struct loop *loop;
    const struct direct_slots_callbacks *callbacks;
    bool curl_is_up; /* curl_global_init() has worked, and wants its curl_global_cleanup() */
    CURLM *multi;
    struct sockets sockets;
    CURL *prototype; /* never connects; each connection has a copy of this handle */
    bool tls;
    struct direct_slot_list open;      /* idle with a connection, the one used last first */
    struct direct_slot_list closed;    /* idle without; their handles resume TLS sessions */
    char bytes[CONNECTION_READ_BYTES]; /* for reading; what is there means nothing later */
};

/* slots and callbacks must stay in place. 0 or an -errno; direct_slots_done() in either case. */
int direct_slots_init(struct direct_slots *slots, struct loop *loop,
                      const struct transport_options *options,
                      const struct direct_slots_callbacks *callbacks);
/* No slot may be taken. */
void direct_slots_done(struct direct_slots *slots);

/* Takes a slot, with an open connection where there is one. 0 or an -errno. */
int direct_slots_take(struct direct_slots *slots, struct direct_slot **slot);
/* Gives a slot back; keep: its connection stays open for the next call. */
void direct_slots_give(struct direct_slot *slot, bool keep);
/* To be called when something has come on the connection of an idle slot: closes the connection if
 * no call can use it any more. */
void direct_slots_check_idle(struct direct_slot *slot);
