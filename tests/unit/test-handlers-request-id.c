/* SPDX-License-Identifier: MIT */
/* Which ids of senders are taken, and what ours look like. */
#include "handlers/request_id.h"

#include <string.h>

#include "tests/unit/lib/rows.h"

struct id_row {
    const char *name;
    struct span given;
    bool taken;
};

#define X63 X10("x") X10("x") X10("x") X10("x") X10("x") X10("x") "xxx"

static struct id_row id_rows[] = {
    {"a UUID", TEXT("0b0e7a3c-7f5e-4f0a-9d0e-6a2b1c3d4e5f"), true},
    {"what nginx makes", TEXT("444535f9378a3dfa1b8604bc9e05a303"), true},
    {"every character that may be there", TEXT("azAZ09-_.:/+="), true},
    {"one character", TEXT("7"), true},
    {"as long as may be", TEXT(X63 "y"), true},
    {"too long", TEXT(X63 "yy"), false},
    {"none", {NULL, 0}, false},
    {"empty", TEXT(""), false},
    {"a blank", TEXT("a b"), false},
    {"a quote", TEXT("a\"b"), false},
    {"a comma, as of two headers in one", TEXT("a,b"), false},
    {"a line end", TEXT("a\r\nSet-Cookie: x"), false},
    {"an escape", TEXT("a\033[31m"), false},
    {"beyond ASCII", TEXT("\xC3\xA9"), false},
    {"a NUL", TEXT("a\0b"), false},
};

/* Makes the prefix one that a test can tell. */
static uint64_t roll_same(struct dice *dice, uint64_t sides)
{
    (void)dice;
    return UINT64_C(0x1a2b3c4d) % sides;
}

static struct dice id_dice = {roll_same};

static void test_id(void **state)
{
    const struct id_row *row = *state;
    struct request_ids ids;
    char id[REQUEST_ID_MAX + 1];

    request_ids_init(&ids, &id_dice);
    request_id_take(&ids, row->given, id);
    assert_same_text(span_of(id), row->taken ? row->given : SPAN("1a2b3c4d-1"));
    request_id_take(&ids, SPAN_NULL, id);
    assert_string_equal(id, row->taken ? "1a2b3c4d-1" : "1a2b3c4d-2");
}

static void test_made_ids_differ(void **state)
{
    struct request_ids ids;
    char id[REQUEST_ID_MAX + 1];

    (void)state;
    request_ids_init(&ids, &id_dice);
    ids.made = UINT64_MAX - 2;
    request_id_take(&ids, SPAN_NULL, id);
    assert_string_equal(id, "1a2b3c4d-18446744073709551614");
    request_id_take(&ids, SPAN_NULL, id);
    assert_string_equal(id, "1a2b3c4d-18446744073709551615");
}

int main(void)
{
    struct CMUnitTest tests[1 + array_len(id_rows)] = {cmocka_unit_test(test_made_ids_differ)};

    rows_add(tests, 1, id_rows, test_id);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
