/* SPDX-License-Identifier: MIT */
/* What the JSON scanner tells of members; test-base-json-values.c and -texts.c have what it takes.
 */
#include "tests/unit/lib/json_pieces.h"

/* ---- what is told of members ---- */

struct member_row {
    const char *name;
    struct span text;
    const char *heard; /* key=value, with a ! where a key inside is odd */
};

static bool odd; /* a key inside the member at hand was told of as odd */

static void note_odd(void *ctx, struct span key)
{
    (void)ctx, (void)key;
    odd = true;
}

static void hear_text(void *ctx, const struct json_member *member)
{
    struct buf *heard = ctx;

    assert_int_equal(buf_printf(heard, "%s%.*s=%.*s%s", heard->len ? " | " : "",
                                (int)member->key.len, member->key.at, (int)member->value.len,
                                member->value.at, odd ? "!" : ""),
                     0);
    odd = false;
}

static struct member_row member_rows[] = {
    {"member: none", TEXT("{}"), ""},
    {"member: one", TEXT("{\"a\":1}"), "\"a\"=1"},
    {"member: of each kind",
     TEXT("{\"a\":\"b\",\"c\":-1.5e3,\"d\":true,\"e\":null,\"f\":[1],\"g\":{\"h\":2}}"),
     "\"a\"=\"b\" | \"c\"=-1.5e3 | \"d\"=true | \"e\"=null | \"f\"=[1] | \"g\"={\"h\":2}"},
    {"member: blanks around", TEXT(" { \"a\" : 1 , \"b\" : [ 2 ] , \"c\"\n:\t\"d\" } "),
     "\"a\"=1 | \"b\"=[ 2 ] | \"c\"=\"d\""},
    {"member: repeated", TEXT("{\"a\":1,\"a\":2}"), "\"a\"=1 | \"a\"=2"},
    {"member: keys as written", TEXT("{\"\\u0061\":1,\"\":2}"), "\"\\u0061\"=1 | \"\"=2"},
    {"member: behind a byte order mark", TEXT("\xEF\xBB\xBF{\"a\":1}"), "\"a\"=1"},
    {"member: only the outermost object's", TEXT("[{\"a\":1}]"), ""},
    {"member: none of an inner object", TEXT("{\"a\":{\"b\":{\"c\":1}},\"d\":[{\"e\":2}]}"),
     "\"a\"={\"b\":{\"c\":1}} | \"d\"=[{\"e\":2}]"},
    {"member: whole before the fault", TEXT("{\"a\":1,\"b\":2,x"), "\"a\"=1 | \"b\"=2"},
    {"member: not told while it may go on", TEXT("{\"a\":12"), ""},
    {"odd: not the outermost keys", TEXT("{\"$a\":1,\"\xC3\xA9\":2,\"\\n\":3}"),
     "\"$a\"=1 | \"\xC3\xA9\"=2 | \"\\n\"=3"},
    {"odd: a dollar first", TEXT("{\"a\":{\"$b\":1}}"), "\"a\"={\"$b\":1}!"},
    {"odd: not a dollar behind", TEXT("{\"a\":{\"b$\":1}}"), "\"a\"={\"b$\":1}"},
    {"odd: a dollar in an array", TEXT("{\"a\":[1,[{\"$\":1}]]}"), "\"a\"=[1,[{\"$\":1}]]!"},
    {"odd: an escape", TEXT("{\"a\":{\"\\u0061\":1}}"), "\"a\"={\"\\u0061\":1}!"},
    {"odd: an escape behind", TEXT("{\"a\":{\"b\\\"\":1}}"), "\"a\"={\"b\\\"\":1}!"},
    {"odd: beyond ASCII", TEXT("{\"a\":{\"b\xC3\xA9\":1}}"), "\"a\"={\"b\xC3\xA9\":1}!"},
    {"odd: DEL", TEXT("{\"a\":{\"\x7F\":1}}"), "\"a\"={\"\x7F\":1}!"},
    {"odd: DEL in a long key",
     TEXT("{\"a\":{\"abcdefgh\x7F"
          "ijklmnop\":1}}"),
     "\"a\"={\"abcdefgh\x7F"
     "ijklmnop\":1}!"},
    {"odd: not a tilde or a blank", TEXT("{\"a\":{\" ~\":1}}"), "\"a\"={\" ~\":1}"},
    {"odd: __proto__", TEXT("{\"a\":{\"__proto__\":1}}"), "\"a\"={\"__proto__\":1}!"},
    {"odd: not nearly __proto__", TEXT("{\"a\":{\"__proto_\":1,\"___proto__\":1}}"),
     "\"a\"={\"__proto_\":1,\"___proto__\":1}"},
    {"odd: not a value", TEXT("{\"a\":{\"b\":\"$\\n\xC3\xA9\"}}"),
     "\"a\"={\"b\":\"$\\n\xC3\xA9\"}"},
    {"odd: not an element", TEXT("{\"a\":[\"$b\",\"__proto__\"]}"), "\"a\"=[\"$b\",\"__proto__\"]"},
    {"odd: each for itself", TEXT("{\"a\":{\"$\":1},\"b\":{\"c\":1},\"d\":[{\"$\":1}],\"e\":1}"),
     "\"a\"={\"$\":1}! | \"b\"={\"c\":1} | \"d\"=[{\"$\":1}]! | \"e\"=1"},
    {"odd: not 1024 long", TEXT("{\"a\":{\"" X1024("k") "\":1}}"), "\"a\"={\"" X1024("k") "\":1}"},
    {"odd: 1025 long", TEXT("{\"a\":{\"k" X1024("k") "\":1}}"), "\"a\"={\"k" X1024("k") "\":1}!"},
};

static void hear_inner_text(void *ctx, struct span value)
{
    struct buf *heard = ctx;

    assert_int_equal(buf_printf(heard, "%s%.*s", heard->len ? " | " : "", (int)value.len, value.at),
                     0);
}

static struct member_row inner_rows[] = {
    {"inner: none", TEXT("{\"a\":{},\"b\":1,\"c\":{\"a\":2,\"bb\":3,\"\":4}}"), ""},
    {"inner: of each kind",
     TEXT("{\"1\":{\"b\":\"c\"},\"2\":{\"b\":-1.5e3},\"3\":{\"b\":true},\"4\":{\"b\":null},"
          "\"5\":{\"b\":[1]},\"6\":{\"b\":{\"c\":2}}}"),
     "\"c\" | -1.5e3 | true | null | [1] | {\"c\":2}"},
    {"inner: blanks around", TEXT("{ \"a\" : { \"b\" : 1 , \"c\" : 2 , \"b\"\n:\t[ 3 ] } }"),
     "1 | [ 3 ]"},
    {"inner: repeated, and escaped", TEXT("{\"a\":{\"\\u0062\":1,\"b\":2,\"\\u0063\":3}}"),
     "1 | 2"},
    {"inner: behind what is deeper", TEXT("{\"a\":{\"c\":{\"b\":{\"b\":1}},\"b\":2}}"), "2"},
    {"inner: one in the other", TEXT("{\"b\":{\"b\":{\"b\":[{\"b\":1}]}}}"), "{\"b\":[{\"b\":1}]}"},
    {"inner: not of elements", TEXT("{\"a\":[{\"b\":1},2],\"b\":[3]}"), ""},
    {"inner: not where the outermost is an array", TEXT("[{\"b\":1},{\"a\":{\"b\":2}}]"), ""},
};

static void test_inner(void **state)
{
    const struct member_row *row = *state;
    cleanup(buf_done) struct buf heard = BUF_NULL;
    struct json_scanner scanner;

    json_scanner_init(&scanner, NULL, &heard);
    scanner.inner = hear_inner_text;
    scanner.inner_name = SPAN("b");
    (void)json_scan(&scanner, row->text);
    assert_int_equal(json_scan_end(&scanner, row->text), JSON_FINE);
    assert_same_text(buf_span(&heard), span_of(row->heard));
}

static void test_member(void **state)
{
    const struct member_row *row = *state;
    cleanup(buf_done) struct buf heard = BUF_NULL;
    struct json_scanner scanner;

    odd = false;
    json_scanner_init(&scanner, hear_text, &heard);
    scanner.odd_key = note_odd;
    (void)json_scan(&scanner, row->text);
    (void)json_scan_end(&scanner, row->text);
    assert_same_text(buf_span(&heard), span_of(row->heard));

    cleanup(scan_verdict_done) struct scan_verdict whole =
        scan_in_pieces(row->text, row->text.len, row->text.len);
    for (size_t split = 0; split < row->text.len; split++) {
        cleanup(scan_verdict_done) struct scan_verdict halves =
            scan_in_pieces(row->text, split, row->text.len);
        assert_same_verdict(&halves, &whole);
    }
}

/* ---- the rest ---- */

static void test_errors_stay(void **state)
{
    (void)state;
    struct json_scanner scanner;

    json_scanner_init(&scanner, NULL, NULL);
    assert_int_equal(json_scan(&scanner, SPAN("[1,]")), JSON_SYNTAX);
    assert_int_equal(json_scan(&scanner, SPAN("[1,]   ")), JSON_SYNTAX);
    assert_int_equal(json_scan_end(&scanner, SPAN("[1,]   ")), JSON_SYNTAX);
    assert_int_equal(scanner.pos, 3);
}

/* Strings are read by words: the scanner must stop at the same bytes, wherever in one they are. */
static void test_each_byte_in_each_place(void **state)
{
    (void)state;

    for (int c = 0; c < 256; c++) {
        char alone[] = {'"', (char)c, ' ', '"'};
        enum json_error expected = json_check((struct span){alone, sizeof(alone)});
        for (size_t place = 1; place < 24; place++) {
            char text[] = "\"                        \"";
            text[place] = (char)c;
            assert_int_equal(json_check((struct span){text, sizeof(text) - 1}), expected);
        }
    }
}

struct object_row {
    const char *name;
    struct span text;
    bool is_object;
};

static struct object_row object_rows[] = {
    {"is an object: {}", TEXT("{}"), true},
    {"is an object: behind blanks", TEXT("  {\"a\":[]}  "), true},
    {"is an object: behind a byte order mark", TEXT("\xEF\xBB\xBF{\"a\":1}"), true},
    {"is no object: []", TEXT("[{}]"), false},
    {"is no object: a string", TEXT("\"{}\""), false},
    {"is no object: a number", TEXT("5"), false},
    {"is no object: null", TEXT("null"), false},
};

static void test_is_object(void **state)
{
    const struct object_row *row = *state;
    struct json_scanner scanner;

    json_scanner_init(&scanner, NULL, NULL);
    assert_int_equal(json_scan(&scanner, row->text), JSON_FINE);
    assert_int_equal(json_scan_end(&scanner, row->text), JSON_FINE);
    assert_int_equal(json_scanner_is_object(&scanner), row->is_object);
}

int main(void)
{
    static struct CMUnitTest
        tests[array_len(member_rows) + array_len(inner_rows) + array_len(object_rows) + 2];
    size_t len = rows_add(tests, 0, member_rows, test_member);

    len = rows_add(tests, len, inner_rows, test_inner);
    len = rows_add(tests, len, object_rows, test_is_object);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_errors_stay);
    tests[len] = (struct CMUnitTest)cmocka_unit_test(test_each_byte_in_each_place);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
