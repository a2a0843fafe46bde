/* SPDX-License-Identifier: MIT */
/*
 * What an answer of Convex's means. The input's first byte says of which kind the answer is, and
 * whether the body is the beginning of a longer one (16: cut, 32: broken off); the next two are the
 * status; the rest is the body.
 *
 *   - The text made of a beginning is whole, and decides where the beginning does.
 *   - The cause is short and printable, whatever the answer holds; there always is one but for a
 *     success.
 *   - The message is WTF-8 that can be an answer to the sender.
 *   - Only a 2xx or 560 with an envelope that says success counts as done.
 *   - What never left never ran.
 *   - As the answer to a batch: what is done singly is no failure there, each event has a verdict
 *     where the answer speaks of events, and else the call has a verdict that waits.
 */
#include "fuzz.h"

#include <cjson/cJSON.h>

#include "base/json.h"
#include "base/json_scan.h"
#include "convex/batch.h"
#include "convex/beginning.h"
#include "convex/verdict.h"

/* As cJSON reads the body, if at all: halves of surrogate pairs are refused, and bytes that are not
 * UTF-8. */
static bool says_success(struct span body)
{
    cJSON *tree = cJSON_ParseWithLength(body.at, body.len);
    const cJSON *member, *status = NULL;

    cJSON_ArrayForEach(member, tree)
    {
        if (member->string && strcmp(member->string, "status") == 0)
            status = member;
    }
    bool success = !tree || (cJSON_IsString(status) && strcmp(status->valuestring, "success") == 0);
    cJSON_Delete(tree);
    return success;
}

static void check_verdict(const struct answer *answer, const struct verdict *verdict)
{
    struct buf quoted = BUF_NULL;
    struct span message = buf_span(&verdict->message);

    fuzz_check(memchr(verdict->cause, '\0', sizeof(verdict->cause)));
    fuzz_check(fuzz_is_printable(span_of(verdict->cause)));
    fuzz_check(verdict->outcome == VERDICT_DONE || *verdict->cause);
    fuzz_check(verdict->outcome <= VERDICT_HELD && verdict->scope <= VERDICT_UPSTREAM);
    fuzz_check(verdict_outcome_name(verdict->outcome));
    fuzz_check(json_quote(message, &quoted) == 0);
    fuzz_check(json_check(buf_span(&quoted)) == JSON_FINE);
    if (verdict->outcome == VERDICT_DONE) {
        fuzz_check(answer->kind == ANSWER_HTTP);
        fuzz_check(answer->status / 100 == 2 || answer->status == 560);
        fuzz_check(says_success(answer->body));
    }
    if (answer->kind == ANSWER_NOT_SENT)
        fuzz_check(verdict->outcome == VERDICT_AGAIN && !verdict->maybe_ran);
    if (answer->kind == ANSWER_LOST)
        fuzz_check(verdict->outcome != VERDICT_DONE);
    if (answer->kind == ANSWER_COMPRESSED)
        fuzz_check(verdict->outcome >= VERDICT_AGAIN);
    buf_done(&quoted);
}

static void check_batch(const struct answer *answer, const struct verdict *single, size_t n)
{
    struct batch batch = {0};
    struct verdict verdict;

    fuzz_check(batch_read(answer, n, &batch) == 0);
    fuzz_check((batch.outcome <= BATCH_UNREAD) == (single->outcome == VERDICT_DONE));
    if (batch.outcome == BATCH_TOGETHER)
        fuzz_check(batch.verdict.outcome >= VERDICT_AGAIN);
    for (size_t i = 0; batch.outcome == BATCH_ITEMS && i < n; i++) {
        fuzz_check(batch_next(&batch, &verdict) == 0);
        fuzz_check(fuzz_is_printable(span_of(verdict.cause)) && *verdict.cause);
        fuzz_check(verdict.outcome != VERDICT_DONE || verdict.message.len == 0);
        buf_done(&verdict.message);
    }
    batch_done(&batch);
}

/* Half of what decides is no more than it: success stays success, an error one with less text. */
static void check_beginning(int status, bool cut, struct buf *body)
{
    bool envelope = answer_is_envelope(status);
    bool decided = beginning_decides(status, cut, body);

    if (decided && envelope) {
        fuzz_check(json_check(buf_span(body)) == JSON_FINE);
        struct span word = json_find(buf_span(body), SPAN("status"));
        fuzz_check(json_string_is(word, SPAN("success")) || json_string_is(word, SPAN("error")));
        struct span message = json_find(buf_span(body), SPAN("errorMessage"));
        fuzz_check(json_string_is(word, SPAN("success")) == (message.at == NULL));
    }
    fuzz_check(decided || !cut || envelope);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int common[] = {200, 400, 401, 403, 404, 408, 421, 425,
                                 429, 500, 502, 503, 504, 560, 301, 204};
    struct fuzz_input input = {data, size};
    uint8_t kind = fuzz_byte(&input);
    int status = (int)fuzz_number(&input, 2);
    struct buf beginning = BUF_NULL;

    status = kind & 4 ? 100 + status % 500 : common[status % (int)array_len(common)];
    fuzz_check(buf_append(&beginning, input.at, input.len) == 0);
    if (kind & 48)
        check_beginning(status, kind & 16, &beginning);
    char *body = fuzz_copy(buf_span(&beginning));
    struct answer answer = {
        .kind = kind & 64 ? ANSWER_COMPRESSED : (enum answer_kind)(kind & 3),
        .status = status,
        .body = {body, beginning.len},
        .retry_after_ms = kind & 8 ? status : -1,
        .why = "why",
    };
    struct verdict verdict = {0};

    fuzz_check(verdict_read(&answer, &verdict) == 0);
    check_verdict(&answer, &verdict);
    check_batch(&answer, &verdict, 2 + (size_t)(status % 4));
    buf_done(&verdict.message);
    buf_done(&beginning);
    free(body);
    return 0;
}
