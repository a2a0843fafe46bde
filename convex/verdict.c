/* SPDX-License-Identifier: MIT */
/*
 * Three tables decide: texts of function errors that are about the deployment and not about the
 * record, codes that say more than their status, and statuses.
 *
 * A text counts only where Convex itself writes: first in the message, or first after the line
 * "[Request ID: …] Server Error". What a function throws begins with "Uncaught " and may quote
 * anything, as a validator's complaint may.
 *
 * Messages are what ConvexHttpClient would throw, and texts of our own where the client would let a
 * JavaScript engine's out.
 */
#include "convex/verdict.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/json_scan.h"
#include "base/utf8.h"

enum { VERDICT_QUOTED_BYTES = 40 }; /* of an answer that is no JSON */

struct verdict_rule {
    enum verdict_outcome outcome;
    enum verdict_scope scope;
    enum verdict_pressure pressure;
    bool maybe_ran;
    int tries_max;
    bool missing;
};

static const struct verdict_rule
    verdict_rule_done = {.outcome = VERDICT_DONE, .scope = VERDICT_ROUTE},
    verdict_rule_rejected = {.outcome = VERDICT_REJECTED, .scope = VERDICT_ROUTE},
    verdict_rule_rejected_maybe =
        {VERDICT_REJECTED, VERDICT_ROUTE, VERDICT_NO_PRESSURE, true, 0, false},
    verdict_rule_held_route = {.outcome = VERDICT_HELD, .scope = VERDICT_ROUTE},
    verdict_rule_missing = {.outcome = VERDICT_HELD, .scope = VERDICT_ROUTE, .missing = true},
    verdict_rule_held = {.outcome = VERDICT_HELD, .scope = VERDICT_UPSTREAM},
    verdict_rule_held_maybe = {VERDICT_HELD, VERDICT_UPSTREAM, VERDICT_NO_PRESSURE, true, 0, false},
    verdict_rule_again_route = {.outcome = VERDICT_AGAIN, .scope = VERDICT_ROUTE},
    verdict_rule_again_few = {.outcome = VERDICT_AGAIN,
                              .scope = VERDICT_ROUTE,
                              .tries_max = VERDICT_FEW_TRIES},
    verdict_rule_again = {.outcome = VERDICT_AGAIN, .scope = VERDICT_UPSTREAM},
    verdict_rule_unknown = {VERDICT_AGAIN, VERDICT_UPSTREAM, VERDICT_NO_PRESSURE, true, 0, false},
    verdict_rule_conflict = {VERDICT_AGAIN, VERDICT_ROUTE, VERDICT_CONFLICT, false, 0, false},
    verdict_rule_overload = {VERDICT_AGAIN, VERDICT_UPSTREAM, VERDICT_OVERLOAD, false, 0, false},
    verdict_rule_overload_maybe = {VERDICT_AGAIN, VERDICT_UPSTREAM, VERDICT_OVERLOAD, true, 0,
                                   false};

static void verdict_follow(struct verdict *verdict, const struct verdict_rule *rule)
{
    verdict->outcome = rule->outcome;
    verdict->scope = rule->scope;
    verdict->pressure = rule->pressure;
    verdict->maybe_ran = rule->maybe_ran;
    verdict->tries_max = rule->tries_max;
    verdict->missing = rule->missing;
}

static void verdict_because(struct verdict *verdict, const char *cause)
{
    (void)snprintf(verdict->cause, sizeof(verdict->cause), "%s", cause);
}

/* ---- function errors ---- */

static const struct {
    const char *start;  /* the message begins so */
    const char *within; /* and its first line holds this text; NULL: any */
    const struct verdict_rule *rule;
    const char *cause;
} verdict_texts[] = {
    {"Could not find public function for", NULL, &verdict_rule_missing, "function not found"},
    {"Could not find function", NULL, &verdict_rule_missing, "function not found"},
    {"Couldn't find JavaScript module", NULL, &verdict_rule_missing, "function not found"},
    {"Couldn't find \"", "\" in module \"", &verdict_rule_missing, "function not found"},
    {"Trying to execute ", " as Mutation, but it is defined as ", &verdict_rule_missing,
     "function of another kind"},
    {"Convex functions at or below version ", NULL, &verdict_rule_held_route,
     "functions of an old version"},
    {"You do not have permission", NULL, &verdict_rule_held_route, "key without permission"},
    {"Cannot run functions while this deployment is", NULL, &verdict_rule_held_route,
     "deployment not running"},
    {"You have exceeded", NULL, &verdict_rule_held_route, "limits exceeded"},
    {"You", "have been disabled", &verdict_rule_held_route, "deployment disabled"},
    {"You", "has been disabled", &verdict_rule_held_route, "deployment disabled"},
    {"This deployment", "has been disabled", &verdict_rule_held_route, "deployment disabled"},
    {"Your request timed out performing too many system operations", NULL,
     &verdict_rule_again_route, "system timeout"},
    {"Function execution timed out", NULL, &verdict_rule_again_few, "function timeout"},
};

static struct span verdict_line(struct span text)
{
    const char *end = memchr(text.at, '\n', text.len);

    return (struct span){text.at, end ? (size_t)(end - text.at) : text.len};
}

static bool verdict_ends(struct span text, struct span end)
{
    return text.len >= end.len && memcmp(text.at + text.len - end.len, end.at, end.len) == 0;
}

/* The message's first line, behind Convex's own "[Request ID: …] Server Error". */
static struct span verdict_first_line(struct span message)
{
    struct span line = verdict_line(message);

    if (line.len == message.len || !span_starts(line, SPAN("[Request ID: ")) ||
        !verdict_ends(line, SPAN("] Server Error")))
        return line;
    return verdict_line((struct span){line.at + line.len + 1, message.len - line.len - 1});
}

void verdict_judge_text(struct verdict *verdict)
{
    struct span line = verdict_first_line(buf_span(&verdict->message));

    verdict_follow(verdict, &verdict_rule_rejected);
    verdict_because(verdict, "function error");
    for (size_t i = 0; i < array_len(verdict_texts); i++) {
        const char *within = verdict_texts[i].within;
        if (span_starts(line, span_of(verdict_texts[i].start)) &&
            (!within || memmem(line.at, line.len, within, strlen(within)))) {
            verdict_follow(verdict, verdict_texts[i].rule);
            verdict_because(verdict, verdict_texts[i].cause);
            return;
        }
    }
}

/* Convex always sends errorMessage as a string. Any other value becomes the message as written. */
static int verdict_read_error(struct span envelope, struct verdict *verdict)
{
    struct span text = json_find(envelope, SPAN("errorMessage"));
    int r = text.len > 0 && *text.at == '"' ? json_decode(text, &verdict->message)
                                            : buf_append_span(&verdict->message, text);

    if (r == 0)
        verdict_judge_text(verdict);
    return r;
}

/* ---- envelopes ---- */

/* An answer that is no JSON; text is clean UTF-8. */
static int verdict_read_unreadable(struct span text, struct verdict *verdict)
{
    bool cut = text.len > VERDICT_QUOTED_BYTES;
    size_t len = cut ? utf8_whole(text.at, VERDICT_QUOTED_BYTES) : text.len;

    verdict_follow(verdict, &verdict_rule_unknown);
    verdict_because(verdict, "unreadable answer");
    if (len == 0)
        return buf_append_span(&verdict->message, SPAN("The answer of Convex is empty"));
    int r = buf_append_span(&verdict->message, SPAN("The answer of Convex is not JSON: "));
    if (r == 0)
        r = buf_append(&verdict->message, text.at, len);
    return r == 0 && cut ? buf_append_span(&verdict->message, SPAN("...")) : r;
}

/* An answer that is JSON, but whose status is neither success nor error. */
static int verdict_read_unexpected(struct span json, struct verdict *verdict)
{
    verdict_follow(verdict, &verdict_rule_unknown);
    verdict_because(verdict, "unexpected answer");
    int r = buf_append_span(&verdict->message, SPAN("Invalid response: "));
    return r ? r : buf_append_span(&verdict->message, json);
}

static struct span verdict_skip_bom(struct span body)
{
    return span_starts(body, SPAN("\xEF\xBB\xBF")) ? (struct span){body.at + 3, body.len - 3}
                                                   : body;
}

int verdict_find_json(struct span body, struct buf *clean, struct span *text)
{
    body = verdict_skip_bom(body);
    if (json_check(body) != JSON_FINE) {
        int r = json_clean_utf8(body, clean);
        if (r < 0)
            return r;
        body = *text = buf_span(clean);
        if (json_check(body) != JSON_FINE)
            return VERDICT_NO_JSON;
    }
    *text = span_trim(body);
    return 0;
}

static int verdict_read_envelope(struct span body, struct verdict *verdict)
{
    cleanup(buf_done) struct buf clean = BUF_NULL;
    int r = verdict_find_json(body, &clean, &body);

    if (r)
        return r == VERDICT_NO_JSON ? verdict_read_unreadable(body, verdict) : r;
    struct span status = json_find(body, SPAN("status"));
    if (json_string_is(status, SPAN("success"))) {
        verdict_follow(verdict, &verdict_rule_done);
        verdict_because(verdict, "success");
        return 0;
    }
    if (json_string_is(status, SPAN("error")))
        return verdict_read_error(body, verdict);
    return verdict_read_unexpected(body, verdict);
}

/* ---- other answers ---- */

/* A code counts only under its status: a proxy or a newer Convex may use the code otherwise. */
static const struct {
    int status;
    const char *code;
    const struct verdict_rule *rule;
} verdict_codes[] = {
    {400, "InvalidClientVersion", &verdict_rule_held},
    {400, "ClientVersionUnsupported", &verdict_rule_held},
    {400, "InvalidAdminKey", &verdict_rule_held},
    {400, "InvalidAuthHeader", &verdict_rule_held},
    /* The key's spelling, crates/local_backend/src/authentication.rs. */
    {400, "HeaderParseFailure", &verdict_rule_held},
    {400, "InvalidHeaderFailure", &verdict_rule_held},
    {400, "BadFormat", &verdict_rule_rejected_maybe}, /* found after the mutation has run */
    /* Where Convex runs with UDF_404_ON_BAD_PATH. Other routes go on: their functions are there. */
    {404, "FunctionPathNotFound", &verdict_rule_missing},
    {404, "FunctionPathWrongType", &verdict_rule_missing},
    {503, "OptimisticConcurrencyControlFailure", &verdict_rule_conflict},
    /* Convex says this, too, where a call between two parts of Convex was lost. */
    {503, "InternalServerError", &verdict_rule_overload_maybe},
};

/* The first row whose range holds the status counts; without one, verdict_rule_unknown does. */
static const struct {
    int first, last;
    const struct verdict_rule *coded; /* Convex itself answered: there is a code */
    const struct verdict_rule *plain; /* a proxy or a CDN may have answered */
} verdict_statuses[] = {
    {300, 399, &verdict_rule_held, &verdict_rule_held},
    {400, 400, &verdict_rule_rejected, &verdict_rule_rejected},
    {408, 408, &verdict_rule_unknown, &verdict_rule_unknown},
    {409, 409, &verdict_rule_rejected, &verdict_rule_held},
    {421, 421, &verdict_rule_again, &verdict_rule_again},
    {425, 425, &verdict_rule_again, &verdict_rule_again},
    {429, 429, &verdict_rule_overload, &verdict_rule_overload},
    /* 401, 403, 404, 405; and statuses that Convex has no errors for, so that a proxy asks for
       something: a bill, a login, an agreement. */
    {400, 499, &verdict_rule_held, &verdict_rule_held},
    {503, 503, &verdict_rule_overload, &verdict_rule_overload_maybe},
};

/* Convex's codes are identifiers: any other text may hold contents, and stays out of logs. */
static bool verdict_read_code(struct span body, char code[64])
{
    struct span value;

    if (json_check(body) != JSON_FINE)
        return false;
    value = json_find(span_trim(body), SPAN("code"));
    if (value.len < 3 || *value.at != '"' || value.len - 2 >= 64)
        return false;
    for (size_t i = 1; i < value.len - 1; i++) {
        if (!isalnum((unsigned char)value.at[i]) && value.at[i] != '_')
            return false;
    }
    memcpy(code, value.at + 1, value.len - 2);
    code[value.len - 2] = '\0';
    return true;
}

/* code: NULL where Convex gave none. */
static const struct verdict_rule *verdict_rule_for(int status, const char *code)
{
    for (size_t i = 0; code && i < array_len(verdict_codes); i++) {
        if (verdict_codes[i].status == status && strcmp(verdict_codes[i].code, code) == 0)
            return verdict_codes[i].rule;
    }
    for (size_t i = 0; i < array_len(verdict_statuses); i++) {
        if (status >= verdict_statuses[i].first && status <= verdict_statuses[i].last)
            return code ? verdict_statuses[i].coded : verdict_statuses[i].plain;
    }
    return &verdict_rule_unknown;
}

static int verdict_read_refusal(int status, struct span body, struct verdict *verdict)
{
    bool coded = verdict_read_code(body, verdict->cause);

    if (!coded)
        (void)snprintf(verdict->cause, sizeof(verdict->cause), "http %d", status);
    verdict_follow(verdict, verdict_rule_for(status, coded ? verdict->cause : NULL));
    return json_clean_utf8(body, &verdict->message);
}

/* ---- every answer ---- */

static int verdict_read_http(const struct answer *answer, struct verdict *verdict)
{
    struct span body = answer->body.at ? answer->body : SPAN("");

    if (answer_is_envelope(answer->status))
        return verdict_read_envelope(body, verdict);
    return verdict_read_refusal(answer->status, verdict_skip_bom(body), verdict);
}

static int verdict_read_failure(const struct verdict_rule *rule, const char *cause,
                                const char *message, struct verdict *verdict)
{
    verdict_follow(verdict, rule);
    verdict_because(verdict, cause);
    return buf_append_span(&verdict->message, span_of(message));
}

static int verdict_read_lost(const struct answer *answer, struct verdict *verdict)
{
    bool begun = answer->status != 0;

    return verdict_read_failure(&verdict_rule_unknown, begun ? "half an answer" : "no answer",
                                begun ? "terminated" : "fetch failed", verdict);
}

/* An answer that cannot be read rejects no event: a person has to mend what compresses. */
static int verdict_read_compressed(const struct answer *answer, struct verdict *verdict)
{
    const struct verdict_rule *rule = verdict_rule_for(answer->status, NULL);

    if (answer_is_envelope(answer->status) || rule->outcome == VERDICT_REJECTED)
        return verdict_read_failure(&verdict_rule_held_maybe, "compressed answer",
                                    "The answer is compressed", verdict);
    return verdict_read_refusal(answer->status, SPAN(""), verdict);
}

static int verdict_read_kind(const struct answer *answer, struct verdict *verdict)
{
    switch (answer->kind) {
    case ANSWER_HTTP:
        return verdict_read_http(answer, verdict);
    case ANSWER_NOT_SENT:
        return verdict_read_failure(&verdict_rule_again, "cannot connect", "fetch failed", verdict);
    case ANSWER_TOO_LONG:
        return verdict_read_failure(&verdict_rule_unknown, "answer too long", "fetch failed",
                                    verdict);
    case ANSWER_COMPRESSED:
        return verdict_read_compressed(answer, verdict);
    case ANSWER_LOST:
        break;
    }
    return verdict_read_lost(answer, verdict);
}

int verdict_read(const struct answer *answer, struct verdict *verdict)
{
    struct verdict reading = {
        .retry_after_ms = answer->retry_after_ms,
        .detail = answer->kind == ANSWER_HTTP ? NULL : answer->why,
    };
    int r = verdict_read_kind(answer, &reading);

    if (r < 0) {
        buf_done(&reading.message);
        return r;
    }
    *verdict = reading;
    return 0;
}

const char *verdict_outcome_name(enum verdict_outcome outcome)
{
    static const char *const names[] = {
        [VERDICT_DONE] = "done",
        [VERDICT_REJECTED] = "rejected",
        [VERDICT_AGAIN] = "again",
        [VERDICT_HELD] = "held",
    };

    return names[outcome];
}
