/* SPDX-License-Identifier: MIT */
/* Who may pass. */
#include "handlers/guard.h"

#include <string.h>

#include "base/util.h"
#include "handlers/service.h"
#include "tests/unit/lib/rows.h"

#define SECRET "s3cret \xC3\xA9\xC3\xBF"       /* a setting: UTF-8 */
#define SECRET_SENT "s3cret \xE9\xFF"          /* a header: Latin-1 */
#define PREVIOUS X100("p") X100("p") X100("p") /* long, and still short enough */

struct guard_row {
    const char *name;
    int count;
    struct span value;
    bool passes;
};

static struct guard_row secret_rows[] = {
    {"current", 1, TEXT(SECRET_SENT), true},
    {"previous", 1, TEXT(PREVIOUS), true},
    {"blanks around it", 1, TEXT(" \t" SECRET_SENT "\t "), true},
    {"none", 0, {NULL, 0}, false},
    {"empty", 1, TEXT(""), false},
    {"blanks alone", 1, TEXT(" \t "), false},
    {"twice, the last one right", 2, TEXT(SECRET_SENT), false},
    {"three times", 3, TEXT(SECRET_SENT), false},
    {"as UTF-8", 1, TEXT(SECRET), false},
    {"a beginning", 1, TEXT("s3cret"), false},
    {"more behind it", 1, TEXT(SECRET_SENT "x"), false},
    {"another case", 1, TEXT("S3cret \xE9\xFF"), false},
    {"cut at a NUL", 1, TEXT(SECRET_SENT "\0"), false},
    {"a line end behind it", 1, TEXT(SECRET_SENT "\n"), false},
    {"both in one", 1, TEXT(SECRET_SENT ", " PREVIOUS), false},
    {"as long as counts", 1, TEXT(X100("x") X100("x") X100("x") X100("x") X100("x") "123456789012"),
     false},
    {"as long as counts, beyond ASCII", 1, TEXT(X100(X4("\xE9")) X100("\xE9") "\xE9\xE9\xE9"),
     false},
    {"too long", 1, TEXT(X1000("x")), false},
    {"far too long, beyond ASCII", 1, TEXT(X10(X1000("\xFF"))), false},
};

static struct keyring *guard_keyring;

static int make_keyring(void **state)
{
    (void)state;
    return keyring_new(SECRET, PREVIOUS, &guard_keyring);
}

static int free_keyring(void **state)
{
    (void)state;
    guard_keyring = keyring_free(guard_keyring);
    return 0;
}

static void test_secret(void **state)
{
    const struct guard_row *row = *state;
    struct service service = {.keyring = guard_keyring};
    struct guard_secret sent = {row->count, row->value};

    assert_int_equal(guard_pass(GUARD_SECRET, &service, &sent), row->passes ? 0 : GUARD_REFUSED);
}

/* Where nothing is guarded, no keyring is even looked at. */
static void test_no_guard(void **state)
{
    const struct guard_row *row = *state;
    struct service service = {0};
    struct guard_secret sent = {row->count, row->value};

    assert_int_equal(guard_pass(GUARD_NONE, &service, &sent), 0);
}

int main(void)
{
    static struct CMUnitTest tests[2 * array_len(secret_rows)];
    size_t len = rows_add(tests, 0, secret_rows, test_secret);

    rows_add(tests, len, secret_rows, test_no_guard);
    return cmocka_run_group_tests(tests, make_keyring, free_keyring);
}
