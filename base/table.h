/* SPDX-License-Identifier: MIT */
/*
 * A hash table whose nodes live inside the things that it finds. Nodes of one slot form a chain;
 * the slots double when chains get long. The hash is seeded, so that nobody can choose keys that
 * collide.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct table_node {
    struct table_node *next; /* in the chain of the slot */
    uint64_t hash;           /* of the key that the node stands for */
};

struct table {
    struct table_node **slots;
    size_t slots_len; /* a power of two; 0 before the first node */
    size_t len;       /* nodes in the table */
    uint64_t seed[2]; /* the key of the hash, made by table_init() */
};

/* 0 or an -errno. */
int table_init(struct table *table);
/* Frees the slots. The nodes stay their owners'. */
void table_done(struct table *table);

/* The hash of a key that has two parts. Source: SipHash-1-3, Aumasson and Bernstein, 2012. */
uint64_t table_hash(const struct table *table, struct span a, struct span b);

/* The first node with that hash, and the next one with the same hash; NULL: no more. The caller
 * compares the keys. */
struct table_node *table_first(const struct table *table, uint64_t hash);
struct table_node *table_next(const struct table_node *node);

/* 0; or -ENOMEM, and nothing has changed. */
int table_add(struct table *table, struct table_node *node, uint64_t hash);

/* The node must be in this table. */
void table_remove(struct table *table, struct table_node *node);
