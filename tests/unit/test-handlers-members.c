/* SPDX-License-Identifier: MIT */
/* Members in JavaScript's order, of repeated ones the last. */
#include "handlers/members.h"
#include "tests/unit/rows.h"

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
    {"pairs before U+E000", TEXT("{\"\\ue000\":1,\"😀\":2,\"\\uffff\":3,\"\\ud7ff\":4}"),
     TEXT("\xED\x9F\xBF=4;😀=2;\xEE\x80\x80=1;\xEF\xBF\xBF=3;")},
    {"a half before its pair", TEXT("{\"😀\":1,\"\\ud83d\":2,\"\\ud83e\":3}"),
     TEXT("\xED\xA0\xBD=2;😀=1;\xED\xA0\xBE=3;")},
    {"pairs by their second halves", TEXT("{\"😂\":1,\"😁\":2,\"😀\":3}"), TEXT("😀=3;😁=2;😂=1;")},
    {"differing behind eight bytes that are alike",
     TEXT("{\"abcdefghijklmnopqz\":1,\"abcdefghijklmnopqb\":2,\"abcdefghijklmnop\":3}"),
     TEXT("abcdefghijklmnop=3;abcdefghijklmnopqb=2;abcdefghijklmnopqz=1;")},
    {"differing in the last byte of a character",
     TEXT("{\"abcdef\xC3\xA9\":1,\"abcdef\xC3\xA8\":2,\"abcdef\xE2\x82\xAC\":3}"),
     TEXT("abcdef\xC3\xA8=2;abcdef\xC3\xA9=1;abcdef\xE2\x82\xAC=3;")},
    {"pairs that differ in their last byte, before U+E000",
     TEXT("{\"aaaaa\xF0\x9F\x98\x81\":1,\"aaaaa\xF0\x9F\x98\x80\":2,\"aaaaa\\ue000\":3}"),
     TEXT("aaaaa\xF0\x9F\x98\x80=2;aaaaa\xF0\x9F\x98\x81=1;aaaaa\xEE\x80\x80=3;")},
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

/* ---- UTF-16 ---- */

struct units_row {
    const char *name;
    struct span text;
    int units[4]; /* up to a -1 */
};

static struct units_row units_rows[] = {
    {"units: ASCII", TEXT("a\x7F"), {0x61, 0x7F, -1}},
    {"units: NUL", TEXT("\0"), {0, -1}},
    {"units: two bytes", TEXT("\xC2\x80\xDF\xBF"), {0x80, 0x7FF, -1}},
    {"units: three bytes", TEXT("\xE0\xA0\x80\xEF\xBF\xBF"), {0x800, 0xFFFF, -1}},
    {"units: halves", TEXT("\xED\xA0\x80\xED\xBF\xBF"), {0xD800, 0xDFFF, -1}},
    {"units: the first pair", TEXT("\xF0\x90\x80\x80"), {0xD800, 0xDC00, -1}},
    {"units: the last pair", TEXT("\xF4\x8F\xBF\xBF"), {0xDBFF, 0xDFFF, -1}},
    {"units: a pair, then a letter", TEXT("\xF0\x9F\x98\x80z"), {0xD83D, 0xDE00, 0x7A, -1}},
};

static void test_units(void **state)
{
    const struct units_row *row = *state;
    const char *at = row->text.at, *end = at + row->text.len;
    int half = 0;

    for (const int *unit = row->units; *unit >= 0; unit++) {
        assert_true(at < end || half);
        assert_int_equal(members_next_unit(&at, &half), *unit);
    }
    assert_ptr_equal(at, end);
    assert_int_equal(half, 0);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(members_rows) + array_len(units_rows) + 2];
    size_t len = rows_add(tests, 0, members_rows, test_members);

    len = rows_add(tests, len, units_rows, test_units);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_as_many_as_convex_takes);
    tests[len] = (struct CMUnitTest)cmocka_unit_test(test_one_too_many);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
