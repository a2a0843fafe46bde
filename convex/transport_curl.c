/* SPDX-License-Identifier: MIT */
/*
 * The other transport (-Dtransport=curl): libcurl's multi interface on the loop.
 *
 * Easy handles are made when first needed, up to the concurrency, and kept. A call that ends gives
 * its handle back before the caller hears of it, so that the caller may start the next at once. The
 * answer's body stays in the handle: nothing overwrites it before the loop turns.
 */
#include "convex/transport_curl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/queue.h>

#include "base/error.h"
#include "convex/exchange.h"
#include "convex/headers.h"
#include "convex/sockets.h"

enum { TRANSPORT_KEEP_BYTES = 64 << 10 }; /* an idle buffer larger than this is freed */

struct transport_handle {
    struct exchange exchange;
    struct call *call; /* NULL while idle */
    SLIST_ENTRY(transport_handle) link;
};

struct transport_curl {
    struct transport base;
    bool curl_is_up;
    CURLM *multi;
    struct sockets sockets;
    struct curl_slist *headers;
    struct buf authorization; /* empty: no such header */
    struct exchange model;    /* never used itself: the handles are copies of it */
    SLIST_HEAD(transport_handles, transport_handle) idle;
    int in_flight;
    int concurrency;
};

static struct transport_curl *transport_of(struct transport *base)
{
    return container_of(base, struct transport_curl, base);
}

/* ---- handles ---- */

static struct transport_handle *transport_handle_free(struct transport_handle *handle)
{
    if (handle) {
        exchange_done(&handle->exchange);
        free(handle);
    }
    return NULL;
}
CLEANUP_POINTER(struct transport_handle, transport_handle_free);

static int transport_handle_new(struct transport_curl *transport, struct transport_handle **out)
{
    cleanup(transport_handle_freep) struct transport_handle *handle = calloc(1, sizeof(*handle));
    int r;

    if (!handle)
        return error_origin(-ENOMEM);
    r = exchange_init_like(&handle->exchange, &transport->model);
    if (r < 0)
        return r;
    if (curl_easy_setopt(handle->exchange.easy, CURLOPT_PRIVATE, handle) != CURLE_OK)
        return error_origin(-ENOMEM);

    *out = take(handle);
    return 0;
}

static int transport_take_handle(struct transport_curl *transport, struct transport_handle **handle)
{
    struct transport_handle *idle = SLIST_FIRST(&transport->idle);

    if (!idle)
        return transport_handle_new(transport, handle);
    SLIST_REMOVE_HEAD(&transport->idle, link);
    *handle = idle;
    return 0;
}

/* Ends what the handle was doing; a message of libcurl's about it that is not read yet goes too. */
static void transport_release(struct transport_curl *transport, struct transport_handle *handle)
{
    (void)curl_multi_remove_handle(transport->multi, handle->exchange.easy);
    handle->call->handle = NULL;
    handle->call = NULL;
    transport->in_flight--;
    SLIST_INSERT_HEAD(&transport->idle, handle, link);
}

/* ---- calls ---- */

static int transport_curl_start(struct transport *base, struct call *call)
{
    struct transport_curl *transport = transport_of(base);
    struct transport_handle *handle = NULL;
    int r;

    if (transport->in_flight == transport->concurrency)
        return error_origin(-EBUSY);
    r = transport_take_handle(transport, &handle);
    if (r < 0)
        return r;
    r = exchange_prepare(&handle->exchange, call->body, transport->authorization.at,
                         call->request_id);
    /* Only sets the timer, the transfer begins in the loop. */
    if (r == 0 && curl_multi_add_handle(transport->multi, handle->exchange.easy) != CURLM_OK)
        r = error_origin(-ENOMEM);
    if (r < 0) {
        SLIST_INSERT_HEAD(&transport->idle, handle, link);
        return r;
    }
    handle->call = call;
    call->handle = handle;
    transport->in_flight++;
    return 0;
}

static void transport_curl_cancel(struct transport *base, struct call *call)
{
    transport_release(transport_of(base), call->handle);
}

static int transport_curl_in_flight(const struct transport *base)
{
    return container_of(base, const struct transport_curl, base)->in_flight;
}

static void transport_finish(struct transport_curl *transport, struct transport_handle *handle,
                             CURLcode result)
{
    struct exchange *exchange = &handle->exchange;
    struct call *call = handle->call;
    char why[CURL_ERROR_SIZE];
    struct answer answer;

    exchange_read(exchange, result, &answer);
    if (answer.why) {
        (void)snprintf(why, sizeof(why), "%s", answer.why);
        answer.why = why;
    }
    transport_release(transport, handle);

    call->done(call, &answer);
    /* Even if the handle is in use again, nothing has come into its buffer yet. */
    if (exchange->body.cap > TRANSPORT_KEEP_BYTES)
        buf_done(&exchange->body);
}

static void transport_ran(void *ctx)
{
    struct transport_curl *transport = ctx;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(transport->multi, &left))) {
        struct transport_handle *handle = NULL;
        CURLcode result = message->data.result; /* the message dies with the handle's removal */
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &handle);
        transport_finish(transport, handle, result);
    }
}

/* ---- life ---- */

static struct transport *transport_curl_free(struct transport *base)
{
    struct transport_curl *transport = transport_of(base);
    struct transport_handle *handle;

    assert(transport->in_flight == 0);
    while ((handle = SLIST_FIRST(&transport->idle))) {
        SLIST_REMOVE_HEAD(&transport->idle, link);
        (void)transport_handle_free(handle);
    }
    exchange_done(&transport->model);
    if (transport->multi)
        (void)curl_multi_cleanup(transport->multi);
    sockets_done(&transport->sockets);
    curl_slist_free_all(transport->headers);
    if (transport->curl_is_up)
        curl_global_cleanup();
    buf_done(&transport->authorization);
    free(transport);
    return NULL;
}

static const struct transport_ops transport_curl_ops = {
    .start = transport_curl_start,
    .cancel = transport_curl_cancel,
    .in_flight = transport_curl_in_flight,
    .free = transport_curl_free,
};

static int transport_open_multi(struct transport_curl *transport, struct loop *loop)
{
    transport->curl_is_up = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    transport->multi = transport->curl_is_up ? curl_multi_init() : NULL;
    /* Else idle connections are thrown away when the load falls. */
    if (!transport->multi || curl_multi_setopt(transport->multi, CURLMOPT_MAXCONNECTS,
                                               (long)transport->concurrency) != CURLM_OK)
        return error_origin(-ENOMEM);
    return sockets_init(&transport->sockets, loop, transport->multi, transport_ran, transport);
}

int transport_curl_new(struct loop *loop, const struct transport_options *options,
                       struct transport **out)
{
    struct transport_curl *transport = calloc(1, sizeof(*transport));
    int r;

    if (!transport)
        return error_origin(-ENOMEM);
    transport->base.ops = &transport_curl_ops;
    transport->concurrency = options->concurrency;
    SLIST_INIT(&transport->idle);
    cleanup(transport_freep) struct transport *base = &transport->base;

    r = transport_open_multi(transport, loop);
    if (r == 0)
        r = exchange_headers_new(options, &transport->headers);
    if (r == 0)
        r = headers_authorization(options->deploy_key, &transport->authorization);
    if (r == 0)
        r = exchange_init(&transport->model, options, "/api/mutation", transport->headers);
    if (r == 0)
        r = sockets_attach(&transport->sockets, transport->model.easy);
    if (r < 0)
        return r;

    *out = take(base);
    return 0;
}
