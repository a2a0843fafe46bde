/* SPDX-License-Identifier: MIT */
/*
 * What a mutation can take.
 *
 * The scanner has seen every key already: only where it found an odd one is there a second look.
 * That look goes through an object as convexToJson does, sorted by key and of a repeated one the
 * last, so that of several faults the same one is named. An object with more fields than Convex
 * takes is gone through as it stands: the order of its faults is not worth the sorting. What is
 * nested deeper than Convex reads is left to Convex to refuse. Of a large value the first fault in
 * the text is named, which was found while it arrived: Convex takes no document of that size.
 */
#include "handlers/args.h"

#include <stdint.h>

#include "base/event.h"
#include "base/js_string.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "base/utf8.h"
#include "handlers/members.h"
#include "handlers/routes.h"

enum {
    ARGS_DEPTH_MAX = 128,             /* JSON nesting that Convex reads (serde_json) */
    ARGS_LOOK_BYTES_MAX = 256 * 1024, /* a larger value gets no second look */
};

static int args_refuse(int r)
{
    return r ? r : ARGS_REFUSED;
}

/* Keeps a message within its bound, between two characters. */
static void args_cut(struct buf *message)
{
    if (message->len > ARGS_MESSAGE_MAX)
        message->len = utf8_whole(message->at, ARGS_MESSAGE_MAX);
}

static int args_refuse_field(struct span name, const char *before, struct span wrong,
                             const char *after, struct buf *message)
{
    int r = buf_append_span(message, SPAN("Field name "));
    if (name.len > ARGS_MESSAGE_MAX)
        name.len = ARGS_MESSAGE_MAX;
    if (r == 0)
        r = buf_append_span(message, name);
    if (r == 0)
        r = buf_append_span(message, span_of(before));
    if (r == 0)
        r = buf_append_span(message, wrong);
    if (r == 0)
        r = buf_append_span(message, span_of(after));
    args_cut(message);
    return args_refuse(r);
}

/* value.ts validateObjectField, and __proto__, which JavaScript would drop in silence. */
static int args_check_field(struct span name, struct buf *message)
{
    const char *at = name.at, *end = name.at + name.len;
    int half = 0, length = 0, wrong = 0;

    if (span_eq(name, SPAN("__proto__")))
        return args_refuse_field(name, " is not allowed", SPAN_NULL, "", message);
    while ((at < end || half) && length <= JSON_KEY_PLAIN_MAX) {
        int unit = members_next_unit(&at, &half);
        if ((unit < 32 || unit >= 127) && !wrong)
            wrong = unit ? unit : -1;
        length++;
    }
    if (length > JSON_KEY_PLAIN_MAX)
        return args_refuse_field(name, " exceeds maximum field name length 1024.", SPAN_NULL, "",
                                 message);
    if (span_starts(name, SPAN("$")))
        return args_refuse_field(name, " starts with a '$', which is reserved.", SPAN_NULL, "",
                                 message);
    if (wrong) {
        /* A code unit that is half of a pair stands alone here, as JavaScript's k[i] does. */
        char text[4];
        size_t len = utf8_put(wrong < 0 ? 0 : wrong, text);
        return args_refuse_field(name, " has invalid character '", (struct span){text, len},
                                 "': Field names can only contain non-control ASCII characters",
                                 message);
    }
    return 0;
}

static int args_check_value(struct span value, int depth, struct buf *message);

/* An object with too many fields to sort: its faults in the order of the text. */
static int args_check_as_written(struct span object, int depth, struct buf *message)
{
    struct json_walk walk = json_walk(object);
    struct span key, value;
    int r = 0;

    while (r == 0 && json_next(&walk, &key, &value)) {
        cleanup(buf_done) struct buf name = BUF_NULL;
        r = json_decode(key, &name);
        if (r == 0)
            r = args_check_field(buf_span(&name), message);
        if (r == 0)
            r = args_check_value(value, depth + 1, message);
    }
    return r;
}

static int args_check_object(struct span object, int depth, struct buf *message)
{
    cleanup(members_done) struct members members = {0};
    int r = members_read(object, &members);

    if (r == MEMBERS_TOO_MANY)
        return args_check_as_written(object, depth, message);
    for (size_t i = 0; r == 0 && i < members.len; i++) {
        r = args_check_field(members.at[i].name, message);
        if (r == 0)
            r = args_check_value(members.at[i].value, depth + 1, message);
    }
    return r;
}

static int args_check_value(struct span value, int depth, struct buf *message)
{
    if (depth > ARGS_DEPTH_MAX)
        return 0;
    if (*value.at == '{')
        return args_check_object(value, depth, message);

    struct json_walk walk = json_walk(value);
    struct span key, element;
    int r = 0;
    while (r == 0 && json_next(&walk, &key, &element))
        r = args_check_value(element, depth + 1, message);
    return r;
}

static int args_check_key(struct span key, struct buf *message)
{
    cleanup(buf_done) struct buf name = BUF_NULL;
    int r = json_decode_some(key, ARGS_MESSAGE_MAX, &name);

    return r ? r : args_check_field(buf_span(&name), message);
}

bool args_key_is_bad(struct span key)
{
    cleanup(buf_done) struct buf message = BUF_NULL;

    return key.len > (size_t)JSON_KEY_PLAIN_MAX * JSON_CODE_UNIT_BYTES_MAX + strlen("\"\"") ||
           args_check_key(key, &message) != 0;
}

/* parseArgs on what is not an object. */
static int args_refuse_value(struct span data, struct buf *message)
{
    if (*data.at == 'n')
        return args_refuse(
            buf_append_span(message, SPAN("Cannot convert undefined or null to object")));

    cleanup(buf_done) struct buf received = BUF_NULL;
    int r = js_string(data, ARGS_MESSAGE_MAX, &received);
    if (r == JS_STRING_THROWS)
        return args_refuse(
            buf_append_span(message, SPAN("Cannot convert object to primitive value")));
    if (r < 0)
        return r;
    r = buf_append_span(message,
                        SPAN("The arguments to a Convex function must be an object. Received: "));
    if (r == 0)
        r = buf_append_span(message, buf_span(&received));
    args_cut(message);
    return args_refuse(r);
}

int args_check(struct span data, bool odd_keys, struct buf *message)
{
    if (!data.at)
        return 0;
    if (*data.at != '{')
        return args_refuse_value(data, message);
    return odd_keys ? args_check_object(data, 1, message) : 0;
}

static int args_check_as_scanned(struct span value, bool odd_keys, struct span bad_key,
                                 struct buf *message)
{
    if (value.len <= ARGS_LOOK_BYTES_MAX || *value.at != '{')
        return args_check(value, odd_keys, message);
    return bad_key.at ? args_check_key(bad_key, message) : 0;
}

int args_drop_nulls(struct span data, struct buf *out)
{
    cleanup(members_done) struct members members = {0};
    int r = members_read(data, &members);

    if (r == MEMBERS_TOO_MANY)
        return buf_append_span(out, data); /* Convex refuses it, with or without nulls */
    if (r == 0)
        r = buf_reserve(out, data.len); /* it does not grow */
    if (r == 0)
        r = buf_append_char(out, '{');
    bool first = true;
    for (size_t i = 0; r == 0 && i < members.len; i++) {
        const struct member *member = &members.at[i];
        if (span_eq(member->value, SPAN("null")))
            continue;
        if (!first)
            r = buf_append_char(out, ',');
        first = false;
        if (r == 0)
            r = buf_append_span(out, member->key);
        if (r == 0)
            r = buf_append_char(out, ':');
        if (r == 0)
            r = buf_append_span(out, member->value);
    }
    return r ? r : buf_append_char(out, '}');
}

/* The argument of a mutation for removals. Without any id it is {}, and Convex says what it lacks.
 */
static int args_make_remove(struct event *event, struct buf *message)
{
    struct buf *out = &event->rewritten;
    struct span id = event->hive_id.at ? event->hive_id : event->blade_id;
    int r = buf_append_span(out, id.at ? SPAN("{\"bladeId\":") : SPAN("{"));

    if (r == 0 && id.at)
        r = buf_append_span(out, id);
    if (r == 0)
        r = buf_append_char(out, '}');
    if (r)
        return r;
    event->args = buf_span(out);
    if (event->hive_id.at)
        return args_check_as_scanned(event->args, event->hive_id_odd_keys, event->hive_id_bad_key,
                                     message);
    return args_check_as_scanned(event->args, event->odd_keys, event->bad_key, message);
}

int args_make(const struct route *route, struct event *event, struct buf *message)
{
    if (event->remove && route->remove)
        return args_make_remove(event, message);

    int r = event->data.at
                ? args_check_as_scanned(event->data, event->odd_keys, event->bad_key, message)
                : 0;
    event->args = event->data.at ? event->data : SPAN("{}");
    bool large = event->args.len > ARGS_LOOK_BYTES_MAX;
    if (r == 0 && route->drop_nulls && (event->null_members || !large)) {
        r = args_drop_nulls(event->args, &event->rewritten);
        event->args = buf_span(&event->rewritten);
    }
    return r;
}
