/* SPDX-License-Identifier: MIT */
#include "convex/batch.h"

#include <stdio.h>
#include <string.h>

#include "base/json_scan.h"
#include "convex/answer.h"

/*
 * Convex's limits for one call, by its texts, which a function may also have caught and thrown
 * again: crates/database/src/{reads,writes}.rs, crates/isolate/src/{termination,helpers}.rs and
 * crates/udf/src/helpers.rs of get-convex/convex-backend. To mistake another error for one of these
 * does no harm: the events are sent in halves all the same.
 */
static const char *const batch_limits[] = {
    " in a single function execution", /* reads, writes, documents, bytes */
    "Function execution timed out",
    "Your request timed out performing too many system operations",
    "JavaScript execution ran out of memory",
    " return value is too large",
    " are too large (actual: ", /* the arguments */
};

static bool batch_met_limit(struct span message)
{
    const char *end = memchr(message.at, '\n', message.len);
    bool framed = span_starts(message, SPAN("[Request ID: "));
    size_t len = end && !framed ? (size_t)(end - message.at) : message.len;

    for (size_t i = 0; i < array_len(batch_limits); i++) {
        if (memmem(message.at, len, batch_limits[i], strlen(batch_limits[i])))
            return true;
    }
    return false;
}

/* The text of an entry, {"error": text} or {"again": text}, as written; SPAN_NULL: it is none. */
static struct span batch_text(struct span entry, struct span *name)
{
    struct json_walk walk = json_walk(entry);
    struct span key, value, more;

    if (*entry.at != '{' || !json_next(&walk, &key, &value) || *value.at != '"')
        return SPAN_NULL;
    if (json_string_is(key, SPAN("error")))
        *name = SPAN("error");
    else if (json_string_is(key, SPAN("again")))
        *name = SPAN("again");
    else
        return SPAN_NULL;
    return json_next(&walk, &key, &more) ? SPAN_NULL : value;
}

static bool batch_is_entry(struct span entry)
{
    struct span name;

    return span_eq(entry, SPAN("null")) || batch_text(entry, &name).at;
}

static bool batch_has_entries(struct span value, size_t n)
{
    struct json_walk walk = json_walk(value);
    struct span key, entry;
    size_t count = 0;

    if (*value.at != '[')
        return false;
    while (json_next(&walk, &key, &entry)) {
        if (++count > n || !batch_is_entry(entry))
            return false;
    }
    return count == n;
}

static int batch_read_success(const struct answer *answer, size_t n, struct batch *batch)
{
    struct span body;
    int r = verdict_find_json(answer->body, &batch->clean, &body);

    if (r < 0)
        return r;
    struct span value = json_find(body, SPAN("value"));
    if (!value.at) {
        batch->outcome = BATCH_UNREAD;
    } else if (span_eq(value, SPAN("null"))) {
        batch->outcome = BATCH_DONE;
    } else if (batch_has_entries(value, n)) {
        batch->outcome = BATCH_ITEMS;
        batch->items = json_walk(value);
    } else {
        batch->outcome = BATCH_UNUSABLE;
    }
    return 0;
}

static enum batch_outcome batch_outcome_of_failure(const struct verdict *verdict)
{
    if (verdict->missing)
        return BATCH_MISSING;
    if (verdict->outcome == VERDICT_HELD)
        return BATCH_TOGETHER;
    if (batch_met_limit(buf_span(&verdict->message)))
        return BATCH_TOO_LARGE;
    return verdict->outcome == VERDICT_REJECTED ? BATCH_SPLIT : BATCH_TOGETHER;
}

int batch_read(const struct answer *answer, size_t n, struct batch *batch)
{
    struct batch reading = {0};
    int r = verdict_read(answer, &reading.verdict);

    if (r == 0 && reading.verdict.outcome == VERDICT_DONE)
        r = batch_read_success(answer, n, &reading);
    else if (r == 0)
        reading.outcome = batch_outcome_of_failure(&reading.verdict);
    if (r < 0) {
        batch_done(&reading);
        return r;
    }
    *batch = reading;
    return 0;
}

void batch_done(struct batch *batch)
{
    buf_done(&batch->verdict.message);
    buf_done(&batch->clean);
}

int batch_next(struct batch *batch, struct verdict *verdict)
{
    struct span key, entry, name = SPAN_NULL;

    *verdict = (struct verdict){.outcome = VERDICT_DONE, .retry_after_ms = -1, .cause = "success"};
    if (!json_next(&batch->items, &key, &entry))
        return 0;
    struct span text = batch_text(entry, &name);
    if (!text.at)
        return 0;
    int r = json_decode(text, &verdict->message);
    if (span_eq(name, SPAN("error"))) {
        verdict_judge_text(verdict);
    } else {
        verdict->outcome = VERDICT_AGAIN;
        (void)snprintf(verdict->cause, sizeof(verdict->cause), "the batch function says again");
    }
    return r;
}
