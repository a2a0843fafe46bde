/* SPDX-License-Identifier: MIT */
/*
 * POST /convex/sync.
 *
 * The guard has seen the secret. A body that is not a JSON object is refused; an event without a
 * route is answered 200, as by the router; data that ConvexHttpClient would not send is answered in
 * the client's words; any other event is the relay's.
 */
#include "handlers/sync.h"

#include "handlers/args.h"
#include "handlers/service.h"

const char sync_no_route_text[] = "There is no route for the model";

static void sync_no_route(struct service *service, struct event *event, struct request *request)
{
    observe_no_route(&service->observed, request, event);
    service->inbox->bury(service->inbox, event, span_of(sync_no_route_text), REPLY_DELIVERED,
                         request);
}

static void sync_dispatch(struct service *service, struct event *event, struct request *request)
{
    const struct route *route = NULL;
    cleanup(buf_done) struct buf message = BUF_NULL;

    if (event->model.at)
        route = routes_find(service->routes, event->model);
    if (!route) {
        sync_no_route(service, event, request);
        return;
    }
    int r = args_make(route, event, &message);
    if (r < 0)
        request_reply_with(request, REPLY_UNAVAILABLE, SPAN("Out of memory"));
    else if (r > 0)
        service->inbox->bury(service->inbox, event, buf_span(&message), REPLY_FAILED, request);
    else
        service->inbox->accept(service->inbox, event, service->routes, route, request);
}

void sync_handle(struct service *service, struct request *request)
{
    cleanup(event_done) struct event event = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;
    int r = envelope_end(&request->envelope, &request->body, &event, &why);

    if (r) {
        enum reply reply = r > 0 ? REPLY_BAD_REQUEST : REPLY_UNAVAILABLE;
        request_reply_with(request, reply, r > 0 ? buf_span(&why) : SPAN("Out of memory"));
        return;
    }
    struct envelope_range operation = request->envelope.operation;
    observe_event(request, event.model,
                  operation.len ? (struct span){event.body.at + operation.at, operation.len}
                                : SPAN_NULL,
                  event.hive_id);
    event.arrived_ms = clock_wall_ms(service->clock);
    sync_dispatch(service, &event, request);
}
