/* SPDX-License-Identifier: MIT */
/* Text that wants to harm a terminal, or JSON. */
#include "cli/outbox_text.h"

#include "base/json_scan.h"
#include "tests/unit/lib/rows.h"

/* ---- For terminals ---- */

static struct whole_row {
    const char *name;
    struct span text, shown;
} whole_rows[] = {
    {"nothing", TEXT(""), TEXT("")},
    {"plain text", TEXT("acc_1 \"x\" \\n ~"), TEXT("acc_1 \"x\" \\n ~")},
    {"letters of all lengths", TEXT("é€😀"), TEXT("é€😀")},
    {"a colour", TEXT("\x1b[31mred"), TEXT("\\x1b[31mred")},
    {"a title", TEXT("\x1b]0;x\x07"), TEXT("\\x1b]0;x\\x07")},
    {"NUL and DEL", TEXT("a\0b\x7f"), TEXT("a\\x00b\\x7f")},
    {"controls with names", TEXT("a\nb\rc\td"), TEXT("a\\nb\\rc\\td")},
    {"an 8-bit control (CSI)",
     TEXT("\xc2\x9b"
          "31m"),
     TEXT("\\u009b31m")},
    {"the last of these, and the first behind", TEXT("\xc2\x9f\xc2\xa0"), TEXT("\\u009f\xc2\xa0")},
    {"a raw 8-bit control",
     TEXT("\x9b"
          "31m"),
     TEXT("\\x9b31m")},
    {"right-to-left override", TEXT("\xe2\x80\xaegnp.exe"), TEXT("\\u202egnp.exe")},
    {"an isolate", TEXT("\xe2\x81\xa6x\xe2\x81\xa9"), TEXT("\\u2066x\\u2069")},
    {"a zero-width space",
     TEXT("a\xe2\x80\x8b"
          "b"),
     TEXT("a\\u200bb")},
    {"a line separator",
     TEXT("a\xe2\x80\xa8"
          "b"),
     TEXT("a\\u2028b")},
    {"a mark of direction", TEXT("a\xd8\x9c"), TEXT("a\\u061c")},
    {"a soft hyphen", TEXT("a\xc2\xad"), TEXT("a\\u00ad")},
    {"a filler", TEXT("\xe3\x85\xa4"), TEXT("\\u3164")},
    {"a tag", TEXT("\xf3\xa0\x80\x81!"), TEXT("\\U000e0001!")},
    {"half of a surrogate pair", TEXT("\xed\xa0\x80!"), TEXT("\\ud800!")},
    {"cut-off UTF-8", TEXT("x\xe2\x82"), TEXT("x\\xe2\\x82")},
    {"too long a form", TEXT("\xc0\x9b"), TEXT("\\xc0\\x9b")},
    {"beyond Unicode", TEXT("\xf4\x90\x80\x80"), TEXT("\\xf4\\x90\\x80\\x80")},
};

static void test_whole(void **state)
{
    const struct whole_row *row = *state;
    cleanup(buf_done) struct buf out = BUF_NULL;

    assert_int_equal(outbox_text_whole(row->text, NULL, &out), 0);
    assert_same_text(buf_span(&out), row->shown);
}

static void test_line_breaks(void **state)
{
    cleanup(buf_done) struct buf out = BUF_NULL;

    (void)state;
    assert_int_equal(outbox_text_whole(SPAN("a\r\n\x1b\n"), "\n  ", &out), 0);
    assert_same_text(buf_span(&out), SPAN("a\\r\n  \\x1b\n  "));
}

/* ---- Cut ---- */

static struct cut_row {
    const char *name;
    size_t width;
    struct span text, shown;
    size_t used;
} cut_rows[] = {
    {"cut: nothing", 5, TEXT(""), TEXT(""), 0},
    {"cut: shorter", 5, TEXT("abc"), TEXT("abc"), 3},
    {"cut: just fits", 5, TEXT("abcde"), TEXT("abcde"), 5},
    {"cut: one too many", 5, TEXT("abcdef"), TEXT("abcd…"), 5},
    {"cut: letters, not bytes", 5, TEXT("ééééé"), TEXT("ééééé"), 5},
    {"cut: letters, one too many", 5, TEXT("éééééé"), TEXT("éééé…"), 5},
    {"cut: wide letters", 6, TEXT("日本語"), TEXT("日本語"), 6},
    {"cut: wide letters, one too many", 6, TEXT("日本語x"), TEXT("日本…"), 5},
    {"cut: half a column is none", 5, TEXT("日本語"), TEXT("日本…"), 5},
    {"cut: wide letters of every kind", 8, TEXT("한Ａ🎉あ"), TEXT("한Ａ🎉あ"), 8},
    {"cut: accents of their own", 3, TEXT("e\xcc\x81o\xcc\x88\xcc\xb1x"),
     TEXT("e\xcc\x81o\xcc\x88\xcc\xb1x"), 3},
    {"cut: accents, one letter too many", 3, TEXT("e\xcc\x81oxy"), TEXT("e\xcc\x81o…"), 3},
    {"cut: an accent at the edge", 3, TEXT("xye\xcc\x81"), TEXT("xye\xcc\x81"), 3},
    {"cut: scripts that join", 4, TEXT("नमस्ते"), TEXT("नमस्ते"), 4},
    {"cut: a Korean syllable in its parts", 2, TEXT("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"),
     TEXT("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"), 2},
    {"cut: never within an escape", 5, TEXT("ab\x1b[m"), TEXT("ab…"), 3},
    {"cut: an escape that fits", 6, TEXT("ab\x1b"), TEXT("ab\\x1b"), 6},
    {"cut: an escape that would take the dots' room", 6, TEXT("ab\x1bz"), TEXT("ab…"), 3},
    {"cut: to dots alone", 1, TEXT("ab"), TEXT("…"), 1},
};

static void test_cut(void **state)
{
    const struct cut_row *row = *state;
    cleanup(buf_done) struct buf out = BUF_NULL;
    size_t used = 99;

    assert_int_equal(buf_append_char(&out, '>'), 0);
    assert_int_equal(outbox_text_cut(row->text, row->width, &used, &out), 0);
    assert_int_equal(out.at[0], '>');
    assert_same_text((struct span){out.at + 1, out.len - 1}, row->shown);
    assert_int_equal(used, row->used);
}

/* ---- For programs ---- */

static struct json_row {
    const char *name;
    struct span text, json;
} json_rows[] = {
    {"JSON: nothing", TEXT(""), TEXT("\"\"")},
    {"JSON: quotes and names", TEXT("\"\\\n\t\b"), TEXT("\"\\\"\\\\\\n\\t\\b\"")},
    {"JSON: NUL and escape", TEXT("\0\x1b"), TEXT("\"\\u0000\\u001b\"")},
    {"JSON: DEL and an 8-bit control", TEXT("\x7f\xc2\x9b"), TEXT("\"\\u007f\\u009b\"")},
    {"JSON: letters", TEXT("é€😀"), TEXT("\"é€😀\"")},
    {"JSON: half of a pair", TEXT("\xed\xa0\xbd"), TEXT("\"\\ud83d\"")},
    {"JSON: right-to-left override", TEXT("\xe2\x80\xae"), TEXT("\"\\u202e\"")},
    {"JSON: bytes that are no UTF-8", TEXT("a\xff\xe2\x82"),
     TEXT("\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"")},
    {"JSON: a surrogate's beginning before a quote", TEXT("\xed\"\xed"),
     TEXT("\"\xef\xbf\xbd\\\"\xef\xbf\xbd\"")},
};

static void test_json(void **state)
{
    const struct json_row *row = *state;
    cleanup(buf_done) struct buf out = BUF_NULL;

    assert_int_equal(outbox_text_json(row->text, &out), 0);
    assert_same_text(buf_span(&out), row->json);
    assert_int_equal(json_check(buf_span(&out)), JSON_FINE);
}

/* Whatever two bytes stand together, and whatever is cut off: JSON stays JSON, text stays text. */
static void test_all_bytes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 0x10000; i++) {
        char bytes[] = {'x', (char)(i >> 8), (char)i};
        struct span text = {bytes, sizeof(bytes)};
        cleanup(buf_done) struct buf json = BUF_NULL;
        cleanup(buf_done) struct buf shown = BUF_NULL;
        assert_int_equal(outbox_text_json(text, &json), 0);
        assert_int_equal(json_check(buf_span(&json)), JSON_FINE);
        assert_int_equal(outbox_text_whole(text, NULL, &shown), 0);
        for (size_t at = 0; at < shown.len; at++)
            assert_in_range((unsigned char)shown.at[at], 0x20, 0xF4);
    }
}

int main(void)
{
    static struct CMUnitTest
        tests[array_len(whole_rows) + array_len(cut_rows) + array_len(json_rows) + 2];
    size_t len = rows_add(tests, 0, whole_rows, test_whole);

    len = rows_add(tests, len, cut_rows, test_cut);
    len = rows_add(tests, len, json_rows, test_json);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_line_breaks);
    tests[len] = (struct CMUnitTest)cmocka_unit_test(test_all_bytes);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
