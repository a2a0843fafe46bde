/* SPDX-License-Identifier: MIT */
/*
 * POST /convex/sync/batch.
 *
 * Parcels are unpacked one after the other, SYNC_BATCH_TURN_BYTES in a turn of the loop, and each
 * is handed over as soon as it is whole. None begins while earlier ones hold many events that are
 * not on disk yet: an event takes many times the memory of a small record. A parcel that waits
 * holds its body only, and bodies are bounded (server/http_body.c).
 */
#include "handlers/sync_batch.h"

#include <errno.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/utf8.h"
#include "handlers/parcel.h"
#include "handlers/parcel_body.h"
#include "handlers/service.h"
#include "handlers/sync.h"
#include "handlers/unpacking.h"

enum {
    SYNC_BATCH_TURN_BYTES = 1024 * 1024,
    SYNC_BATCH_HELD_BYTES = 16 * 1024 * 1024, /* not on disk; with so many no parcel begins */
    SYNC_BATCH_EVENTS = 500 * 1000,           /* whose results wait; the same */
    SYNC_BATCH_AGAIN_MS = 10,
    SYNC_BATCH_MODEL_MAX = 128, /* of a name in an answer */
};

struct sync_batches {
    struct service *service;
    struct loop *loop;
    struct loop_hook hook;           /* hangs on the loop while parcels wait to be unpacked */
    TAILQ_HEAD(, unpacking) waiting; /* in the order of their arrival; the first is at hand */
    struct parcels parcels;
    size_t bytes; /* that the waiting ones hold */
};

static const char sync_batch_no_memory[] = "Out of memory";

/* ---- handing over ---- */

/* The model has no route: each event becomes a letter, as if it had come alone. */
static void sync_batch_unroute(struct sync_batches *batches, struct unpacking *unpacking)
{
    struct parcel *parcel = unpacking->parcel;
    struct span model = parcel->items[0].event.model;

    if (!model.at)
        model = SPAN("(none)");
    if (model.len > SYNC_BATCH_MODEL_MAX)
        model.len = utf8_whole(model.at, SYNC_BATCH_MODEL_MAX);
    parcel->unrouted = true;
    (void)buf_append_span(&parcel->model, model);
    for (size_t i = 0; i < parcel->len; i++) {
        observe_no_route(&batches->service->observed, parcel->request, &parcel->items[i].event);
        parcel->items[i].refusal = span_of(sync_no_route_text);
    }
}

static void sync_batch_hand_over(struct sync_batches *batches, struct unpacking *unpacking)
{
    struct service *service = batches->service;
    struct parcel *parcel = unpacking->parcel;
    int64_t now_ms = clock_wall_ms(service->clock);
    struct event *first = &parcel->items[0].event;
    const struct route *route = NULL;

    if (parcel->len == 0)
        return;
    observe_event(parcel->request, first->model, unpacking_operation(unpacking), SPAN_NULL);
    for (size_t i = 0; i < parcel->len; i++)
        parcel->items[i].event.arrived_ms = now_ms;
    if (first->model.at) /* a reload may have come meanwhile */
        route = routes_find(service->routes, first->model);
    if (!route)
        sync_batch_unroute(batches, unpacking);
    service->inbox->accept_all(service->inbox, parcel, service->routes, route,
                               unpacking->route == route);
}

/* ---- one after the other ---- */

/* The first parcel goes, with all its events or none, and the answer may leave. why: no event is
 * taken; SPAN_NULL: all were handed over. */
static void sync_batch_let_go(struct unpacking *unpacking, struct span why)
{
    struct parcel *parcel = unpacking->parcel;
    struct request *request = unpacking->request;

    unpacking_free(unpacking);
    if (!parcel) {
        request_reply_with(request, REPLY_UNAVAILABLE, why);
        return;
    }
    if (why.at)
        parcel_refuse(parcel, why);
    parcel_release(parcel);
}

static bool sync_batch_may_begin(const struct sync_batches *batches,
                                 const struct unpacking *unpacking)
{
    struct inbox *inbox = batches->service->inbox;

    return unpacking->parcel || (inbox->unstored_bytes(inbox) <= SYNC_BATCH_HELD_BYTES &&
                                 batches->parcels.events <= SYNC_BATCH_EVENTS);
}

/* False: the first parcel is not whole yet. */
static bool sync_batch_unpack(struct sync_batches *batches, struct unpacking *unpacking,
                              size_t *budget)
{
    int r = 0;

    batches->bytes -= unpacking_bytes(unpacking);
    if (!unpacking->parcel)
        r = unpacking_begin(unpacking, &batches->parcels, batches->service->routes);
    if (r == 0)
        r = unpacking_step(unpacking, budget);
    if (r > 0) {
        batches->bytes += unpacking_bytes(unpacking);
        return false;
    }
    TAILQ_REMOVE(&batches->waiting, unpacking, link);
    if (r == 0)
        sync_batch_hand_over(batches, unpacking);
    sync_batch_let_go(unpacking, r ? span_of(sync_batch_no_memory) : SPAN_NULL);
    return true;
}

/* How long the loop may wait, in ms: not at all where something was done, since hooks that ran
 * before must see new answers. */
static int sync_batches_run(void *ctx)
{
    struct sync_batches *batches = ctx;
    size_t budget = SYNC_BATCH_TURN_BYTES;
    struct unpacking *unpacking;
    int wait_ms = SYNC_BATCH_AGAIN_MS;

    while (budget > 0 && (unpacking = TAILQ_FIRST(&batches->waiting)) != NULL &&
           sync_batch_may_begin(batches, unpacking)) {
        wait_ms = 0;
        if (!sync_batch_unpack(batches, unpacking, &budget))
            break;
    }
    if (TAILQ_EMPTY(&batches->waiting))
        loop_hook_remove(batches->loop, &batches->hook);
    return wait_ms;
}

/* ---- the way in ---- */

/* *body and *found are empty afterwards. 0 or -ENOMEM. */
static int sync_batch_take(struct sync_batches *batches, struct request *request, struct buf *body,
                           struct parcel_body **found)
{
    struct unpacking *unpacking = unpacking_new(request, body, *found);

    if (!unpacking)
        return -ENOMEM;
    *found = NULL;
    if (TAILQ_EMPTY(&batches->waiting)) /* in this very turn, behind the hook of the HTTP side */
        loop_hook_add(batches->loop, &batches->hook);
    batches->bytes += unpacking_bytes(unpacking);
    TAILQ_INSERT_TAIL(&batches->waiting, unpacking, link);
    return 0;
}

static void sync_batch_refuse(struct request *request, int outcome, struct span why)
{
    if (outcome < 0)
        request_reply_with(request, REPLY_UNAVAILABLE, span_of(sync_batch_no_memory));
    else
        request_reply_with(
            request, outcome == PARCEL_BODY_TOO_MANY ? REPLY_TOO_MANY : REPLY_BAD_REQUEST, why);
}

void sync_batch_handle(struct service *service, struct request *request)
{
    cleanup(buf_done) struct buf body = request->body;
    cleanup(parcel_body_freep) struct parcel_body *found = request->parcel_body;
    cleanup(buf_done) struct buf why = BUF_NULL;

    request->body = BUF_NULL;
    request->parcel_body = NULL;
    int r = parcel_body_end(found, buf_span(&body), &why);
    if (r == 0)
        r = sync_batch_take(service->batches, request, &body, &found);
    if (r)
        sync_batch_refuse(request, r, buf_span(&why));
}

/* ---- start and stop ---- */

int sync_batches_new(struct service *service, struct loop *loop, struct sync_batches **out)
{
    struct sync_batches *batches = calloc(1, sizeof(*batches));

    if (!batches)
        return error_origin(-ENOMEM);
    batches->service = service;
    batches->loop = loop;
    batches->hook = (struct loop_hook){.before_wait = sync_batches_run, .ctx = batches};
    TAILQ_INIT(&batches->waiting);
    *out = batches;
    return 0;
}

struct sync_batches *sync_batches_free(struct sync_batches *batches)
{
    struct unpacking *unpacking;

    if (!batches)
        return NULL;
    if (!TAILQ_EMPTY(&batches->waiting))
        loop_hook_remove(batches->loop, &batches->hook);
    while ((unpacking = TAILQ_FIRST(&batches->waiting)) != NULL) {
        TAILQ_REMOVE(&batches->waiting, unpacking, link);
        sync_batch_let_go(unpacking, SPAN("The relay is stopping"));
    }
    free(batches);
    return NULL;
}

size_t sync_batches_bytes(const struct sync_batches *batches)
{
    return batches->bytes;
}
