/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/json_pieces.h"

#include <stdlib.h>

struct listener {
    const char *text; /* during the scan at hand */
    struct buf heard;
    bool odd; /* a key inside the member at hand was told of as odd */
};

static void note_odd(void *ctx, struct span key)
{
    (void)key;
    ((struct listener *)ctx)->odd = true;
}

static void hear_member(void *ctx, const struct json_member *member)
{
    struct listener *listener = ctx;
    size_t key = (size_t)(member->key.at - listener->text);
    size_t value = (size_t)(member->value.at - listener->text);

    assert_int_equal(buf_printf(&listener->heard, "%zu+%zu: %zu+%zu%s\n", key, member->key.len,
                                value, member->value.len, listener->odd ? " odd" : ""),
                     0);
    listener->odd = false;
}

static void hear_inner(void *ctx, struct span value)
{
    struct listener *listener = ctx;

    assert_int_equal(
        buf_printf(&listener->heard, "b: %td+%zu\n", value.at - listener->text, value.len), 0);
}

void scan_verdict_done(struct scan_verdict *verdict)
{
    buf_done(&verdict->members);
}

struct scan_verdict scan_in_pieces(struct span text, size_t first, size_t step)
{
    struct json_scanner scanner;
    struct listener listener = {0};
    char *arrived = NULL;

    json_scanner_init(&scanner, hear_member, &listener);
    scanner.odd_key = note_odd;
    scanner.inner = hear_inner;
    scanner.inner_name = SPAN("b");
    for (size_t len = first;; len = text.len - len > step ? len + step : text.len) {
        char *moved = malloc(len ? len : 1);
        assert_non_null(moved);
        memcpy(moved, text.at, len);
        free(arrived);
        arrived = moved;
        listener.text = arrived;
        enum json_error error = json_scan(&scanner, (struct span){arrived, len});
        assert_int_equal(error, scanner.error);
        if (len == text.len)
            break;
    }
    struct scan_verdict verdict = {
        .error = json_scan_end(&scanner, (struct span){arrived, text.len}),
        .pos = scanner.pos,
        .is_object = json_scanner_is_object(&scanner),
        .members = listener.heard,
    };
    free(arrived);
    return verdict;
}

void assert_same_verdict(const struct scan_verdict *is, const struct scan_verdict *should)
{
    assert_int_equal(is->error, should->error);
    assert_int_equal(is->pos, should->pos);
    assert_int_equal(is->is_object, should->is_object);
    assert_same_text(buf_span(&is->members), buf_span(&should->members));
}

void test_scan(void **state)
{
    enum { LONG = 2048, LONG_STRIDE = 97 }; /* not every split of what is long: time */
    const struct scan_row *row = *state;
    size_t len = row->text.len;
    size_t stride = len < LONG ? 1 : LONG_STRIDE;

    cleanup(scan_verdict_done) struct scan_verdict whole = scan_in_pieces(row->text, len, len);
    assert_int_equal(whole.error, row->error);
    assert_int_equal(whole.pos, row->pos);
    assert_int_equal(json_check(row->text), row->error);

    cleanup(scan_verdict_done) struct scan_verdict bytes = scan_in_pieces(row->text, 0, 1);
    assert_same_verdict(&bytes, &whole);
    for (size_t split = 0; split < len; split += stride) {
        cleanup(scan_verdict_done) struct scan_verdict halves =
            scan_in_pieces(row->text, split, len);
        assert_same_verdict(&halves, &whole);
    }
}
