/* SPDX-License-Identifier: MIT */
/*
 * A proxy before the PostgreSQL of pg_cluster.h, in threads of its own: it counts the messages of
 * the protocol, and ends a connection in front of the one that a test names.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct pg_proxy {
    char folder[64];
    char uri[256]; /* leads through it to the program's database */
    int listener;
    pthread_t thread;
    atomic_bool stopping;
    atomic_int connections;   /* so far */
    atomic_int serving;       /* threads of connections that have not ended */
    atomic_int to_server;     /* how many messages are left until the cut; 0: none is made */
    atomic_int to_client;     /* likewise */
    atomic_bool keeps_server; /* a cut ends the client's side alone, as a network does */
    atomic_bool cut_now;      /* the connection is cut at once */
    atomic_bool refuses;      /* takes no new connections */
    atomic_int cuts;          /* so far */
};

void pg_proxy_start(struct pg_proxy *proxy);
void pg_proxy_stop(struct pg_proxy *proxy);

/* The n-th message from now on, counted from 1, is not passed on. */
void pg_proxy_cut_to_server(struct pg_proxy *proxy, int n);
void pg_proxy_cut_to_client(struct pg_proxy *proxy, int n);
