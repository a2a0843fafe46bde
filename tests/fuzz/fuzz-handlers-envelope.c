/* SPDX-License-Identifier: MIT */
/*
 * From a body to the arguments of a mutation, as on a request's way. The input's first byte says
 * how much of the body arrives first, the second which route it takes.
 *
 *   - Where the body is refused, a line of printable text says why, and the body stays the
 *     caller's.
 *   - Where the body is taken, the event has every byte; data and hiveId are slices of it.
 *   - A stored body is read the same way as at its arrival.
 *   - Args that are passed are one JSON object, and hold no key that Convex would refuse;
 *     dropping nulls leaves none behind, and a second time changes nothing.
 *   - A message for a refusal is bounded, and can be an answer: JSON, once quoted.
 */
#include "fuzz.h"

#include "base/js_string.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "handlers/args.h"
#include "handlers/envelope.h"
#include "handlers/members.h"
#include "handlers/reply.h"
#include "handlers/routes.h"

static bool lies_in(struct span inner, struct span outer)
{
    return inner.at >= outer.at && inner.at + inner.len <= outer.at + outer.len;
}

static void check_refusal(struct span why)
{
    fuzz_check(why.len > 0 && why.len < 256);
    fuzz_check(fuzz_is_printable(why));
}

static void check_event(const struct event *event, struct span sent)
{
    struct span body = buf_span(&event->body);

    fuzz_check(span_eq(body, sent));
    fuzz_check(!event->data.at || lies_in(event->data, body));
    fuzz_check(!event->hive_id.at || lies_in(event->hive_id, body));
    if (event->data.at)
        fuzz_check(json_check(event->data) == JSON_FINE);
    if (event->hive_id.at)
        fuzz_check(json_check(event->hive_id) == JSON_FINE);
    struct span blade_id = json_find(event->data, SPAN("bladeId"));
    if (blade_id.at && span_eq(blade_id, SPAN("\"\"")))
        blade_id = SPAN_NULL; /* empty is none */
    fuzz_check(event->blade_id.at == blade_id.at && event->blade_id.len == blade_id.len);
}

static void check_stored(const struct event *event)
{
    struct buf body = BUF_NULL, why = BUF_NULL;
    struct event again = {0};
    struct envelope envelope;

    fuzz_check(buf_append_span(&body, buf_span(&event->body)) == 0);
    envelope_init(&envelope);
    envelope_feed(&envelope, buf_span(&body));
    fuzz_check(envelope_end(&envelope, &body, &again, &why) == 0);
    fuzz_check(!event->model.at == !again.model.at && span_eq(event->model, again.model));
    fuzz_check(!event->record.at == !again.record.at && span_eq(event->record, again.record));
    fuzz_check(span_eq(event->data, again.data));
    fuzz_check(event->remove == again.remove && event->bad_key.len == again.bad_key.len);
    event_done(&again);
    buf_done(&body);
    buf_done(&why);
}

static void check_message(struct span message)
{
    struct buf body = BUF_NULL;

    fuzz_check(message.len > 0 && message.len <= ARGS_MESSAGE_MAX);
    fuzz_check(reply_body(REPLY_FAILED, message, &body) == 0);
    fuzz_check(json_check(buf_span(&body)) == JSON_FINE);
    buf_done(&body);
}

/* Each name once. */
static void check_members(struct span object, bool nulls_are_dropped)
{
    struct members members = {0};

    if (members_read(object, &members) == 0) {
        for (size_t i = 0; i < members.len; i++) {
            const struct member *member = &members.at[i];
            fuzz_check(lies_in(member->key, object) && lies_in(member->value, object));
            fuzz_check(json_string_is(member->key, member->name));
            fuzz_check(span_eq(json_find(object, member->name), member->value));
            fuzz_check(!args_key_is_bad(member->key));
            fuzz_check(!nulls_are_dropped || !span_eq(member->value, SPAN("null")));
            fuzz_check(i == 0 || !span_eq(members.at[i - 1].name, member->name));
        }
    }
    members_done(&members);
}

/* What the scanner did not call bad is not, at any depth. */
static void check_keys(struct span value)
{
    struct json_walk walk = json_walk(value);
    struct span key, inner;

    while (json_next(&walk, &key, &inner)) {
        fuzz_check(*value.at != '{' || !args_key_is_bad(key));
        check_keys(inner);
    }
}

static void check_args(const struct event *event, const struct route *route)
{
    struct buf again = BUF_NULL;

    fuzz_check(json_check(event->args) == JSON_FINE);
    fuzz_check(*event->args.at == '{' && event->args.at[event->args.len - 1] == '}');
    if (!event->bad_key.at && event->data.at)
        check_keys(event->data);
    check_members(event->args, route->drop_nulls && !(event->remove && route->remove));
    if (route->drop_nulls) {
        struct buf once = BUF_NULL;
        fuzz_check(args_drop_nulls(event->args, &once) == 0);
        fuzz_check(args_drop_nulls(buf_span(&once), &again) == 0);
        fuzz_check(span_eq(buf_span(&once), buf_span(&again)));
        buf_done(&once);
    }
    buf_done(&again);
}

static void take_event(struct event *event, struct span sent, const struct route *route)
{
    struct buf message = BUF_NULL;

    check_event(event, sent);
    check_stored(event);
    int r = args_make(route, event, &message);
    fuzz_check(r == 0 || r == ARGS_REFUSED);
    if (r)
        check_message(buf_span(&message));
    else
        check_args(event, route);
    buf_done(&message);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    size_t first = fuzz_byte(&input);
    uint8_t kind = fuzz_byte(&input);
    struct span sent = {(const char *)input.at, input.len};
    char mutation[] = "m:f", remove[] = "m:r";
    const struct route route = {
        .mutation = mutation, .remove = kind & 1 ? remove : NULL, .drop_nulls = kind & 2};
    struct envelope envelope;
    struct event event = {0};
    struct buf body = BUF_NULL, why = BUF_NULL;

    envelope_init(&envelope);
    fuzz_check(buf_append_span(&body, fuzz_bytes(&input, first)) == 0);
    envelope_feed(&envelope, buf_span(&body));
    fuzz_check(buf_append(&body, input.at, input.len) == 0);
    envelope_feed(&envelope, buf_span(&body));
    int r = envelope_end(&envelope, &body, &event, &why);
    fuzz_check(r == 0 || r == ENVELOPE_REFUSED);
    if (r) {
        check_refusal(buf_span(&why));
        fuzz_check(span_eq(buf_span(&body), sent));
    } else {
        fuzz_check(body.len == 0);
        take_event(&event, sent, &route);
    }
    event_done(&event);
    buf_done(&body);
    buf_done(&why);
    return 0;
}
