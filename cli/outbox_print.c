/* SPDX-License-Identifier: MIT */
/* How `convex-relay outbox` shows events and counts, as text and as JSON. */
#include "cli/outbox_print.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "cli/outbox_text.h"

enum {
    PRINT_ID_WIDTH = 16, /* an id is microseconds since 1970 */
    PRINT_STATE_WIDTH = 7,
    PRINT_MODEL_WIDTH = 10,
    PRINT_RECORD_WIDTH = 24,
    PRINT_AGE_WIDTH = 4,
    PRINT_TRIES_WIDTH = 5,
    PRINT_REASON_WIDTH = 60,
    PRINT_NAME_WIDTH = 10, /* of the names in the lines of one event */
    PRINT_TIME_MAX = 32,
};

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

/* ---- Text ---- */

/* Appends one column and the gap behind it. */
static int print_cell(struct span text, size_t width, struct buf *out)
{
    size_t used;
    int r = outbox_text_cut(text.len ? text : SPAN("-"), width, &used, out);

    return r ? r : buf_printf(out, "%*s", (int)(width - used) + 2, "");
}

/* Writes an age in one unit, which is enough to tell young events from old ones. */
static void print_age(int64_t since_ms, int64_t now_ms, char age[PRINT_TIME_MAX])
{
    int64_t seconds = now_ms > since_ms ? (now_ms - since_ms) / 1000 : 0;

    if (seconds < MINUTE_S)
        (void)snprintf(age, PRINT_TIME_MAX, "%" PRId64 "s", seconds);
    else if (seconds < HOUR_S)
        (void)snprintf(age, PRINT_TIME_MAX, "%" PRId64 "m", seconds / MINUTE_S);
    else if (seconds < INT64_C(2) * DAY_S)
        (void)snprintf(age, PRINT_TIME_MAX, "%" PRId64 "h", seconds / HOUR_S);
    else
        (void)snprintf(age, PRINT_TIME_MAX, "%" PRId64 "d", seconds / DAY_S);
}

static const char *print_state(const struct store_row *row)
{
    switch (row->state) {
    case STORE_PENDING:
        return "pending";
    case STORE_DEAD:
        return row->stale ? "stale" : "dead";
    case STORE_OFFERED:
    case STORE_FORCED:
        return "replay";
    }
    return "?";
}

/* The first line of a reason that tells something: a line with Convex's request id may come
 * first. */
static struct span print_telling_line(struct span reason)
{
    const char *end = memchr(reason.at, '\n', reason.len);
    struct span line = {reason.at, end ? (size_t)(end - reason.at) : reason.len};

    if (!end || !span_starts(line, SPAN("[Request ID: ")))
        return line;
    struct span rest = {end + 1, reason.len - line.len - 1};
    end = memchr(rest.at, '\n', rest.len);
    return end == rest.at || rest.len == 0
               ? line
               : (struct span){rest.at, end ? (size_t)(end - rest.at) : rest.len};
}

int outbox_print_heading(struct buf *out)
{
    return buf_printf(out, "%-*s  %-*s  %-*s  %-*s  %*s  %*s  %s\n", PRINT_ID_WIDTH, "ID",
                      PRINT_STATE_WIDTH, "STATE", PRINT_MODEL_WIDTH, "MODEL", PRINT_RECORD_WIDTH,
                      "RECORD", PRINT_AGE_WIDTH, "AGE", PRINT_TRIES_WIDTH, "TRIES", "REASON");
}

int outbox_print_line(const struct store_row *row, int64_t now_ms, struct buf *out)
{
    struct span reason = row->reason.len ? print_telling_line(row->reason) : SPAN("-");
    char age[PRINT_TIME_MAX];
    size_t used;

    print_age(row->arrived_ms, now_ms, age);
    int r = buf_printf(out, "%-*" PRIu64 "  %-*s  ", PRINT_ID_WIDTH, row->id, PRINT_STATE_WIDTH,
                       print_state(row));
    if (!r)
        r = print_cell(row->model, PRINT_MODEL_WIDTH, out);
    if (!r)
        r = print_cell(row->record, PRINT_RECORD_WIDTH, out);
    if (!r)
        r = buf_printf(out, "%*s  %*d  ", PRINT_AGE_WIDTH, age, PRINT_TRIES_WIDTH, row->attempts);
    if (!r)
        r = outbox_text_cut(reason, PRINT_REASON_WIDTH, &used, out);
    return r ? r : buf_append_char(out, '\n');
}

/* ---- Times ---- */

/* Writes a time. False: there is none to show. */
static bool print_time(int64_t ms, char time[CLOCK_ISO_MAX])
{
    return ms > 0 && clock_iso(ms, time);
}

/* ---- One event ---- */

static int print_whole_text(const char *name, struct span value, struct buf *out)
{
    static const char line_break[] = "\n          ";
    int r = buf_printf(out, "%-*s", PRINT_NAME_WIDTH, name);

    if (!r)
        r = outbox_text_whole(value.len ? value : SPAN("-"), line_break, out);
    return r ? r : buf_append_char(out, '\n');
}

static int print_whole_time(const char *name, int64_t ms, struct buf *out)
{
    char time[CLOCK_ISO_MAX];

    return print_whole_text(name, print_time(ms, time) ? span_of(time) : SPAN_NULL, out);
}

/* When the event became a letter; 0: it is none. The row of a replayed event keeps that time, which
 * no longer counts once the event is pending again. */
static int64_t print_died_ms(const struct store_row *row)
{
    return row->state == STORE_PENDING ? 0 : row->died_ms;
}

static const char *print_whole_state(const struct store_row *row)
{
    switch (row->state) {
    case STORE_DEAD:
        return row->stale ? "dead; a newer event of its record was delivered since" : "dead";
    case STORE_OFFERED:
        return "to be sent again";
    case STORE_FORCED:
        return "to be sent again, as the newest of its record";
    case STORE_PENDING:
        break;
    }
    return "pending";
}

static int print_whole_body(struct span body, bool for_terminal, struct buf *out)
{
    int r = for_terminal ? outbox_text_whole(body, "\n", out) : buf_append_span(out, body);

    return r || !for_terminal ? r : buf_append_char(out, '\n');
}

int outbox_print_whole(const struct store_row *row, bool for_terminal, struct buf *out)
{
    int r = buf_printf(out, "%-*s%" PRIu64 "\n", PRINT_NAME_WIDTH, "id:", row->id);

    if (!r && row->was)
        r = buf_printf(out, "%-*s%" PRIu64 "\n", PRINT_NAME_WIDTH, "was:", row->was);
    if (!r)
        r = print_whole_text("state:", span_of(print_whole_state(row)), out);
    if (!r)
        r = print_whole_text("model:", row->model, out);
    if (!r)
        r = print_whole_text("record:", row->record, out);
    if (!r)
        r = print_whole_time("arrived:", row->arrived_ms, out);
    if (!r)
        r = buf_printf(out, "%-*s%d\n", PRINT_NAME_WIDTH, "attempts:", row->attempts);
    if (!r)
        r = print_whole_time("tried:", row->tried_ms, out);
    if (!r)
        r = print_whole_time("died:", print_died_ms(row), out);
    if (!r)
        r = print_whole_text("reason:", row->reason, out);
    if (!r)
        r = buf_append_char(out, '\n');
    return r ? r : print_whole_body(row->body, for_terminal, out);
}

/* ---- JSON ---- */

static int print_json_text(const char *name, struct span text, struct buf *out)
{
    int r = buf_printf(out, ",\"%s\":", name);

    if (r)
        return r;
    return text.at ? outbox_text_json(text, out) : buf_append_span(out, SPAN("null"));
}

static int print_json_time(const char *name, int64_t ms, struct buf *out)
{
    char time[CLOCK_ISO_MAX];

    return print_json_text(name, print_time(ms, time) ? span_of(time) : SPAN_NULL, out);
}

int outbox_print_json(const struct store_row *row, bool with_body, struct buf *out)
{
    bool dead = row->state == STORE_DEAD;
    bool replay = !dead && row->state != STORE_PENDING;
    int r = buf_printf(out, "{\"id\":%" PRIu64 ",\"state\":\"%s\",\"replay\":%s,\"stale\":%s",
                       row->id, dead ? "dead" : "pending", replay ? "true" : "false",
                       dead && row->stale ? "true" : "false");

    if (!r)
        r = print_json_text("model", row->model, out);
    if (!r)
        r = print_json_text("record", row->record, out);
    if (!r)
        r = print_json_time("arrived", row->arrived_ms, out);
    if (!r)
        r = buf_printf(out, ",\"attempts\":%d", row->attempts);
    if (!r)
        r = print_json_time("tried", row->tried_ms, out);
    if (!r)
        r = print_json_time("died", print_died_ms(row), out);
    if (!r)
        r = print_json_text("reason", row->reason, out);
    if (!r && with_body)
        r = print_json_text("body", row->body, out);
    return r ? r : buf_append_span(out, SPAN("}\n"));
}

/* ---- Counts ---- */

int outbox_print_counts(const struct store_counts *counts, int64_t now_ms, struct buf *out)
{
    char age[PRINT_TIME_MAX] = "-";

    if (counts->oldest_ms)
        print_age(counts->oldest_ms, now_ms, age);
    return buf_printf(out,
                      "accepted        %12" PRIu64 "\n"
                      "delivered       %12" PRIu64 "\n"
                      "discarded       %12" PRIu64 "\n"
                      "dead            %12" PRIu64 "\n"
                      "pending         %12" PRIu64 "\n"
                      "oldest pending  %12s\n"
                      "bytes on disk   %12" PRId64 "\n",
                      counts->accepted, counts->delivered, counts->discarded, counts->dead,
                      counts->pending, age, counts->bytes);
}

int outbox_print_counts_json(const struct store_counts *counts, int64_t now_ms, struct buf *out)
{
    int64_t oldest_ms = now_ms > counts->oldest_ms ? now_ms - counts->oldest_ms : 0;
    int r = buf_printf(out,
                       "{\"accepted\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"discarded\":%" PRIu64
                       ",\"dead\":%" PRIu64 ",\"pending\":%" PRIu64 ",\"oldest_seconds\":",
                       counts->accepted, counts->delivered, counts->discarded, counts->dead,
                       counts->pending);

    if (!r && counts->oldest_ms)
        r = buf_printf(out, "%" PRId64, oldest_ms / 1000);
    else if (!r)
        r = buf_append_span(out, SPAN("null"));
    return r ? r : buf_printf(out, ",\"bytes\":%" PRId64 "}\n", counts->bytes);
}
