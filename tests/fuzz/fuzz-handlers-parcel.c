/* SPDX-License-Identifier: MIT */
/*
 * From the body of a parcel to the events. The input's first byte says how much of the body arrives
 * first, the second how many bytes are read in one step.
 *
 *   - Where the body is refused, a line of printable text says why.
 *   - Where the body is taken, there is an event for each record, in the same order. The event's
 *     body is made of the record's members, unchanged; whoever reads that body finds the same
 *     event.
 *   - Steps read no more than they may, and come to an end.
 */
#include "fuzz.h"

#include "base/json.h"
#include "base/json_scan.h"
#include "handlers/envelope.h"
#include "handlers/parcel.h"
#include "handlers/parcel_body.h"
#include "handlers/request.h"
#include "handlers/routes.h"
#include "handlers/unpacking.h"

static struct routes *routes;
static int answers;

static void note_reply(struct request *request, enum reply reply, struct span message)
{
    (void)request, (void)reply, (void)message;
    answers++;
}

static void free_routes(void)
{
    routes = routes_unref(routes);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct buf why = BUF_NULL;

    (void)argc, (void)argv;
    fuzz_log_nothing();
    fuzz_check(routes_load(NULL, &routes, &why) == 0);
    (void)atexit(free_routes);
    return 0;
}

/* ---- What an event must be ---- */

static void put(struct buf *body, const char *name, struct span value)
{
    if (value.at)
        fuzz_check(buf_printf(body, "%s\"%s\":", body->len ? "," : "{", name) == 0 &&
                   buf_append_span(body, value) == 0);
}

static bool is_null(struct span value)
{
    return !value.at || span_eq(value, SPAN("null"));
}

static void check_body(struct span body, struct span whole, struct span record)
{
    struct buf should = BUF_NULL;
    struct span operation = json_find(record, SPAN("operation"));

    put(&should, "model", json_find(whole, SPAN("model")));
    put(&should, "operation", is_null(operation) ? json_find(whole, SPAN("operation")) : operation);
    put(&should, "data", json_find(record, SPAN("data")));
    put(&should, "hiveId", json_find(record, SPAN("hiveId")));
    fuzz_check(buf_append_span(&should, should.len ? SPAN("}") : SPAN("{}")) == 0);
    fuzz_check(span_eq(body, buf_span(&should)));
    buf_done(&should);
}

static bool same_place(struct span a, const struct event *of_a, struct span b,
                       const struct event *of_b)
{
    if (!a.at || !b.at)
        return !a.at && !b.at;
    return a.len == b.len && a.at - of_a->body.at == b.at - of_b->body.at;
}

static void check_as_alone(const struct event *event)
{
    struct buf body = BUF_NULL, why = BUF_NULL;
    struct event alone = {0};
    struct envelope envelope;

    fuzz_check(buf_append_span(&body, buf_span(&event->body)) == 0);
    envelope_init(&envelope);
    envelope_feed(&envelope, buf_span(&body));
    fuzz_check(envelope_end(&envelope, &body, &alone, &why) == 0);
    fuzz_check(same_place(event->data, event, alone.data, &alone));
    fuzz_check(same_place(event->hive_id, event, alone.hive_id, &alone));
    fuzz_check(same_place(event->blade_id, event, alone.blade_id, &alone));
    fuzz_check(same_place(event->bad_key, event, alone.bad_key, &alone));
    fuzz_check(same_place(event->hive_id_bad_key, event, alone.hive_id_bad_key, &alone));
    fuzz_check(span_same(event->model, alone.model) && span_same(event->record, alone.record));
    fuzz_check(event->remove == alone.remove && event->null_members == alone.null_members);
    event_done(&alone);
    buf_done(&why);
}

static void check_events(const struct parcel *parcel, struct span whole)
{
    struct json_walk walk = json_walk(json_find(whole, SPAN("records")));
    struct span key, record;
    size_t n = 0;

    for (; json_next(&walk, &key, &record); n++) {
        const struct event *event = &parcel->items[n].event;
        fuzz_check(n < parcel->len);
        check_body(buf_span(&event->body), whole, record);
        check_as_alone(event);
        fuzz_check(parcel->items[n].refusal.at || json_check(event->args) == JSON_FINE ||
                   !event->args.at);
    }
    fuzz_check(n == parcel->len);
}

/* ---- The way of a body ---- */

/* The body without what may stand before its object. */
static struct span object_of(struct span body)
{
    if (span_starts(body, SPAN("\xEF\xBB\xBF")))
        body = (struct span){body.at + 3, body.len - 3};
    return span_trim(body);
}

static void unpack(struct buf *body, struct parcel_body *found, struct span whole, size_t step)
{
    struct request request = {.reply = note_reply};
    struct parcels parcels = {0};
    struct unpacking *unpacking = unpacking_new(&request, body, found);
    size_t steps = 0;
    int r;

    fuzz_check(unpacking && unpacking_begin(unpacking, &parcels, routes) == 0);
    do {
        size_t budget = step;
        r = unpacking_step(unpacking, &budget);
        fuzz_check(r == 0 || r == UNPACKING_GOES_ON);
        fuzz_check(budget <= step && steps++ <= whole.len);
    } while (r);
    struct parcel *parcel = unpacking->parcel;
    check_events(parcel, whole);
    unpacking_free(unpacking);
    answers = 0;
    parcel_refuse(parcel, SPAN("no"));
    fuzz_check(answers == 0);
    parcel_release(parcel);
    fuzz_check(answers == 1 && parcels.events == 0 && parcels.text_bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    size_t first = fuzz_byte(&input);
    size_t step = (size_t)fuzz_byte(&input) + 1;
    struct span whole = object_of((struct span){(const char *)input.at, input.len});
    struct parcel_body *found = parcel_body_new();
    struct buf body = BUF_NULL, why = BUF_NULL;

    fuzz_check(found);
    fuzz_check(buf_append_span(&body, fuzz_bytes(&input, first)) == 0);
    parcel_body_feed(found, buf_span(&body));
    fuzz_check(buf_append(&body, input.at, input.len) == 0);
    parcel_body_feed(found, buf_span(&body));
    int r = parcel_body_end(found, buf_span(&body), &why);
    fuzz_check(r == 0 || r == PARCEL_BODY_REFUSED || r == PARCEL_BODY_TOO_MANY);
    if (r) {
        fuzz_check(why.len > 0 && why.len < 256 && fuzz_is_printable(buf_span(&why)));
        parcel_body_free(found);
    } else {
        unpack(&body, found, whole, step);
    }
    buf_done(&body);
    buf_done(&why);
    return 0;
}
