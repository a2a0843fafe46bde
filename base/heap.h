/* SPDX-License-Identifier: MIT */
/*
 * A pairing heap whose nodes live inside the things it orders, so that nothing it does can fail.
 * Source: Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", 1986.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct heap_node {
    struct heap_node *child;
    struct heap_node *next; /* right sibling */
    struct heap_node *prev; /* left sibling, or the parent of a first child; itself at the root */
};

struct heap {
    struct heap_node *first; /* the smallest; NULL when empty */
    bool (*before)(const struct heap_node *a, const struct heap_node *b);
};

void heap_push(struct heap *heap, struct heap_node *node);
void heap_remove(struct heap *heap, struct heap_node *node);

/* Whether the node is in a heap; all zero means that it is not. */
static inline bool heap_linked(const struct heap_node *node)
{
    return node->prev != NULL;
}
