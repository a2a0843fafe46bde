/* SPDX-License-Identifier: MIT */
/* A growing run of bytes. */
#include "base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_empty(void **state)
{
    cleanup(buf_done) struct buf buf = BUF_NULL;

    (void)state;
    assert_non_null(buf_span(&buf).at);
    assert_int_equal(buf_span(&buf).len, 0);
    assert_int_equal(buf_append(&buf, NULL, 0), 0);
    assert_null(buf.at);
    assert_string_equal(buf_string(&buf), "");
    assert_int_equal(buf.len, 0);
}

static void test_appends(void **state)
{
    cleanup(buf_done) struct buf buf = BUF_NULL;

    (void)state;
    assert_int_equal(buf_append(&buf, "a\0b", 3), 0);
    assert_int_equal(buf_append_span(&buf, SPAN("cd")), 0);
    assert_int_equal(buf_append_span(&buf, SPAN_NULL), 0);
    assert_int_equal(buf_append_char(&buf, 'e'), 0);
    assert_int_equal(buf_printf(&buf, "%s %d", "", 42), 0);
    assert_true(span_eq(buf_span(&buf), SPAN("a\0bcde 42")));
}

static void test_makes_no_room_past_the_most(void **state)
{
    cleanup(buf_done) struct buf buf = BUF_NULL;

    (void)state;
    assert_int_equal(buf_reserve_up_to(&buf, 1000, 5000), 0);
    assert_int_equal(buf.cap, 1000);
    buf.len = 1000;
    assert_int_equal(buf_reserve_up_to(&buf, 1, 5000), 0);
    assert_int_equal(buf.cap, 1500); /* it grows as ever */
    buf.len = 1500;
    assert_int_equal(buf_reserve_up_to(&buf, 1, 2000), 0);
    assert_int_equal(buf.cap, 2000);
    buf.len = 2000;
    assert_int_equal(buf_reserve_up_to(&buf, 1, 2000), 0); /* more came than was said */
    assert_int_equal(buf.cap, 3000);
    assert_int_equal(buf_reserve_up_to(&buf, 2000, 0), 0);
    assert_true(buf.cap >= 4000);
}

static void test_string_is_not_content(void **state)
{
    cleanup(buf_done) struct buf buf = BUF_NULL;

    (void)state;
    /* Filled to the brim first, so that the NUL needs room of its own. */
    assert_int_equal(buf_append_char(&buf, 'x'), 0);
    while (buf.len < buf.cap)
        assert_int_equal(buf_append_char(&buf, 'x'), 0);
    size_t len = buf.len;
    assert_int_equal(strlen(buf_string(&buf)), len);
    assert_int_equal(buf.len, len);
    assert_int_equal(buf_append_char(&buf, 'y'), 0);
    assert_int_equal(buf.at[len], 'y');
}

static void test_printf_longer_than_the_room(void **state)
{
    cleanup(buf_done) struct buf buf = BUF_NULL;
    char text[1000];

    (void)state;
    memset(text, 'z', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(buf_append_char(&buf, '<'), 0);
    assert_int_equal(buf_printf(&buf, "%s>", text), 0);
    assert_int_equal(buf.len, sizeof(text) + 1);
    assert_int_equal(buf.at[buf.len - 1], '>');
}

static void test_growth_matches_a_model(void **state)
{
    enum { MODEL_LEN = 200000 };
    cleanup(freep) char *model = malloc(MODEL_LEN);
    cleanup(buf_done) struct buf buf = BUF_NULL;
    size_t moves = 0;
    unsigned seed = 1;

    (void)state;
    assert_non_null(model);
    for (size_t i = 0; i < MODEL_LEN; i++)
        model[i] = (char)(i * 31 >> 3);
    while (buf.len < MODEL_LEN) {
        size_t len = (size_t)rand_r(&seed) % 300;
        size_t cap = buf.cap;
        if (len > MODEL_LEN - buf.len)
            len = MODEL_LEN - buf.len;
        assert_int_equal(buf_append(&buf, model + buf.len, len), 0);
        assert_true(buf.cap >= buf.len);
        moves += buf.cap != cap;
    }
    assert_memory_equal(buf.at, model, MODEL_LEN);
    assert_true(moves < 40); /* grown by a share of its size, not by a step */
}

static void test_impossible_size_changes_nothing(void **state)
{
    cleanup(buf_done) struct buf buf = BUF_NULL;

    (void)state;
    assert_int_equal(buf_append(&buf, "kept", 4), 0);
    struct buf before = buf;
    assert_int_equal(buf_reserve(&buf, SIZE_MAX), -ENOMEM);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX / 2), -ENOMEM);
    assert_memory_equal(&buf, &before, sizeof(buf));
    assert_true(span_eq(buf_span(&buf), SPAN("kept")));
}

static void test_done_leaves_an_empty_one(void **state)
{
    struct buf buf = BUF_NULL;

    (void)state;
    assert_int_equal(buf_append(&buf, "x", 1), 0);
    buf_done(&buf);
    assert_null(buf.at);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.cap, 0);
    buf_done(&buf);
    assert_int_equal(buf_append(&buf, "y", 1), 0);
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_makes_no_room_past_the_most),
        cmocka_unit_test(test_string_is_not_content),
        cmocka_unit_test(test_printf_longer_than_the_room),
        cmocka_unit_test(test_growth_matches_a_model),
        cmocka_unit_test(test_impossible_size_changes_nothing),
        cmocka_unit_test(test_done_leaves_an_empty_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
