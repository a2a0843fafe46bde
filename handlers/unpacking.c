/* SPDX-License-Identifier: MIT */
/*
 * Unpacking.
 *
 * Each record is read as a body of its own (handlers/envelope.h), so that what is odd about a
 * record is found in one way. Even a single record may take several steps.
 */
#include "handlers/unpacking.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "handlers/args.h"
#include "handlers/parcel.h"

enum { UNPACKING_RECORD_BYTES = 256 }; /* of the budget, for each record beside its own bytes */

struct unpacking *unpacking_new(struct request *request, struct buf *body,
                                struct parcel_body *found)
{
    struct unpacking *unpacking = calloc(1, sizeof(*unpacking));

    if (!unpacking) {
        (void)error_origin(-ENOMEM);
        return NULL;
    }
    unpacking->request = request;
    unpacking->body = *body;
    *body = BUF_NULL;
    unpacking->found = found;
    return unpacking;
}

struct unpacking *unpacking_free(struct unpacking *unpacking)
{
    if (unpacking) {
        buf_done(&unpacking->body);
        parcel_body_free(unpacking->found);
        routes_unref(unpacking->routes);
        free(unpacking);
    }
    return NULL;
}

int unpacking_begin(struct unpacking *unpacking, struct parcels *parcels, struct routes *routes)
{
    unpacking->parcel = parcel_new(parcels, unpacking->request, unpacking->found->len);
    if (!unpacking->parcel)
        return error_origin(-ENOMEM);
    unpacking->routes = routes_ref(routes);
    return 0;
}

static struct span unpacking_span(const struct unpacking *unpacking, struct envelope_range range)
{
    return range.len ? (struct span){unpacking->body.at + range.at, range.len} : SPAN_NULL;
}

struct span unpacking_operation(const struct unpacking *unpacking)
{
    return unpacking_span(unpacking, unpacking->found->operation);
}

/* The record at hand has been read. */
static int unpacking_make(struct unpacking *unpacking, struct span record)
{
    struct parcel_item *item = &unpacking->parcel->items[unpacking->place];
    struct event *event = &item->event;

    int r = envelope_end_record(&unpacking->envelope, record,
                                unpacking_span(unpacking, unpacking->found->model),
                                unpacking_operation(unpacking), event);
    if (r)
        return r;
    if (unpacking->place == 0 && event->model.at)
        unpacking->route = routes_find(unpacking->routes, event->model);
    if (unpacking->route)
        r = args_make(unpacking->route, event, &item->refusal_text);
    if (r > 0)
        item->refusal = buf_span(&item->refusal_text);
    unpacking->made_bytes += event->body.cap + event->rewritten.cap;
    return r < 0 ? r : 0;
}

/* Reads on in the record at hand. */
static int unpacking_read(struct unpacking *unpacking, size_t *budget)
{
    struct span record =
        unpacking_span(unpacking, parcel_body_record(unpacking->found, unpacking->place));
    size_t piece = record.len - unpacking->fed;

    if (piece > *budget)
        piece = *budget;
    if (unpacking->fed == 0)
        envelope_init(&unpacking->envelope);
    unpacking->fed += piece;
    envelope_feed(&unpacking->envelope, (struct span){record.at, unpacking->fed});
    *budget -= piece;
    if (unpacking->fed < record.len)
        return 0;
    *budget -= *budget < UNPACKING_RECORD_BYTES ? *budget : UNPACKING_RECORD_BYTES;
    int r = unpacking_make(unpacking, record);
    unpacking->place++;
    unpacking->fed = 0;
    return r;
}

int unpacking_step(struct unpacking *unpacking, size_t *budget)
{
    int r = 0;

    while (r == 0 && unpacking->place<unpacking->parcel->len && * budget> 0)
        r = unpacking_read(unpacking, budget);
    if (r)
        return r;
    return unpacking->place < unpacking->parcel->len ? UNPACKING_GOES_ON : 0;
}

size_t unpacking_bytes(const struct unpacking *unpacking)
{
    return unpacking->body.cap + parcel_body_bytes(unpacking->found) + unpacking->made_bytes;
}
