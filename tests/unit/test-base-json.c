/* SPDX-License-Identifier: MIT */
/*
 * Walking, decoding and writing JSON. What decoding, quoting and cleaning should give is what
 * Node 20 printed: JSON.parse, JSON.stringify, and TextDecoder (with its mark left in).
 */
#include "base/json.h"
#include "base/json_scan.h"
#include "tests/unit/lib/rows.h"

/* ---- walking ---- */

struct walk_row {
    const char *name;
    struct span text;
    const char *walked; /* key=value | ... or value | ... */
};

static struct walk_row walk_rows[] = {
    {"walk: {}", TEXT("{}"), ""},
    {"walk: { }", TEXT("{ \n}"), ""},
    {"walk: []", TEXT("[]"), ""},
    {"walk: [ ]", TEXT("[ \t]"), ""},
    {"walk: a member", TEXT("{\"a\":1}"), "\"a\"=1"},
    {"walk: members", TEXT("{\"a\":1,\"b\":\"c\",\"d\":null}"),
     "\"a\"=1 | \"b\"=\"c\" | \"d\"=null"},
    {"walk: blanks", TEXT("{ \"a\" :\t1 ,\r\n\"b\" : [ ] }"), "\"a\"=1 | \"b\"=[ ]"},
    {"walk: blanks behind a number", TEXT("[1 , 2\t,3\n,4\r]"), "1 | 2 | 3 | 4"},
    {"walk: inner ones whole", TEXT("{\"a\":{\"b\":[1,{}]},\"c\":[[],[2]]}"),
     "\"a\"={\"b\":[1,{}]} | \"c\"=[[],[2]]"},
    {"walk: elements", TEXT("[1,\"a\",true,false,null,-1.5e+3,[],{}]"),
     "1 | \"a\" | true | false | null | -1.5e+3 | [] | {}"},
    {"walk: brackets in strings", TEXT("[\"]\",\"}\",\"[{,\"]"), "\"]\" | \"}\" | \"[{,\""},
    {"walk: brackets in inner strings", TEXT("[{\"]\":\"}\"},[\"]\"]]"), "{\"]\":\"}\"} | [\"]\"]"},
    {"walk: quotes in strings", TEXT("[\"\\\"\",\"\\\\\",\"\\\\\\\"]\"]"),
     "\"\\\"\" | \"\\\\\" | \"\\\\\\\"]\""},
    {"walk: quotes in keys", TEXT("{\"\\\"\":1,\"\\\\\":2,\":\":3}"),
     "\"\\\"\"=1 | \"\\\\\"=2 | \":\"=3"},
    {"walk: quotes in inner strings", TEXT("[[\"\\\"]\"],2]"), "[\"\\\"]\"] | 2"},
    {"walk: a repeated member", TEXT("{\"a\":1,\"a\":2}"), "\"a\"=1 | \"a\"=2"},
    {"walk: an empty key", TEXT("{\"\":\"\"}"), "\"\"=\"\""},
    {"walk: a string has none", TEXT("\"[1]\""), ""},
    {"walk: a number has none", TEXT("5"), ""},
    {"walk: null has none", TEXT("null"), ""},
    {"walk: what is missing has none", {NULL, 0}, ""},
};

static void test_walk(void **state)
{
    const struct walk_row *row = *state;
    cleanup(buf_done) struct buf walked = BUF_NULL;
    struct json_walk walk = json_walk(row->text);
    struct span key = SPAN_NULL, value;

    while (json_next(&walk, &key, &value))
        assert_int_equal(buf_printf(&walked, "%s%.*s%s%.*s", walked.len ? " | " : "", (int)key.len,
                                    key.at ? key.at : "", key.at ? "=" : "", (int)value.len,
                                    value.at),
                         0);
    assert_same_text(buf_span(&walked), span_of(row->walked));
    assert_false(json_next(&walk, &key, &value));
}

/* The walk goes by words of eight bytes: what ends a value may stand anywhere in one. */
static void test_walk_by_words(void **state)
{
    (void)state;
    static const char *const inner[] = {
        "",       "\\\"",  "\\\\",        "\\u005d",       "]",
        "\u00e9", "\",\"", "\",{\"a\":[", "\",[[],{}],\"", "\",1,\""};
    static const char pad[] = "xxxxxxxxxxxxxxxxxx";

    for (size_t i = 0; i < array_len(inner); i++) {
        for (size_t n = 0; n < sizeof(pad) * sizeof(pad); n++) {
            cleanup(buf_done) struct buf text = BUF_NULL;
            int before = (int)(n % sizeof(pad)), after = (int)(n / sizeof(pad));
            const char *close = strstr(inner[i], "{\"a\":[") ? "\"]}" : "";
            assert_int_equal(buf_printf(&text, "[[\"%.*s%s%s%.*s\"%s],7]", before, pad, inner[i],
                                        *close ? "\"" : "", after, pad, *close ? close + 1 : ""),
                             0);
            assert_int_equal(json_check(buf_span(&text)), JSON_FINE);
            struct json_walk walk = json_walk(buf_span(&text));
            struct span key, value;
            assert_true(json_next(&walk, &key, &value));
            assert_int_equal(value.len, text.len - strlen("[,7]"));
            assert_true(json_next(&walk, &key, &value));
            assert_same_text(value, SPAN("7"));
            assert_false(json_next(&walk, &key, &value));
        }
    }
}

struct find_row {
    const char *name;
    struct span object;
    struct span wanted;
    const char *found; /* NULL: nothing */
};

static struct find_row find_rows[] = {
    {"find: the first", TEXT("{\"a\":1,\"b\":2}"), TEXT("a"), "1"},
    {"find: the last", TEXT("{\"a\":1,\"b\":[2]}"), TEXT("b"), "[2]"},
    {"find: none", TEXT("{\"a\":1}"), TEXT("b"), NULL},
    {"find: in what is empty", TEXT("{}"), TEXT("a"), NULL},
    {"find: of repeated ones the last", TEXT("{\"a\":1,\"b\":2,\"a\":3}"), TEXT("a"), "3"},
    {"find: of repeated ones the last, escaped", TEXT("{\"a\":1,\"\\u0061\":3}"), TEXT("a"), "3"},
    {"find: escaped", TEXT("{\"bl\\u0061deId\":7}"), TEXT("bladeId"), "7"},
    {"find: case counts", TEXT("{\"A\":1}"), TEXT("a"), NULL},
    {"find: not inside", TEXT("{\"b\":{\"a\":1}}"), TEXT("a"), NULL},
    {"find: not a value", TEXT("{\"b\":\"a\"}"), TEXT("a"), NULL},
    {"find: not a part of a name", TEXT("{\"ab\":1,\"\":2}"), TEXT("a"), NULL},
    {"find: an empty name", TEXT("{\"a\":1,\"\":2}"), TEXT(""), "2"},
    {"find: a name with NUL", TEXT("{\"a\":1,\"a\\u0000b\":2}"), TEXT("a\0b"), "2"},
    {"find: not up to a NUL", TEXT("{\"a\\u0000b\":2}"), TEXT("a"), NULL},
    {"find: in no object", TEXT("[\"a\",1]"), TEXT("a"), NULL},
    {"find: in a string", TEXT("\"a\""), TEXT("a"), NULL},
    {"find: in what is missing", {NULL, 0}, TEXT("a"), NULL},
};

enum {
    CONTAINERS = 20000,
    CONTAINER_PIECES = 60,
    CONTAINER_DEPTH = 40,
};

static uint32_t skip_random(uint32_t sides)
{
    static uint32_t x = 1;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x % sides;
}

/* Adds a container, and something behind. Returns where the container ends. */
static size_t make_container(struct buf *text)
{
    static const char *const pieces[] = {"[",
                                         "{",
                                         "\"\"",
                                         "\"]}\"",
                                         "\"\\\"]\"",
                                         "\"\\\\\"",
                                         "12,",
                                         "null",
                                         " ",
                                         "\"a longer string with ] in it\"",
                                         "\"\\\\\\\\\\\\\\\"\"",
                                         "\"\\u005d\\\"}\\\"{\""};
    char closers[CONTAINER_DEPTH] = {'}'};
    int depth = 1;

    assert_int_equal(buf_append_char(text, '{'), 0);
    for (uint32_t left = skip_random(CONTAINER_PIECES) + 1; depth > 0;) {
        uint32_t piece = skip_random(array_len(pieces));
        if (left == 0 || skip_random(3) == 0) {
            if (left > 0 && depth == 1)
                continue;
            assert_int_equal(buf_append_char(text, closers[--depth]), 0);
        } else if (piece > 1 || depth < CONTAINER_DEPTH) {
            if (piece < 2)
                closers[depth++] = piece ? '}' : ']';
            assert_int_equal(buf_append_span(text, span_of(pieces[piece])), 0);
            left--;
        }
    }
    size_t len = text->len;
    for (uint32_t left = skip_random(40); left > 0; left--)
        assert_int_equal(buf_append_span(text, span_of(pieces[skip_random(array_len(pieces))])), 0);
    return len;
}

static void assert_value_ends(struct buf *text, size_t len)
{
    struct span value = json_value_at(text->at, text->at + text->len);

    if (value.len != len)
        fail_msg("%zu instead of %zu bytes of %s", value.len, len, buf_string(text));
}

/* Containers of all depths and lengths: each ends where the test has put the end. */
static void test_containers_end(void **state)
{
    (void)state;
    for (int i = 0; i < CONTAINERS; i++) {
        cleanup(buf_done) struct buf text = BUF_NULL;
        size_t len = make_container(&text);
        assert_value_ends(&text, len);
    }
}

/* Adds a string of so many pieces, and something behind. Returns where the string ends. */
static size_t make_string(struct buf *text, uint32_t pieces)
{
    static const char *const inside[] = {"\\\\",           "\\\"",    "\\n", "x",
                                         "a longer piece", "\\u0022", "]"};
    uint32_t kinds = skip_random(array_len(inside)) + 1; /* some are of one piece alone */

    assert_int_equal(buf_append_char(text, '"'), 0);
    while (pieces-- > 0)
        assert_int_equal(buf_append_span(text, span_of(inside[skip_random(kinds)])), 0);
    assert_int_equal(buf_append_char(text, '"'), 0);
    size_t len = text->len;
    for (uint32_t left = skip_random(80); left > 0; left--)
        assert_int_equal(buf_append_char(text, "\\\",:"[skip_random(4)]), 0);
    return len;
}

/* The same for strings, long ones with many escapes among them. */
static void test_strings_end(void **state)
{
    (void)state;
    for (int i = 0; i < CONTAINERS; i++) {
        cleanup(buf_done) struct buf text = BUF_NULL;
        size_t len = make_string(&text, skip_random(300));
        assert_value_ends(&text, len);
    }
}

static void test_find(void **state)
{
    const struct find_row *row = *state;
    struct span found = json_find(row->object, row->wanted);

    if (row->found)
        assert_same_text(found, span_of(row->found));
    else
        assert_null(found.at);
}

struct is_row {
    const char *name;
    struct span string;
    struct span wanted;
    bool is;
};

static struct is_row is_rows[] = {
    {"is: plain", TEXT("\"model\""), TEXT("model"), true},
    {"is: empty", TEXT("\"\""), TEXT(""), true},
    {"is: escaped", TEXT("\"m\\u006Fdel\""), TEXT("model"), true},
    {"is: escaped in full", TEXT("\"\\u006d\\u006f\""), TEXT("mo"), true},
    {"is: an escaped slash", TEXT("\"a\\/b\""), TEXT("a/b"), true},
    {"is: a newline", TEXT("\"a\\nb\""), TEXT("a\nb"), true},
    {"is: two bytes escaped", TEXT("\"\\u00e9\""), TEXT("\xC3\xA9"), true},
    {"is: a pair escaped", TEXT("\"\\ud83d\\ude00\""), TEXT("\xF0\x9F\x98\x80"), true},
    {"is: a half", TEXT("\"\\ud800\""), TEXT("\xED\xA0\x80"), true},
    {"is: NUL", TEXT("\"\\u0000\""), TEXT("\0"), true},
    {"is not: longer", TEXT("\"models\""), TEXT("model"), false},
    {"is not: shorter", TEXT("\"mode\""), TEXT("model"), false},
    {"is not: escaped, longer", TEXT("\"\\u006dodels\""), TEXT("model"), false},
    {"is not: escaped, shorter", TEXT("\"\\u006dode\""), TEXT("model"), false},
    {"is not: escaped, other", TEXT("\"m\\u006edel\""), TEXT("model"), false},
    {"is not: an escape beyond the end", TEXT("\"mod\\u00e9\""), TEXT("mod\xC3"), false},
    {"is not: upper case", TEXT("\"Model\""), TEXT("model"), false},
    {"is not: an escaped backslash", TEXT("\"\\\\u006d\""), TEXT("m"), false},
    {"is not: empty", TEXT("\"\""), TEXT("a"), false},
    {"is not: not empty", TEXT("\"\\u0000\""), TEXT(""), false},
    {"is not: up to a NUL", TEXT("\"a\\u0000\""), TEXT("a"), false},
    {"is not: a number", TEXT("12"), TEXT(""), false},
    {"is not: null", TEXT("null"), TEXT("ul"), false},
    {"is not: missing", {NULL, 0}, TEXT(""), false},
};

static void test_string_is(void **state)
{
    const struct is_row *row = *state;

    assert_int_equal(json_string_is(row->string, row->wanted), row->is);
}

/* ---- decoding and writing ---- */

struct text_row {
    const char *name;
    struct span from;
    struct span to;
};

/* clang-format off */
static struct text_row decode_rows[] = {
    {"decode: \"\"", TEXT("\"\""), TEXT("")},
    {"decode: \"abc\"", TEXT("\"abc\""), TEXT("abc")},
    {"decode: \"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
     TEXT("\"\\/\010\014\n\015\t")},
    {"decode: \"a\\u0000b\"", TEXT("\"a\\u0000b\""), TEXT("a\000b")},
    {"decode: \"\\u0041\\u004a\\u004A\"", TEXT("\"\\u0041\\u004a\\u004A\""), TEXT("AJJ")},
    {"decode: \"\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
     TEXT("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\""),
     TEXT("\177\302\200߿ࠀ￿")},
    {"decode: \"\\u00e9\"", TEXT("\"\\u00e9\""), TEXT("é")},
    {"decode: \"é日😀\"", TEXT("\"é日😀\""), TEXT("é日😀")},
    {"decode: \"\\ud83d\\ude00\"", TEXT("\"\\ud83d\\ude00\""), TEXT("😀")},
    {"decode: \"\\uD83D\\uDE00!\"", TEXT("\"\\uD83D\\uDE00!\""), TEXT("😀!")},
    {"decode: \"\\ud800\"", TEXT("\"\\ud800\""), TEXT("\xED\xA0\x80")},
    {"decode: \"\\ud800x\"", TEXT("\"\\ud800x\""), TEXT("\xED\xA0\x80x")},
    {"decode: \"\\ud800\\n\"", TEXT("\"\\ud800\\n\""), TEXT("\xED\xA0\x80\n")},
    {"decode: \"\\udc00\"", TEXT("\"\\udc00\""), TEXT("\xED\xB0\x80")},
    {"decode: \"\\ude00\\ud83d\"", TEXT("\"\\ude00\\ud83d\""), TEXT("\xED\xB8\x80\xED\xA0\xBD")},
    {"decode: \"\\ud800\\ud83d\\ude00\"", TEXT("\"\\ud800\\ud83d\\ude00\""), TEXT("\xED\xA0\x80😀")},
    {"decode: \"\\ud83d\\ude00\\ude00\"", TEXT("\"\\ud83d\\ude00\\ude00\""), TEXT("😀\xED\xB8\x80")},
    {"decode: \"\\ud7ff\\ue000\"", TEXT("\"\\ud7ff\\ue000\""), TEXT("퟿")},
    {"decode: \"\\\\u0041\"", TEXT("\"\\\\u0041\""), TEXT("\\u0041")},
    {"decode: \"\\ud83d\\\\ude00\"", TEXT("\"\\ud83d\\\\ude00\""), TEXT("\xED\xA0\xBD\\ude00")},
    {"decode: \"x\\u2028y\"", TEXT("\"x\\u2028y\""), TEXT("x\342\200\250y")},
    {"decode: \"\\udbff\\udfff\"", TEXT("\"\\udbff\\udfff\""), TEXT("􏿿")},
};

static struct text_row quote_rows[] = {
    {"quote: \"\"", TEXT(""), TEXT("\"\"")},
    {"quote: \"abc\"", TEXT("abc"), TEXT("\"abc\"")},
    {"quote: \"\\\"\\\\/\"", TEXT("\"\\/"), TEXT("\"\\\"\\\\/\"")},
    {"quote: \"\\b\\f\\n\\r\\t\"", TEXT("\010\014\n\015\t"), TEXT("\"\\b\\f\\n\\r\\t\"")},
    {"quote: \"\\u0000\"", TEXT("\000"), TEXT("\"\\u0000\"")},
    {"quote: \"\\u0001\\u000b\\u001f\"", TEXT("\001\013\037"), TEXT("\"\\u0001\\u000b\\u001f\"")},
    {"quote: \"\177\"", TEXT("\177"), TEXT("\"\177\"")},
    {"quote: \"a\\u0000b\"", TEXT("a\000b"), TEXT("\"a\\u0000b\"")},
    {"quote: \"é日😀\"", TEXT("é日😀"), TEXT("\"é日😀\"")},
    {"quote: \"\\ud800\"", TEXT("\xED\xA0\x80"), TEXT("\"\\ud800\"")},
    {"quote: \"\\udbff\"", TEXT("\xED\xAF\xBF"), TEXT("\"\\udbff\"")},
    {"quote: \"\\udc00\"", TEXT("\xED\xB0\x80"), TEXT("\"\\udc00\"")},
    {"quote: \"\\udfff\"", TEXT("\xED\xBF\xBF"), TEXT("\"\\udfff\"")},
    {"quote: \"x\\ud83dy\"", TEXT("x\xED\xA0\xBDy"), TEXT("\"x\\ud83dy\"")},
    {"quote: \"\\ud800\\ud801\"", TEXT("\xED\xA0\x80\xED\xA0\x81"), TEXT("\"\\ud800\\ud801\"")},
    {"quote: \"\\ude00\\ud83d\"", TEXT("\xED\xB8\x80\xED\xA0\xBD"), TEXT("\"\\ude00\\ud83d\"")},
    {"quote: \"퟿\"", TEXT("퟿"), TEXT("\"퟿\"")},
    {"quote: \"\342\200\250 \"", TEXT("\342\200\250 "), TEXT("\"\342\200\250 \"")},
    {"quote: \"\357\273\277￿\"", TEXT("\357\273\277￿"), TEXT("\"\357\273\277￿\"")},
    {"quote: \"􏿿\"", TEXT("􏿿"), TEXT("\"􏿿\"")},
    {"quote: \"í\"", TEXT("í"), TEXT("\"í\"")},
    {"quote: \"it's </script>\"", TEXT("it's </script>"), TEXT("\"it's </script>\"")},
};

static struct text_row clean_rows[] = {
    {"clean: nothing", TEXT(""), TEXT("")},
    {"clean: ASCII", TEXT("abc\x00\x7F"), TEXT("abc\x00\x7F")},
    {"clean: valid", TEXT("\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80"),
     TEXT("\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80")},
    {"clean: a byte order mark", TEXT("\xEF\xBB\xBF" "a"), TEXT("\xEF\xBB\xBF" "a")},
    {"clean: a continuation", TEXT("\x80"), TEXT("\xEF\xBF\xBD")},
    {"clean: two continuations", TEXT("\x80\xBF"), TEXT("\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: latin-1", TEXT("caf\xE9"), TEXT("caf\xEF\xBF\xBD")},
    {"clean: latin-1 inside", TEXT("caf\xE9s"), TEXT("caf\xEF\xBF\xBDs")},
    {"clean: FF FE", TEXT("\xFF\xFE"), TEXT("\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: C0 AF", TEXT("\xC0\xAF"), TEXT("\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: C1 BF", TEXT("\xC1\xBF"), TEXT("\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: E0 80 AF", TEXT("\xE0\x80\xAF"), TEXT("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: E0 9F BF", TEXT("\xE0\x9F\xBF"), TEXT("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: a surrogate", TEXT("\xED\xA0\x80"), TEXT("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: a pair of surrogates", TEXT("\xED\xA0\xBD\xED\xB8\x80"),
     TEXT("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: F0 80 80 AF", TEXT("\xF0\x80\x80\xAF"),
     TEXT("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: F0 8F BF BF", TEXT("\xF0\x8F\xBF\xBF"),
     TEXT("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: F4 90 80 80", TEXT("\xF4\x90\x80\x80"),
     TEXT("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: F5 80 80 80", TEXT("\xF5\x80\x80\x80"),
     TEXT("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: 1 of 2", TEXT("\xC3"), TEXT("\xEF\xBF\xBD")},
    {"clean: 1 of 3", TEXT("\xE6"), TEXT("\xEF\xBF\xBD")},
    {"clean: 2 of 3", TEXT("\xE6\x97"), TEXT("\xEF\xBF\xBD")},
    {"clean: 1 of 4", TEXT("\xF0"), TEXT("\xEF\xBF\xBD")},
    {"clean: 2 of 4", TEXT("\xF0\x9F"), TEXT("\xEF\xBF\xBD")},
    {"clean: 3 of 4", TEXT("\xF0\x9F\x98"), TEXT("\xEF\xBF\xBD")},
    {"clean: 3 of 4, then ASCII", TEXT("\xF0\x9F\x98x"), TEXT("\xEF\xBF\xBDx")},
    {"clean: 2 of 3, then a whole one", TEXT("\xE6\x97\xC3\xA9"), TEXT("\xEF\xBF\xBD\xC3\xA9")},
    {"clean: 2 of 3, twice", TEXT("\xE6\x97\xE6\x97"), TEXT("\xEF\xBF\xBD\xEF\xBF\xBD")},
    {"clean: 1 of 2, then itself", TEXT("\xC3\xC3\xA9"), TEXT("\xEF\xBF\xBD\xC3\xA9")},
    {"clean: a continuation too many", TEXT("\xC3\xA9\xA9"), TEXT("\xC3\xA9\xEF\xBF\xBD")},
    {"clean: the standard's example", TEXT("a\xF1\x80\x80\xE1\x80\xC2" "b\x80" "c\x80\xBF" "d"),
     TEXT("a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" "b\xEF\xBF\xBD" "c\xEF\xBF\xBD\xEF\xBF\xBD" "d")},
    {"clean: the edges",
     TEXT("\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"),
     TEXT("\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF")},
    {"clean: U+D7FF and U+E000", TEXT("\xED\x9F\xBF\xEE\x80\x80"),
     TEXT("\xED\x9F\xBF\xEE\x80\x80")},
};
/* clang-format on */

/* All three append: what stands there before stays. */
static void assert_turns_into(const struct text_row *row, int (*turn)(struct span, struct buf *))
{
    cleanup(buf_done) struct buf out = BUF_NULL;

    assert_int_equal(buf_append_char(&out, '>'), 0);
    assert_int_equal(turn(row->from, &out), 0);
    assert_int_equal(out.at[0], '>');
    assert_same_text((struct span){out.at + 1, out.len - 1}, row->to);
}

static void test_decode(void **state)
{
    const struct text_row *row = *state;

    assert_turns_into(row, json_decode);
    assert_true(json_string_is(row->from, row->to));
}

static void test_quote(void **state)
{
    const struct text_row *row = *state;

    assert_turns_into(row, json_quote);
    assert_turns_into(&(struct text_row){.from = row->to, .to = row->from}, json_decode);
}

static void test_clean(void **state)
{
    assert_turns_into(*state, json_clean_utf8);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(walk_rows) + array_len(find_rows) +
                                   array_len(is_rows) + array_len(decode_rows) +
                                   array_len(quote_rows) + array_len(clean_rows) + 3];
    size_t len = rows_add(tests, 0, walk_rows, test_walk);

    len = rows_add(tests, len, find_rows, test_find);
    len = rows_add(tests, len, is_rows, test_string_is);
    len = rows_add(tests, len, decode_rows, test_decode);
    len = rows_add(tests, len, quote_rows, test_quote);
    len = rows_add(tests, len, clean_rows, test_clean);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_walk_by_words);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_containers_end);
    tests[len] = (struct CMUnitTest)cmocka_unit_test(test_strings_end);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
