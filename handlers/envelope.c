/* SPDX-License-Identifier: MIT */
/* Reads the envelope of an event while it arrives. */
#include "handlers/envelope.h"

#include <ctype.h>
#include <stdio.h>

#include "base/js_string.h"
#include "base/json.h"
#include "handlers/args.h"

static struct envelope_range envelope_range_of(const struct envelope *envelope, struct span span)
{
    return (struct envelope_range){(size_t)(span.at - envelope->text), span.len};
}

static void envelope_member(void *ctx, const struct json_member *member)
{
    struct envelope *envelope = ctx;
    struct envelope_range range = envelope_range_of(envelope, member->value);

    /* A repeated member counts by its last value, as in JavaScript. */
    if (json_string_is(member->key, SPAN("model"))) {
        envelope->model = range;
    } else if (json_string_is(member->key, SPAN("operation"))) {
        envelope->operation = range;
    } else if (json_string_is(member->key, SPAN("hiveId"))) {
        envelope->hive_id = range;
        envelope->hive_id_bad_key = envelope->bad_key_at_hand;
    } else if (json_string_is(member->key, SPAN("data"))) {
        envelope->data = range;
        envelope->null_members = member->null_members;
        envelope->bad_key = envelope->bad_key_at_hand;
        envelope->blade_id = envelope->blade_id_at_hand;
    }
    envelope->bad_key_at_hand = envelope->blade_id_at_hand = (struct envelope_range){0};
}

static void envelope_odd_key(void *ctx, struct span key)
{
    struct envelope *envelope = ctx;

    if (envelope->bad_key_at_hand.len == 0 && args_key_is_bad(key))
        envelope->bad_key_at_hand = envelope_range_of(envelope, key);
}

static void envelope_blade_id(void *ctx, struct span value)
{
    struct envelope *envelope = ctx;

    envelope->blade_id_at_hand = envelope_range_of(envelope, value);
}

void envelope_init(struct envelope *envelope)
{
    json_scanner_init(&envelope->scanner, envelope_member, envelope);
    envelope->scanner.odd_key = envelope_odd_key;
    envelope->scanner.inner = envelope_blade_id;
    envelope->scanner.inner_name = SPAN("bladeId");
    envelope->text = NULL;
    envelope->model = envelope->operation = envelope->data = envelope->hive_id =
        envelope->blade_id = (struct envelope_range){0};
    envelope->bad_key_at_hand = envelope->blade_id_at_hand = envelope->bad_key =
        envelope->hive_id_bad_key = (struct envelope_range){0};
    envelope->null_members = false;
}

void envelope_feed(struct envelope *envelope, struct span body)
{
    envelope->text = body.at;
    (void)json_scan(&envelope->scanner, body);
}

int envelope_refuse(const struct json_scanner *scanner, struct span body, struct buf *why)
{
    switch (scanner->error) {
    case JSON_INCOMPLETE:
        if (body.len == 0)
            return buf_printf(why, "The body is empty: a JSON object is expected");
        return buf_printf(why, "The body is not JSON: it ends too early, after %zu bytes",
                          body.len);
    case JSON_UTF8:
        return buf_printf(why, "The body is not valid UTF-8 at byte %zu", scanner->pos);
    case JSON_TOO_LARGE:
        return buf_printf(why, "The number that ends at byte %zu is too large for a double",
                          scanner->pos);
    case JSON_TOO_DEEP:
        return buf_printf(why, "The body is nested deeper than %d levels at byte %zu",
                          JSON_DEPTH_MAX, scanner->pos);
    case JSON_SYNTAX:
    case JSON_FINE:
        break;
    }
    unsigned char c = (unsigned char)body.at[scanner->pos];
    if (isprint(c))
        return buf_printf(why, "The body is not JSON: unexpected %c at byte %zu", c, scanner->pos);
    return buf_printf(why, "The body is not JSON: unexpected byte 0x%02x at byte %zu", c,
                      scanner->pos);
}

static struct span envelope_span(const struct event *event, struct envelope_range range)
{
    return range.len ? (struct span){event->body.at + range.at, range.len} : SPAN_NULL;
}

/* Tells long names apart. An attacker can make two names collide, but gains nothing: whoever can
 * send events can name any record. */
static uint64_t envelope_hash(struct span text)
{
    const uint64_t prime = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t hash = text.len, word;

    for (; text.len >= sizeof(word); text = (struct span){text.at + 8, text.len - 8}) {
        memcpy(&word, text.at, sizeof(word));
        hash = (hash ^ word) * prime;
        hash ^= hash >> 32;
    }
    for (; text.len > 0; text = (struct span){text.at + 1, text.len - 1})
        hash = (hash ^ (uint8_t)*text.at) * prime;
    return hash ^ hash >> 32;
}

/* The beginning of a name, and a hash of the whole. */
static int envelope_long_name(struct span json, struct buf *names)
{
    size_t begin = names->len;
    int r = *json.at == '"' ? json_decode_some(json, ENVELOPE_NAME_MAX, names)
                            : buf_append_span(names, (struct span){json.at, ENVELOPE_NAME_MAX});

    if (r)
        return r;
    if (names->len > begin + ENVELOPE_NAME_MAX)
        names->len = begin + ENVELOPE_NAME_MAX;
    while (names->len > begin && (names->at[names->len - 1] & 0x80))
        names->len--; /* a character that may be cut in two is left out */
    return buf_printf(names, "... %016llx", (unsigned long long)envelope_hash(json));
}

/* The name of a model or a record: a string or a number by its value, else the JSON as written. */
static int envelope_name(struct span json, struct buf *names)
{
    if (json.len > (size_t)ENVELOPE_NAME_MAX * JSON_CODE_UNIT_BYTES_MAX)
        return envelope_long_name(json, names);
    if (*json.at == '"')
        return json_decode(json, names);
    if (*json.at == '-' || isdigit((unsigned char)*json.at))
        return js_string(json, SIZE_MAX, names);
    return buf_append_span(names, json);
}

static int envelope_names(struct event *event, struct span model, struct span record)
{
    int r = 0;

    if (model.at && *model.at == '"')
        r = envelope_name(model, &event->names);
    else
        model = SPAN_NULL;
    size_t model_len = event->names.len;
    if (r == 0 && record.at)
        r = envelope_name(record, &event->names);
    if (r)
        return r;
    struct span names = buf_span(&event->names);
    if (model.at)
        event->model = (struct span){names.at, model_len};
    if (record.at)
        event->record = (struct span){names.at + model_len, names.len - model_len};
    return 0;
}

static struct span envelope_not_null(struct span value)
{
    return value.at && span_eq(value, SPAN("null")) ? SPAN_NULL : value;
}

/* An empty id names no record: events that have one need no order among each other. */
static struct span envelope_not_empty(struct span value)
{
    return value.at && span_eq(value, SPAN("\"\"")) ? SPAN_NULL : value;
}

/* Makes the event of a body that is JSON, and an object. 0, and *body is empty; or -ENOMEM. */
static int envelope_event(const struct envelope *envelope, struct buf *body, struct event *out)
{
    struct event event = {
        .body = *body,
        .null_members = envelope->null_members,
    };
    event.bad_key = envelope_span(&event, envelope->bad_key);
    event.hive_id_bad_key = envelope_span(&event, envelope->hive_id_bad_key);
    event.data = envelope_span(&event, envelope->data);
    event.hive_id = envelope_not_empty(envelope_not_null(envelope_span(&event, envelope->hive_id)));
    event.blade_id = envelope_not_empty(envelope_span(&event, envelope->blade_id));
    event.remove = json_string_is(envelope_span(&event, envelope->operation), SPAN("remove"));

    struct span record = event.hive_id.at ? event.hive_id : envelope_not_null(event.blade_id);
    int r = envelope_names(&event, envelope_span(&event, envelope->model), record);
    if (r) {
        buf_done(&event.names);
        return r;
    }
    *body = BUF_NULL;
    *out = event;
    return 0;
}

int envelope_end(struct envelope *envelope, struct buf *body, struct event *event, struct buf *why)
{
    struct span text = buf_span(body);
    enum json_error error = json_scan_end(&envelope->scanner, text);
    int r;

    if (error != JSON_FINE)
        r = envelope_refuse(&envelope->scanner, text, why);
    else if (!json_scanner_is_object(&envelope->scanner))
        r = buf_printf(why, "The body must be a JSON object");
    else
        return envelope_event(envelope, body, event);
    return r ? r : ENVELOPE_REFUSED;
}

/* ---- records of a parcel ---- */

/* Appends a member to an object that is being written, and returns its value's place there. */
static struct envelope_range envelope_put(struct buf *body, struct span name, struct span value)
{
    struct envelope_range range = {0, value.len};

    if (!value.at)
        return (struct envelope_range){0};
    (void)buf_append_char(body, body->len ? ',' : '{'); /* there is room: envelope_reserve() */
    (void)buf_append_span(body, name);
    range.at = body->len;
    (void)buf_append_span(body, value);
    return range;
}

static int envelope_reserve(struct buf *body, const struct span values[4])
{
    size_t len = sizeof("{\"model\":,\"operation\":,\"data\":,\"hiveId\":}") - 1;

    for (size_t i = 0; i < 4; i++)
        len += values[i].len;
    return buf_reserve(body, len);
}

/* Moves a range along with the value around it. */
static struct envelope_range envelope_moved(struct envelope_range range, struct envelope_range from,
                                            struct envelope_range to)
{
    return range.len ? (struct envelope_range){range.at - from.at + to.at, range.len} : range;
}

int envelope_end_record(struct envelope *envelope, struct span text, struct span model,
                        struct span operation, struct event *event)
{
    const struct event record = {.body = {(char *)(uintptr_t)text.at, text.len, 0}};
    struct span own = envelope_not_null(envelope_span(&record, envelope->operation));
    struct envelope made = {.null_members = envelope->null_members};
    const struct span values[4] = {model, own.at ? own : operation,
                                   envelope_span(&record, envelope->data),
                                   envelope_span(&record, envelope->hive_id)};
    struct buf body = BUF_NULL;

    int r = envelope_reserve(&body, values);
    if (r)
        return r;
    made.model = envelope_put(&body, SPAN("\"model\":"), values[0]);
    made.operation = envelope_put(&body, SPAN("\"operation\":"), values[1]);
    made.data = envelope_put(&body, SPAN("\"data\":"), values[2]);
    made.hive_id = envelope_put(&body, SPAN("\"hiveId\":"), values[3]);
    (void)buf_append_span(&body, body.len ? SPAN("}") : SPAN("{}"));
    made.blade_id = envelope_moved(envelope->blade_id, envelope->data, made.data);
    made.bad_key = envelope_moved(envelope->bad_key, envelope->data, made.data);
    made.hive_id_bad_key =
        envelope_moved(envelope->hive_id_bad_key, envelope->hive_id, made.hive_id);
    r = envelope_event(&made, &body, event);
    buf_done(&body);
    return r;
}
