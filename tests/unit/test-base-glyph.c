/* SPDX-License-Identifier: MIT */
/* Characters and their columns, compared with the C library, which has Unicode's tables. */
#include "base/glyph.h"

#include <locale.h>
#include <stdio.h>
#include <wchar.h>
#include <wctype.h>

#include "base/utf8.h"
#include "tests/unit/lib/rows.h"

enum {
    ODD_MAX = 512, /* in which two versions of Unicode may differ: 16 made 111 of them wide */
    UNICODE_MAX = 0x110000, /* exclusive */
};

static bool is_surrogate(uint32_t code)
{
    return code >= 0xD800 && code <= 0xDFFF;
}

static void test_columns(void **state)
{
    int odd = 0, compared = 0;

    (void)state;
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        skip();
    for (uint32_t code = 0; code < UNICODE_MAX; code++) {
        int columns = wcwidth((wchar_t)code);
        if (columns < 0 || is_surrogate(code) || glyph_is_unsafe(code))
            continue;
        compared++;
        if (columns == (int)glyph_columns(code))
            continue;
        odd++;
        print_message("U+%04X: %zu, not %d\n", code, glyph_columns(code), columns);
    }
    (void)setlocale(LC_CTYPE, "C");
    assert_true(compared > 100000);
    assert_in_range(odd, 0, ODD_MAX);
}

/* What the C library calls a control is nothing that may stand in a line. */
static void test_controls(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < UNICODE_MAX; code++) {
        bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
        if (control)
            assert_true(glyph_is_unsafe(code));
    }
    for (uint32_t code = ' '; code <= '~'; code++)
        assert_false(glyph_is_unsafe(code));
}

/*
 * What turns a line round is Bidi_Control, what ends one has the classes BK and NL.
 *
 * Sources: Unicode's PropList.txt and LineBreak.txt.
 */
static void test_what_turns_or_ends_a_line(void **state)
{
    static const uint32_t codes[] = {0x61C,  0x200E, 0x200F, 0x202A, 0x202B, 0x202C,
                                     0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069,
                                     0x0B,   0x0C,   0x85,   0x2028, 0x2029};

    (void)state;
    for (size_t i = 0; i < array_len(codes); i++)
        if (!glyph_is_unsafe(codes[i]))
            fail_msg("U+%04X is safe", codes[i]);
}

/* Hangul's, which are letters that nobody sees. */
static bool is_filler(uint32_t code)
{
    return code == 0x115F || code == 0x1160 || code == 0x3164 || code == 0xFFA0;
}

/* Letters and digits of all scripts, those from right to left, too. */
static void test_what_is_written(void **state)
{
    int safe = 0;

    (void)state;
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        skip();
    for (uint32_t code = 0; code < UNICODE_MAX; code++) {
        if (!iswalnum((wint_t)code) || is_filler(code))
            continue;
        safe++;
        if (glyph_is_unsafe(code))
            fail_msg("U+%04X is unsafe", code);
    }
    (void)setlocale(LC_CTYPE, "C");
    assert_true(safe > 100000);
}

/* There and back, and no character is one without its last byte. */
static void test_decode(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < UNICODE_MAX; code++) {
        char text[4];
        uint32_t back = UINT32_MAX;
        size_t len = utf8_put((int)code, text);
        assert_int_equal(glyph_decode((struct span){text, len}, &back), len);
        assert_int_equal(back, code);
        if (len > 1)
            assert_int_equal(glyph_decode((struct span){text, len - 1}, &back), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_what_turns_or_ends_a_line),
        cmocka_unit_test(test_what_is_written),
        cmocka_unit_test(test_decode),
    };

    return cmocka_run_group_tests_name("glyph", tests, NULL, NULL);
}
