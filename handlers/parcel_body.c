/* SPDX-License-Identifier: MIT */
/* Reads the body of a parcel while it arrives. */
#include "handlers/parcel_body.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"

static struct envelope_range body_range_of(const struct parcel_body *parcel, struct span span)
{
    return (struct envelope_range){(size_t)(span.at - parcel->text), span.len};
}

/* The array may be of any member: which one, its end will tell. */
static void body_element(void *ctx, struct span value)
{
    struct parcel_body *parcel = ctx;
    struct envelope_range range = body_range_of(parcel, value);

    if (parcel->len_at_hand++ < PARCEL_BODY_RECORDS_MAX)
        parcel->lost |= buf_append(&parcel->ranges_at_hand, &range, sizeof(range)) != 0;
}

static void body_take_records(struct parcel_body *parcel)
{
    struct buf before = parcel->ranges;

    parcel->ranges = parcel->ranges_at_hand;
    parcel->ranges_at_hand = before;
    parcel->len = parcel->len_at_hand;
}

/* A repeated member counts by its last value, as in JavaScript. */
static void body_member(void *ctx, const struct json_member *member)
{
    struct parcel_body *parcel = ctx;
    struct envelope_range range = body_range_of(parcel, member->value);

    if (json_string_is(member->key, SPAN("model"))) {
        parcel->model = range;
    } else if (json_string_is(member->key, SPAN("operation"))) {
        parcel->operation = range;
    } else if (json_string_is(member->key, SPAN("records"))) {
        parcel->records = range;
        body_take_records(parcel);
    }
    parcel->ranges_at_hand.len = parcel->len_at_hand = 0;
}

struct parcel_body *parcel_body_new(void)
{
    struct parcel_body *parcel = calloc(1, sizeof(*parcel));

    if (!parcel) {
        (void)error_origin(-ENOMEM);
        return NULL;
    }
    json_scanner_init(&parcel->scanner, body_member, parcel);
    parcel->scanner.element = body_element;
    return parcel;
}

struct parcel_body *parcel_body_free(struct parcel_body *parcel)
{
    if (parcel) {
        buf_done(&parcel->ranges);
        buf_done(&parcel->ranges_at_hand);
        free(parcel);
    }
    return NULL;
}

void parcel_body_feed(struct parcel_body *parcel, struct span body)
{
    parcel->text = body.at;
    (void)json_scan(&parcel->scanner, body);
}

/* ---- the form ---- */

static int body_refuse_json(const struct parcel_body *parcel, struct span body, struct buf *why)
{
    struct span key;
    int r = 0;

    if (json_scanner_open_array(&parcel->scanner, body, &key) &&
        json_string_is(key, SPAN("records")))
        r = buf_printf(why, "records[%zu]: ", parcel->len_at_hand);
    return r ? r : envelope_refuse(&parcel->scanner, body, why);
}

/* Each event gets a copy of both. */
static bool body_repeats_too_much(const struct parcel_body *parcel)
{
    return parcel->len > 1 && (parcel->model.len + parcel->operation.len) * (parcel->len - 1) >
                                  PARCEL_BODY_REPEATED_MAX;
}

/* The first record that is no object; parcel->len: all are. */
static size_t body_find_bad(const struct parcel_body *parcel, struct span body)
{
    size_t place = 0;

    while (place < parcel->len && body.at[parcel_body_record(parcel, place).at] == '{')
        place++;
    return place;
}

static int body_check_records(const struct parcel_body *parcel, struct span body, struct buf *why)
{
    if (parcel->records.len == 0)
        return buf_printf(why, "records is missing: an array of objects is expected");
    if (body.at[parcel->records.at] != '[')
        return buf_printf(why, "records must be an array of objects");
    size_t bad = body_find_bad(parcel, body);
    return bad < parcel->len ? buf_printf(why, "records[%zu]: a JSON object is expected", bad) : 0;
}

static int body_check_size(const struct parcel_body *parcel, struct buf *why)
{
    if (parcel->len > PARCEL_BODY_RECORDS_MAX)
        return buf_printf(why, "There are %zu records: %d are taken at most", parcel->len,
                          PARCEL_BODY_RECORDS_MAX);
    if (body_repeats_too_much(parcel))
        return buf_printf(why, "model and operation are too long for %zu records", parcel->len);
    return 0;
}

int parcel_body_end(struct parcel_body *parcel, struct span body, struct buf *why)
{
    int outcome = PARCEL_BODY_REFUSED;
    int r = 0;

    if (json_scan_end(&parcel->scanner, body) != JSON_FINE) {
        r = body_refuse_json(parcel, body, why);
    } else if (!json_scanner_is_object(&parcel->scanner)) {
        r = buf_printf(why, "The body must be a JSON object");
    } else if (parcel->lost) {
        return -ENOMEM;
    } else {
        outcome = PARCEL_BODY_TOO_MANY;
        r = body_check_size(parcel, why);
        if (r == 0 && why->len == 0) {
            outcome = PARCEL_BODY_REFUSED;
            r = body_check_records(parcel, body, why);
        }
    }
    if (r)
        return r;
    return why->len ? outcome : 0;
}

struct envelope_range parcel_body_record(const struct parcel_body *parcel, size_t place)
{
    struct envelope_range range;

    memcpy(&range, parcel->ranges.at + place * sizeof(range), sizeof(range));
    return range;
}

size_t parcel_body_bytes(const struct parcel_body *parcel)
{
    return parcel->ranges.cap + parcel->ranges_at_hand.cap;
}
