/* SPDX-License-Identifier: MIT */
/*
 * The HTTP of an answer. The input's first byte says how long the pieces are in which the rest
 * comes, and whether the stream ends after it.
 *
 *   - In pieces an answer reads as in one: the outcome, the status, the body, whether the
 *     connection is kept.
 *   - A reader that was used before reads as a new one does.
 *   - Nothing grows past its measure; where there is no answer, there is a reason, without contents
 *     of the answer.
 */
#include "fuzz.h"

#include "convex/http_answer.h"

struct reading {
    int outcome;
    int status;
    bool keeps;
    bool retries;
};

static void check_answer(const struct http_answer *answer, int outcome)
{
    fuzz_check(outcome >= 0 && outcome <= HTTP_ANSWER_BROKEN);
    fuzz_check(answer->status == 0 || (answer->status >= 200 && answer->status <= 999));
    fuzz_check(answer->body.len <= ANSWER_KEPT_BYTES_MAX);
    fuzz_check(answer->line.len <= ANSWER_HEAD_BYTES_MAX);
    fuzz_check(answer->retry_after_ms >= -1 && answer->retry_after_ms <= 300000);
    fuzz_check(answer->body.len <= answer->body_bytes);
    fuzz_check(!answer->compressed || answer->body.len == 0);
    fuzz_check(!answer->compressed || fuzz_is_printable(span_of(answer->compressed)));
    if (outcome == HTTP_ANSWER_WHOLE)
        fuzz_check(answer->status > 0);
    if (outcome == HTTP_ANSWER_ENDLESS || outcome == HTTP_ANSWER_BROKEN)
        fuzz_check(answer->why && fuzz_is_printable(span_of(answer->why)));
}

static struct reading read_in_pieces(struct http_answer *answer, struct span bytes,
                                     size_t piece_len, bool ends)
{
    int outcome = 0;

    http_answer_reset(answer);
    while (outcome == 0 && bytes.len > 0) {
        size_t len = piece_len < bytes.len ? piece_len : bytes.len;
        char *piece = fuzz_copy((struct span){bytes.at, len});
        outcome = http_answer_take(answer, (struct span){piece, len});
        free(piece);
        bytes = (struct span){bytes.at + len, bytes.len - len};
    }
    if (outcome == 0 && ends)
        outcome = http_answer_end(answer);
    check_answer(answer, outcome);
    return (struct reading){
        .outcome = outcome,
        .status = answer->status,
        .keeps = outcome == HTTP_ANSWER_WHOLE && answer->keeps && bytes.len == 0,
        .retries = answer->retry_after_ms >= 0, /* by the clock, so that it may differ a little */
    };
}

static void check_same(const struct reading *a, const struct reading *b)
{
    fuzz_check(a->outcome == b->outcome);
    fuzz_check(a->status == b->status);
    fuzz_check(a->keeps == b->keeps);
    fuzz_check(a->retries == b->retries);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t how = fuzz_byte(&input);
    struct span bytes = {(const char *)input.at, input.len};
    struct http_answer whole = {0}, pieces = {0};

    struct reading first = read_in_pieces(&whole, bytes, bytes.len, how & 1);
    struct reading second = read_in_pieces(&pieces, bytes, 1 + how / 2, how & 1);
    check_same(&first, &second);
    if (first.outcome != HTTP_ANSWER_ENDLESS)
        fuzz_check(span_eq(buf_span(&whole.body), buf_span(&pieces.body)));
    struct reading again = read_in_pieces(&pieces, bytes, bytes.len, how & 1);
    check_same(&first, &again);
    fuzz_check(span_eq(buf_span(&whole.body), buf_span(&pieces.body)));

    http_answer_done(&whole);
    http_answer_done(&pieces);
    return 0;
}
