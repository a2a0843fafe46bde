/* SPDX-License-Identifier: MIT */
/* The pairing heap against a plain array that is searched from end to end. */
#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/util.h"

enum { ITEMS = 300 };

struct item {
    int key;
    struct heap_node node;
};

static struct item *item_of(const struct heap_node *node)
{
    return container_of(node, struct item, node);
}

static bool item_before(const struct heap_node *a, const struct heap_node *b)
{
    return item_of(a)->key < item_of(b)->key;
}

/* The smallest key of the items that are linked; INT_MAX where none is. */
static int smallest(const struct item *items, size_t len)
{
    int key = INT32_MAX;

    for (size_t i = 0; i < len; i++)
        if (heap_linked(&items[i].node) && items[i].key < key)
            key = items[i].key;
    return key;
}

static void check_first(const struct heap *heap, const struct item *items, size_t len)
{
    int key = smallest(items, len);

    if (key == INT32_MAX)
        assert_null(heap->first);
    else
        assert_int_equal(item_of(heap->first)->key, key);
}

/* Pushes and removes at random; keys from 0 to range - 1, so that a small range makes ties. */
static void run_random(unsigned seed, int range)
{
    struct item items[ITEMS] = {0};
    struct heap heap = {NULL, item_before};
    size_t linked = 0;

    for (int step = 0; step < 20000; step++) {
        struct item *item = &items[(size_t)rand_r(&seed) % ITEMS];
        /* Waves: mostly in, then mostly out. */
        bool in = rand_r(&seed) % 10 < ((step / 2000) % 2 ? 3 : 7);
        if (in && !heap_linked(&item->node)) {
            item->key = rand_r(&seed) % range;
            heap_push(&heap, &item->node);
            linked++;
        } else if (!in && heap.first) {
            struct heap_node *node = heap_linked(&item->node) ? &item->node : heap.first;
            heap_remove(&heap, node);
            assert_false(heap_linked(node));
            linked--;
        }
        check_first(&heap, items, ITEMS);
    }

    /* Every one comes out, in order. */
    int last = -1;
    for (; heap.first; linked--) {
        struct heap_node *first = heap.first;
        assert_true(item_of(first)->key >= last);
        last = item_of(first)->key;
        heap_remove(&heap, first);
    }
    assert_int_equal(linked, 0);
}

static void test_random_with_distinct_keys(void **state)
{
    (void)state;
    run_random(1, 1000000);
}

static void test_random_with_many_ties(void **state)
{
    (void)state;
    run_random(2, 5);
}

static void test_removed_from_anywhere(void **state)
{
    (void)state;
    /* Each of a few, out of each order that leaves a different shape behind. */
    for (size_t out = 0; out < 8; out++)
        for (size_t pops = 0; pops < 8; pops++) {
            struct item items[8] = {0};
            struct heap heap = {NULL, item_before};
            for (size_t i = 0; i < 8; i++) {
                items[i].key = (int)(i * 5 % 8);
                heap_push(&heap, &items[i].node);
            }
            for (size_t i = 0; i < pops; i++)
                heap_remove(&heap, heap.first);
            if (heap_linked(&items[out].node))
                heap_remove(&heap, &items[out].node);
            check_first(&heap, items, 8);
        }
}

static void test_sorted_input_does_not_recurse(void **state)
{
    enum { MANY = 200000 };
    cleanup(freep) struct item *items = calloc(MANY, sizeof(*items));
    struct heap heap = {NULL, item_before};

    (void)state;
    assert_non_null(items);
    /* Falling keys make one long chain of only children, rising ones one long row of siblings. */
    for (int i = 0; i < MANY; i++) {
        items[i].key = i < MANY / 2 ? MANY - i : i * 2;
        heap_push(&heap, &items[i].node);
    }
    int last = -1;
    size_t count = 0;
    for (; heap.first; count++) {
        assert_true(item_of(heap.first)->key >= last);
        last = item_of(heap.first)->key;
        heap_remove(&heap, heap.first);
    }
    assert_int_equal(count, MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_with_distinct_keys),
        cmocka_unit_test(test_random_with_many_ties),
        cmocka_unit_test(test_removed_from_anywhere),
        cmocka_unit_test(test_sorted_input_does_not_recurse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
