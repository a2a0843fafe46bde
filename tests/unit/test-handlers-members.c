/* SPDX-License-Identifier: MIT */
/* Members by the bytes of their names, of repeated ones the last. */
#include "handlers/members.h"
#include "tests/unit/lib/rows.h"

struct members_row {
    const char *name;
    struct span object;
    struct span members; /* name=value, each with a ; behind */
};

static struct members_row members_rows[] = {
    {"none", TEXT("{}"), TEXT("")},
    {"one", TEXT("{\"a\":1}"), TEXT("a=1;")},
    {"sorted already", TEXT("{\"a\":1,\"b\":2,\"c\":3}"), TEXT("a=1;b=2;c=3;")},
    {"sorted", TEXT("{\"c\":3,\"a\":1,\"b\":2}"), TEXT("a=1;b=2;c=3;")},
    {"values as written", TEXT("{\"b\":[ 1 ],\"a\":\"\\u0061\"}"), TEXT("a=\"\\u0061\";b=[ 1 ];")},
    {"names decoded", TEXT("{\"\\u0062\":2,\"\\u0061\":1}"), TEXT("a=1;b=2;")},
    {"upper case before lower", TEXT("{\"a\":1,\"B\":2,\"A\":3}"), TEXT("A=3;B=2;a=1;")},
    {"digits are not numbers", TEXT("{\"9\":1,\"10\":2,\"1\":3}"), TEXT("1=3;10=2;9=1;")},
    {"a start before the whole", TEXT("{\"abc\":1,\"ab\":2,\"\":3,\"a\":4}"),
     TEXT("=3;a=4;ab=2;abc=1;")},
    {"NUL is a character", TEXT("{\"a\\u0000b\":1,\"a\":2,\"a\\u0000\":3}"),
     TEXT("a=2;a\0=3;a\0b=1;")},
    {"beyond ASCII behind it", TEXT("{\"é\":1,\"z\":2,\"~\":3}"), TEXT("z=2;~=3;é=1;")},
    {"by bytes, not by UTF-16", TEXT("{\"\\ue000\":1,\"😀\":2,\"\\uffff\":3,\"\\ud7ff\":4}"),
     TEXT("\xED\x9F\xBF=4;\xEE\x80\x80=1;\xEF\xBF\xBF=3;😀=2;")},
    {"halves of a pair", TEXT("{\"😀\":1,\"\\ud83d\":2,\"\\ud83e\":3}"),
     TEXT("\xED\xA0\xBD=2;\xED\xA0\xBE=3;😀=1;")},
    {"differing in the last byte",
     TEXT("{\"abcdefgh\xC3\xA9\":1,\"abcdefgh\xC3\xA8\":2,\"abcdefgh\":3}"),
     TEXT("abcdefgh=3;abcdefgh\xC3\xA8=2;abcdefgh\xC3\xA9=1;")},
    {"repeated: the last", TEXT("{\"a\":1,\"a\":2,\"a\":3}"), TEXT("a=3;")},
    {"repeated: with others between", TEXT("{\"b\":1,\"a\":2,\"b\":3,\"a\":4,\"c\":5}"),
     TEXT("a=4;b=3;c=5;")},
    {"repeated: differently written", TEXT("{\"\\u00e9\":1,\"é\":2}"), TEXT("é=2;")},
    {"repeated: the empty name", TEXT("{\"\":1,\"\":2}"), TEXT("=2;")},
    {"repeated: a pair", TEXT("{\"\\ud83d\\ude00\":1,\"😀\":2}"), TEXT("😀=2;")},
};

static void test_members(void **state)
{
    const struct members_row *row = *state;
    cleanup(members_done) struct members members = {0};
    cleanup(buf_done) struct buf out = BUF_NULL;

    assert_int_equal(members_read(row->object, &members), 0);
    for (size_t i = 0; i < members.len; i++) {
        assert_int_equal(buf_append_span(&out, members.at[i].name), 0);
        assert_int_equal(buf_append_char(&out, '='), 0);
        assert_int_equal(buf_append_span(&out, members.at[i].value), 0);
        assert_int_equal(buf_append_char(&out, ';'), 0);
        assert_int_equal(*members.at[i].key.at, '"');
    }
    assert_same_text(buf_span(&out), row->members);
}

/* An object of so many fields, with names that count down. */
static struct buf object_of(int fields)
{
    struct buf object = BUF_NULL;

    for (int i = fields; i > 0; i--)
        assert_int_equal(buf_printf(&object, "%c\"%d\":%d", i == fields ? '{' : ',', i, i), 0);
    assert_int_equal(buf_append_char(&object, '}'), 0);
    return object;
}

static void test_as_many_as_convex_takes(void **state)
{
    (void)state;
    cleanup(members_done) struct members members = {0};
    cleanup(buf_done) struct buf object = object_of(MEMBERS_MAX);

    assert_int_equal(members_read(buf_span(&object), &members), 0);
    assert_int_equal(members.len, MEMBERS_MAX);
    assert_same_text(members.at[0].name, SPAN("1"));
    assert_same_text(members.at[1].name, SPAN("10"));
    assert_same_text(members.at[MEMBERS_MAX - 1].name, SPAN("999"));
}

static void test_one_too_many(void **state)
{
    (void)state;
    struct members members = {0};
    cleanup(buf_done) struct buf object = object_of(MEMBERS_MAX + 1);

    assert_int_equal(members_read(buf_span(&object), &members), MEMBERS_TOO_MANY);
    assert_null(members.at); /* untouched */
}

int main(void)
{
    static struct CMUnitTest tests[array_len(members_rows) + 2];
    size_t len = rows_add(tests, 0, members_rows, test_members);

    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_as_many_as_convex_takes);
    tests[len] = (struct CMUnitTest)cmocka_unit_test(test_one_too_many);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
