/* SPDX-License-Identifier: MIT */
/* A pairing heap. */
#include "base/heap.h"

/* Joins two roots without siblings. The caller sets the result's prev. */
static struct heap_node *heap_meld(const struct heap *heap, struct heap_node *a,
                                   struct heap_node *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (heap->before(b, a)) {
        struct heap_node *swap = a;
        a = b;
        b = swap;
    }
    b->next = a->child;
    b->prev = a;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    a->next = NULL;
    return a;
}

/* Joins siblings in pairs from left to right, and then the pairs from right to left. */
static struct heap_node *heap_meld_siblings(const struct heap *heap, struct heap_node *list)
{
    struct heap_node *pairs = NULL;

    while (list) {
        struct heap_node *a = list;
        struct heap_node *b = a->next;
        list = b ? b->next : NULL;
        a->next = NULL;
        if (b)
            b->next = NULL;
        struct heap_node *pair = heap_meld(heap, a, b);
        pair->next = pairs;
        pairs = pair;
    }

    struct heap_node *root = NULL;
    while (pairs) {
        struct heap_node *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        root = heap_meld(heap, root, pair);
    }
    return root;
}

static void heap_set_root(struct heap *heap, struct heap_node *root)
{
    heap->first = root;
    if (root) {
        root->prev = root;
        root->next = NULL;
    }
}

void heap_push(struct heap *heap, struct heap_node *node)
{
    *node = (struct heap_node){0};
    heap_set_root(heap, heap_meld(heap, heap->first, node));
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    struct heap_node *below = heap_meld_siblings(heap, node->child);

    if (node == heap->first) {
        heap_set_root(heap, below);
    } else {
        if (node->prev->child == node)
            node->prev->child = node->next;
        else
            node->prev->next = node->next;
        if (node->next)
            node->next->prev = node->prev;
        heap_set_root(heap, heap_meld(heap, heap->first, below));
    }
    *node = (struct heap_node){0};
}
