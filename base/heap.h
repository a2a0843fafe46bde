/* SPDX-License-Identifier: MIT */
/* A pairing heap whose nodes live inside the things that it orders, so that no operation can fail.
 * Source: Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", 1986. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct heap_node {
    struct heap_node *child;
    struct heap_node *next; /* the right sibling */
    struct heap_node *prev; /* the left sibling, or a first child's parent; at the root: itself */
};

struct heap {
    struct heap_node *first; /* the smallest; NULL when empty */
    bool (*before)(const struct heap_node *a, const struct heap_node *b);
};

/* The node must be in no heap. The node stays its owner's. */
void heap_push(struct heap *heap, struct heap_node *node);

/* The node must be in this heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* Whether the node is in a heap. A node that is all zero is in none. */
static inline bool heap_linked(const struct heap_node *node)
{
    return node->prev != NULL;
}
