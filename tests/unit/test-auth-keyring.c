/* SPDX-License-Identifier: MIT */
/* Who may speak. */
#include "auth/keyring.h"

#include <openssl/crypto.h>

#include "base/config.h"
#include "tests/unit/lib/rows.h"

#define CURRENT "correct horse battery staple"
#define PREVIOUS "tr0ub4dor&3"

static const struct row {
    const char *name;
    const char *current;
    const char *previous;
    struct span presented;
    enum keyring_match match;
} rows[] = {
    {"current", CURRENT, PREVIOUS, SPAN(CURRENT), KEYRING_CURRENT},
    {"previous", CURRENT, PREVIOUS, SPAN(PREVIOUS), KEYRING_PREVIOUS},
    {"current without a previous", CURRENT, NULL, SPAN(CURRENT), KEYRING_CURRENT},
    {"previous that is not accepted", CURRENT, NULL, SPAN(PREVIOUS), KEYRING_NONE},
    {"both the same", CURRENT, CURRENT, SPAN(CURRENT), KEYRING_CURRENT},
    {"none sent", CURRENT, PREVIOUS, SPAN_NULL, KEYRING_NONE},
    {"none sent, no previous", CURRENT, NULL, SPAN_NULL, KEYRING_NONE},
    {"empty", CURRENT, PREVIOUS, SPAN(""), KEYRING_NONE},
    {"empty, no previous", CURRENT, NULL, SPAN(""), KEYRING_NONE},
    {"wrong, of the same length", "aaaa", NULL, SPAN("aaab"), KEYRING_NONE},
    {"wrong from the first byte", "aaaa", NULL, SPAN("baaa"), KEYRING_NONE},
    {"a prefix", "aaaa", "bbbb", SPAN("aaa"), KEYRING_NONE},
    {"longer", "aaaa", "bbbb", SPAN("aaaaa"), KEYRING_NONE},
    {"both in a row", "aaaa", "bbbb", SPAN("aaaabbbb"), KEYRING_NONE},
    {"other case", "aaaa", NULL, SPAN("AAAA"), KEYRING_NONE},
    {"blank behind", "aaaa", NULL, SPAN("aaaa "), KEYRING_NONE},
    {"NUL behind", "aaaa", NULL, SPAN("aaaa\0"), KEYRING_NONE},
    {"NUL inside", "aaaa", NULL, SPAN("aaaa\0aaaa"), KEYRING_NONE},
    {"NUL first", "aaaa", NULL, SPAN("\0aaaa"), KEYRING_NONE},
    {"bytes above 127", "p\xc3\xa4ss", NULL, SPAN("p\xc3\xa4ss"), KEYRING_CURRENT},
    {"512 bytes", B512, NULL, SPAN(B512), KEYRING_CURRENT},
    {"512 bytes, previous", CURRENT, B512, SPAN(B512), KEYRING_PREVIOUS},
    {"513 bytes", B512, NULL, SPAN(B512 "x"), KEYRING_NONE},
    /* More than there is: reading it would crash. */
    {"1 TiB", B512, NULL, {B512, (size_t)1 << 40}, KEYRING_NONE},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    cleanup(keyring_freep) struct keyring *keyring = NULL;

    assert_int_equal(keyring_new(row->current, row->previous, &keyring), 0);
    assert_int_equal(keyring_check(keyring, row->presented), row->match);
    /* The context is used again: an answer must not depend on what was asked before. */
    assert_int_equal(keyring_check(keyring, span_of(row->current)), KEYRING_CURRENT);
    assert_int_equal(keyring_check(keyring, row->presented), row->match);
}

static void test_unusable_secrets(void **state)
{
    struct keyring *keyring = NULL;

    (void)state;
    assert_int_equal(keyring_new("", NULL, &keyring), KEYRING_INVALID);
    assert_int_equal(keyring_new("x", "", &keyring), KEYRING_INVALID);
    assert_int_equal(keyring_new(B512 "x", NULL, &keyring), KEYRING_INVALID);
    assert_int_equal(keyring_new("x", B512 "x", &keyring), KEYRING_INVALID);
    assert_null(keyring);
}

static void test_configuration_knows_the_limit(void **state)
{
    (void)state;
    assert_int_equal(CONFIG_SECRET_MAX, KEYRING_SECRET_MAX);
}

/* A leak of what OpenSSL lends shows under AddressSanitizer. */
static void test_many_come_and_go(void **state)
{
    (void)state;
    assert_null(keyring_free(NULL));
    for (int i = 0; i < 100; i++) {
        struct keyring *keyring = NULL;
        assert_int_equal(keyring_new(CURRENT, i % 2 ? PREVIOUS : NULL, &keyring), 0);
        for (int j = 0; j < 100; j++)
            assert_int_equal(keyring_check(keyring, SPAN(CURRENT)), KEYRING_CURRENT);
        assert_null(keyring_free(keyring));
    }
}

/* ---- no memory ---- */

static long memory_left = -1; /* allocations of OpenSSL's; -1: no end of them */
static bool memory_lacked;
static bool memory_asked;

static bool memory_there(void)
{
    memory_asked = true;
    if (memory_left > 0)
        memory_left--;
    memory_lacked |= memory_left == 0;
    return memory_left != 0;
}

static void *memory_alloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return memory_there() ? malloc(size) : NULL;
}

static void *memory_realloc(void *p, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return memory_there() ? realloc(p, size) : NULL;
}

static void memory_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

/* Who shows the right secret then is not told that it was wrong. */
static void test_no_memory(void **state)
{
    struct keyring *keyring = NULL;

    (void)state;
    assert_int_equal(keyring_new(CURRENT, PREVIOUS, &keyring), 0);
    int failures = 0;
    memory_asked = false;
    for (long n = 0;; n++) {
        memory_left = n + 1;
        memory_lacked = false;
        int match = keyring_check(keyring, SPAN(CURRENT));
        memory_left = -1;
        assert_true(match < 0 || match == KEYRING_CURRENT);
        failures += match < 0;
        assert_int_equal(keyring_check(keyring, SPAN(CURRENT)), KEYRING_CURRENT);
        if (!memory_lacked)
            break;
    }
    assert_int_equal(failures > 0, memory_asked); /* OpenSSL 3.5 needs none for a check */
    assert_null(keyring_free(keyring));
}

int main(void)
{
    /* Before OpenSSL has allocated anything. */
    assert_int_equal(CRYPTO_set_mem_functions(memory_alloc, memory_realloc, memory_free), 1);
    struct CMUnitTest tests[array_len(rows) + 4] = {
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_unusable_secrets),
        cmocka_unit_test(test_configuration_knows_the_limit),
        cmocka_unit_test(test_many_come_and_go),
    };

    for (size_t i = 0; i < array_len(rows); i++)
        tests[i + 4] =
            (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
