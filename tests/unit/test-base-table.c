/* SPDX-License-Identifier: MIT */
/* A hash table whose nodes live inside the things it finds. */
#include "base/table.h"

#include <string.h>

#include "base/util.h"
#include "tests/unit/lib/rows.h"

/* ---- the hash ---- */

struct hash_row {
    const char *name;
    struct span a, b;
    uint64_t hash;
};

/*
 * SipHash-1-3 of (a's length in 8 bytes, a, b) under the key 00 01 .. 0f, by another
 * implementation that gives the published abac0158050fc4dc for no bytes at all.
 */
static struct hash_row hash_rows[] = {
    {"nothing", TEXT(""), TEXT(""), 0x5cb96f6ba2a4fcfc},
    {"the first part", TEXT("a"), TEXT(""), 0x191effd3459c7e1d},
    {"the second part", TEXT(""), TEXT("a"), 0x7b52a06a348d4875},
    {"a record", TEXT("users"), TEXT("acc_1"), 0x2e82da8b98736e9f},
    {"ab, c", TEXT("ab"), TEXT("c"), 0x1af01f55b5f30d8f},
    {"a, bc", TEXT("a"), TEXT("bc"), 0x26202b05a30d0dc5},
    {"whole words", TEXT("12345678"), TEXT("12345678"), 0xa363e758e327cdb7},
    {"more than 255 bytes", TEXT(X100("xxx")), TEXT("y"), 0xcb9d6659ad495a8d},
};

static void test_hash(void **state)
{
    const struct hash_row *row = *state;
    struct table table = {.seed = {0x0706050403020100, 0x0f0e0d0c0b0a0908}};

    assert_int_equal(table_hash(&table, row->a, row->b), row->hash);
}

static void test_no_part_is_an_empty_part(void **state)
{
    struct table table = {.seed = {1, 2}};

    (void)state;
    assert_int_equal(table_hash(&table, SPAN("x"), SPAN_NULL),
                     table_hash(&table, SPAN("x"), SPAN("")));
}

static void test_every_table_has_its_own_seed(void **state)
{
    struct table a, b;

    (void)state;
    assert_int_equal(table_init(&a), 0);
    assert_int_equal(table_init(&b), 0);
    assert_true(table_hash(&a, SPAN("x"), SPAN_NULL) != table_hash(&b, SPAN("x"), SPAN_NULL));
    table_done(&a);
    table_done(&b);
}

/* ---- the table ---- */

static size_t count_same_hash(const struct table *table, uint64_t hash)
{
    size_t count = 0;

    for (struct table_node *node = table_first(table, hash); node; node = table_next(node)) {
        assert_int_equal(node->hash, hash);
        count++;
    }
    return count;
}

static void test_empty(void **state)
{
    struct table table;

    (void)state;
    assert_int_equal(table_init(&table), 0);
    assert_null(table_first(&table, 0));
    assert_null(table_first(&table, UINT64_MAX));
    table_done(&table);
    table_done(&table);
}

/* All keys share a slot, and two of them even the hash. */
static void test_collisions(void **state)
{
    enum { SLOT = 1 << 20 };
    struct table table;
    struct table_node nodes[5];
    static const uint64_t hashes[] = {7, 7 + SLOT, 7, 7 + 2 * SLOT, 7};

    (void)state;
    assert_int_equal(table_init(&table), 0);
    for (size_t i = 0; i < array_len(nodes); i++)
        assert_int_equal(table_add(&table, &nodes[i], hashes[i]), 0);
    assert_int_equal(count_same_hash(&table, 7), 3);
    assert_int_equal(count_same_hash(&table, 7 + SLOT), 1);
    assert_int_equal(count_same_hash(&table, 7 + 3 * SLOT), 0);
    table_remove(&table, &nodes[2]); /* in the middle of the chain */
    table_remove(&table, &nodes[4]); /* and at an end */
    assert_int_equal(count_same_hash(&table, 7), 1);
    assert_ptr_equal(table_first(&table, 7), &nodes[0]);
    assert_ptr_equal(table_first(&table, 7 + 2 * SLOT), &nodes[3]);
    assert_int_equal(table.len, 3);
    table_done(&table);
}

/* Thousands of random steps: what is in the table is what an array says, however it grows. */
static void test_matches_a_model(void **state)
{
    enum { NODES = 3000, HASHES = 1000, STEPS = 200000 };
    static struct table_node nodes[NODES];
    static bool in[NODES];
    struct table table;
    size_t len = 0;
    unsigned dice = 1;

    (void)state;
    assert_int_equal(table_init(&table), 0);
    for (int i = 0; i < STEPS; i++) {
        size_t n = (size_t)rand_r(&dice) % NODES;
        uint64_t hash = (n % HASHES) * 0x9E3779B97F4A7C15u;
        if (in[n])
            table_remove(&table, &nodes[n]);
        else
            assert_int_equal(table_add(&table, &nodes[n], hash), 0);
        in[n] = !in[n];
        len += in[n] ? 1 : (size_t)-1;
        assert_int_equal(table.len, len);
        size_t same = 0;
        for (size_t other = n % HASHES; other < NODES; other += HASHES)
            same += in[other];
        assert_int_equal(count_same_hash(&table, hash), same);
    }
    assert_true(table.slots_len >= table.len); /* chains stay short */
    table_done(&table);
}

int main(void)
{
    static const struct CMUnitTest plain[] = {
        cmocka_unit_test(test_no_part_is_an_empty_part),
        cmocka_unit_test(test_every_table_has_its_own_seed),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_collisions),
        cmocka_unit_test(test_matches_a_model),
    };
    static struct CMUnitTest tests[array_len(plain) + array_len(hash_rows)];

    memcpy(tests, plain, sizeof(plain));
    rows_add(tests, array_len(plain), hash_rows, test_hash);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
