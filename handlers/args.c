/* SPDX-License-Identifier: MIT */
/*
 * What a mutation can take.
 *
 * The scanner has shown every key already. A bad key makes a second look due, because a repeated
 * member counts by its last value, and the bad key may stand in an earlier value. The second look
 * goes through each object in the order of the names' bytes, and names the first bad one: as
 * convexToJson does, but for characters beyond U+FFFF.
 *
 * If Convex refuses the value anyway, as too large or for too many fields, no second look is due:
 * the first bad key in the text is named. Nesting deeper than Convex reads is left to Convex.
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
    ARGS_NO_LOOK = 2,                 /* beside ARGS_REFUSED: no second look is due */
};

/* What a refusal returns: r where writing its message failed, else ARGS_REFUSED. */
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

/* Whether the byte is not the first one of its character. */
static bool args_continues(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Stops counting early, since a name may be as long as a body. */
static bool args_is_too_long(struct span name)
{
    size_t characters = 0;

    for (size_t i = 0; i < name.len && characters <= JSON_KEY_PLAIN_MAX; i++)
        characters += !args_continues(name.at[i]);
    return characters > JSON_KEY_PLAIN_MAX;
}

/* The first character of a name that is not printable ASCII; SPAN_NULL: there is none. */
static struct span args_find_invalid(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] >= 0x20 && name.at[i] < 0x7F)
            continue;
        size_t end = i + 1;
        while (end < name.len && args_continues(name.at[end]))
            end++;
        return (struct span){name.at + i, end - i};
    }
    return SPAN_NULL;
}

/*
 * What validateObjectField of value.ts checks, except that characters are those of Unicode, never
 * half of a surrogate pair; and __proto__, which JavaScript would drop in silence.
 */
static int args_check_field(struct span name, struct buf *message)
{
    if (span_eq(name, SPAN("__proto__")))
        return args_refuse_field(name, " is not allowed", SPAN_NULL, "", message);
    if (args_is_too_long(name))
        return args_refuse_field(name, " exceeds maximum field name length 1024.", SPAN_NULL, "",
                                 message);
    if (span_starts(name, SPAN("$")))
        return args_refuse_field(name, " starts with a '$', which is reserved.", SPAN_NULL, "",
                                 message);
    struct span invalid = args_find_invalid(name);
    if (invalid.at)
        return args_refuse_field(name, " has invalid character '", invalid,
                                 "': Field names can only contain non-control ASCII characters",
                                 message);
    return 0;
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

/* ---- the second look: 0, ARGS_REFUSED, ARGS_NO_LOOK where Convex refuses, or -ENOMEM ---- */

static int args_look(struct span value, int depth, struct buf *message);

static int args_look_at_object(struct span object, int depth, struct buf *message)
{
    cleanup(members_done) struct members members = {0};
    int r = members_read(object, &members);

    if (r == MEMBERS_TOO_MANY)
        return ARGS_NO_LOOK;
    for (size_t i = 0; r == 0 && i < members.len; i++) {
        r = args_check_field(members.at[i].name, message);
        if (r == 0)
            r = args_look(members.at[i].value, depth + 1, message);
    }
    return r;
}

static int args_look(struct span value, int depth, struct buf *message)
{
    if (depth > ARGS_DEPTH_MAX)
        return 0;
    if (*value.at == '{')
        return args_look_at_object(value, depth, message);

    struct json_walk walk = json_walk(value);
    struct span key, element;
    int r = 0;
    while (r == 0 && json_next(&walk, &key, &element))
        r = args_look(element, depth + 1, message);
    return r;
}

/* ---- the check ---- */

/* What parseArgs says of data that is not an object. */
static int args_refuse_value(struct span data, struct buf *message)
{
    if (*data.at == 'n')
        return args_refuse(
            buf_append_span(message, SPAN("Cannot convert undefined or null to object")));

    cleanup(buf_done) struct buf received = BUF_NULL;
    int r = js_string(data, ARGS_MESSAGE_MAX, &received);
    if (r < 0)
        return r;
    r = buf_append_span(message,
                        SPAN("The arguments to a Convex function must be an object. Received: "));
    if (r == 0)
        r = buf_append_span(message, buf_span(&received));
    args_cut(message);
    return args_refuse(r);
}

int args_check(struct span data, struct span bad_key, struct buf *message)
{
    if (!data.at)
        return 0;
    if (*data.at != '{')
        return args_refuse_value(data, message);
    if (!bad_key.at)
        return 0;
    int r = data.len > ARGS_LOOK_BYTES_MAX ? ARGS_NO_LOOK : args_look(data, 1, message);
    return r == ARGS_NO_LOOK ? args_check_key(bad_key, message) : r;
}

int args_drop_nulls(struct span data, struct buf *out)
{
    cleanup(members_done) struct members members = {0};
    int r = members_read(data, &members);

    if (r == MEMBERS_TOO_MANY)
        return buf_append_span(out, data); /* Convex refuses it, with or without nulls */
    if (r == 0)
        r = buf_reserve(out, data.len); /* what is left is not longer */
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

/* The argument of a mutation for removals. Without any id that is {}, and Convex says what is
 * missing. */
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
    return args_check(event->args, event->hive_id.at ? event->hive_id_bad_key : event->bad_key,
                      message);
}

int args_make(const struct route *route, struct event *event, struct buf *message)
{
    if (event->remove && route->remove)
        return args_make_remove(event, message);

    int r = args_check(event->data, event->bad_key, message);

    event->args = event->data.at ? event->data : SPAN("{}");
    /* The scanner has seen whether members are null. A large value without any is not touched,
     * since rewriting it would stall the loop. */
    bool large = event->args.len > ARGS_LOOK_BYTES_MAX;
    if (r == 0 && route->drop_nulls && (event->null_members || !large)) {
        r = args_drop_nulls(event->args, &event->rewritten);
        event->args = buf_span(&event->rewritten);
    }
    return r;
}
