/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 of our own, because libcurl's transfers cost twice what all the rest of an event does;
 * and because libcurl sends a POST again by itself where a kept connection dies before the answer.
 *
 * A call has a slot from start to end: one with an open connection where there is any, the slot
 * used last first; else one that connects. So there never are more connections than calls were in
 * flight at once. A call that fails is "lost" if the kernel, or OpenSSL, took a single byte of its
 * request, else "not sent". Until a byte is taken, a kept connection that turns out dead is
 * replaced.
 *
 * A call that ends gives its slot back before the caller is told, so that the caller may start the
 * next call at once. The answer's body stays in the slot: bytes come into it only when the loop
 * turns.
 */
#include "convex/transport_direct.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "base/error.h"
#include "convex/beginning.h"
#include "convex/direct_slots.h"
#include "convex/request_head.h"

enum {
    DIRECT_KEEP_BYTES = 64 << 10, /* an idle buffer larger than this is freed */
    DIRECT_LAST_READS = 4,        /* at the deadline: head and body may be TLS records apart */
};

struct transport_direct {
    struct transport base;
    struct direct_slots slots;
    struct request_head head;
    struct request_head date_head; /* of calls that are for_date */
    int in_flight;
    int concurrency;
    int64_t timeout_ms;
};

static struct transport_direct *direct_of(struct transport *base)
{
    return container_of(base, struct transport_direct, base);
}

static struct transport_direct *direct_owner(const struct direct_slot *slot)
{
    return container_of(slot->slots, struct transport_direct, slots);
}

/* ---- the end of a call ---- */

static void direct_release(struct direct_slot *slot, bool keep)
{
    loop_timer_clear(slot->slots->loop, &slot->timer);
    slot->call->handle = NULL;
    slot->call = NULL;
    direct_owner(slot)->in_flight--;
    direct_slots_give(slot, keep);
}

static void direct_finish(struct direct_slot *slot, struct answer *answer, bool keep)
{
    struct call *call = slot->call;
    char why[CURL_ERROR_SIZE];

    if (answer->why) {
        (void)snprintf(why, sizeof(why), "%s", answer->why);
        answer->why = why;
    }
    direct_release(slot, keep);

    call->done(call, answer);
    /* done() may have begun another call in the slot, but no byte of that answer has come yet. */
    if (slot->answer.body.cap > DIRECT_KEEP_BYTES)
        buf_done(&slot->answer.body);
}

static bool direct_decides(struct direct_slot *slot)
{
    struct http_answer *answer = &slot->answer;

    return answer->status && !answer->compressed &&
           beginning_decides(answer->status, answer->body_bytes > answer->body.len, &answer->body);
}

/* Ends a call whose answer is not whole. If the beginning of the answer decides, the call ends as
 * if the answer were whole; else whether a byte was sent decides. */
static void direct_fail(struct direct_slot *slot, const char *why)
{
    bool decides = direct_decides(slot);
    struct answer answer = {
        .kind = decides                     ? ANSWER_HTTP
                : slot->connection.sent_any ? ANSWER_LOST
                                            : ANSWER_NOT_SENT,
        .status = slot->answer.status,
        .body = decides ? buf_span(&slot->answer.body) : SPAN_NULL,
        .date = slot->answer.date,
        .retry_after_ms = slot->answer.retry_after_ms,
        .why = decides ? NULL : why,
    };

    direct_finish(slot, &answer, false);
}

/* ---- the exchange ---- */

static int direct_prepare(struct direct_slot *slot, const struct call *call)
{
    struct span parts[CONNECTION_PARTS] = {SPAN_NULL, call->body[0], call->body[1], call->body[2]};
    size_t body_len = parts[1].len + parts[2].len + parts[3].len;
    const struct transport_direct *direct = direct_owner(slot);
    int r;

    slot->head.len = 0;
    r = request_head_write(call->for_date ? &direct->date_head : &direct->head, call->request_id,
                           body_len, &slot->head);
    parts[0] = buf_span(&slot->head);
    connection_prepare(&slot->connection, parts);
    http_answer_reset(&slot->answer);
    return r;
}

/*
 * 0; CONNECTION_BROKEN: not a byte could be sent; or an -errno. A connection that broke later is 0,
 * too: Convex may have answered why, and reading finds the answer, or the end.
 */
static int direct_send(struct direct_slot *slot)
{
    int r = connection_send(&slot->connection);

    if (r < 0 || (r == CONNECTION_BROKEN && !slot->connection.sent_any))
        return r;
    return connection_await_room(&slot->connection, r == CONNECTION_AGAIN);
}

static void direct_take_whole(struct direct_slot *slot)
{
    const struct http_answer *whole = &slot->answer;
    struct answer answer = {.kind = ANSWER_HTTP,
                            .status = whole->status,
                            .date = whole->date,
                            .retry_after_ms = whole->retry_after_ms};

    if (whole->compressed && whole->body_bytes > 0) {
        answer.kind = ANSWER_COMPRESSED;
        answer.why = whole->compressed;
    } else if (whole->body_bytes > whole->body.len && !direct_decides(slot)) {
        answer.kind = ANSWER_TOO_LONG;
        answer.why = BEGINNING_UNDECIDED;
    } else {
        answer.body = buf_span(&whole->body);
    }
    direct_finish(slot, &answer, whole->keeps && connection_sent_all(&slot->connection));
}

/* Reads once. True: the call has ended. */
static bool direct_receive(struct direct_slot *slot)
{
    char *bytes = slot->slots->bytes;
    size_t len;
    int r = connection_receive(&slot->connection, bytes, &len);

    if (r == CONNECTION_AGAIN)
        return false;
    if (r == CONNECTION_BROKEN) {
        direct_fail(slot, "the connection broke before the answer was whole");
        return true;
    }
    if (r == CONNECTION_ENDED)
        r = http_answer_end(&slot->answer);
    else
        r = http_answer_take(&slot->answer, (struct span){bytes, len});
    if (r == HTTP_ANSWER_WHOLE)
        direct_take_whole(slot);
    else if (r)
        direct_fail(slot, r < 0 ? "out of memory" : slot->answer.why);
    return r != 0;
}

static void direct_event(void *ctx, uint32_t events)
{
    struct direct_slot *slot = ctx;

    if (!slot->call) {
        direct_slots_check_idle(slot);
        return;
    }
    /* Reading goes first: Convex may refuse a request, and hang up, before all of it is sent. */
    if ((events & ~(uint32_t)EPOLLOUT) && direct_receive(slot))
        return;
    if ((events & EPOLLOUT) && direct_send(slot))
        direct_fail(slot, "the connection broke while the request was sent");
}

/* The deadline. The answer may lie in the socket already, if the relay itself was late. */
static void direct_timeout(void *ctx)
{
    struct direct_slot *slot = ctx;
    bool open = connection_is_open(&slot->connection);

    for (int n = 0; open && n < DIRECT_LAST_READS; n++) {
        if (direct_receive(slot))
            return;
    }
    direct_fail(slot, open ? "timed out before the answer was whole"
                           : "timed out before it was connected");
}

/* ---- connecting ---- */

static void direct_not_connected(struct direct_slot *slot, CURLcode result)
{
    const char *error = slot->connection.error;
    struct answer answer = {
        .kind = ANSWER_NOT_SENT,
        .retry_after_ms = -1,
        .untrusted = result == CURLE_PEER_FAILED_VERIFICATION ||
                     result == CURLE_SSL_CACERT_BADFILE || result == CURLE_SSL_ISSUER_ERROR,
        .why = *error ? error : curl_easy_strerror(result),
    };

    direct_finish(slot, &answer, false);
}

static void direct_connected(struct direct_slot *slot, CURLcode result)
{
    int r;

    if (result != CURLE_OK) {
        direct_not_connected(slot, result);
        return;
    }
    slot->opened_ms = loop_now_ms(slot->slots->loop);
    r = connection_opened(&slot->connection);
    if (r == 0)
        r = direct_send(slot);
    if (r)
        direct_fail(slot, "the connection broke as soon as it was made");
}

/* ---- calls ---- */

/* Gives the call a slot and begins. 0; CONNECTION_BROKEN: try another slot; or an -errno. */
static int direct_begin(struct transport_direct *direct, struct call *call)
{
    struct loop *loop = direct->slots.loop;
    struct direct_slot *slot = NULL;
    int r = direct_slots_take(&direct->slots, &slot);

    if (r < 0)
        return r;
    r = direct_prepare(slot, call);
    if (r == 0)
        r = connection_is_open(&slot->connection) ? direct_send(slot)
                                                  : connection_open(&slot->connection);
    if (r) {
        direct_slots_give(slot, false);
        return r;
    }
    slot->call = call;
    call->handle = slot;
    direct->in_flight++;
    loop_timer_set(loop, &slot->timer, loop_now_ms(loop) + direct->timeout_ms);
    return 0;
}

static int direct_start(struct transport *base, struct call *call)
{
    struct transport_direct *direct = direct_of(base);
    int r;

    if (direct->in_flight == direct->concurrency)
        return error_origin(-EBUSY);
    do {
        r = direct_begin(direct, call);
    } while (r == CONNECTION_BROKEN); /* ends: each round closes one open connection */
    return r;
}

static void direct_cancel(struct transport *base, struct call *call)
{
    (void)base;
    direct_release(call->handle, false);
}

static int direct_in_flight(const struct transport *base)
{
    return container_of(base, const struct transport_direct, base)->in_flight;
}

/* ---- life ---- */

static struct transport *direct_free(struct transport *base)
{
    struct transport_direct *direct = direct_of(base);

    assert(direct->in_flight == 0);
    direct_slots_done(&direct->slots);
    request_head_done(&direct->head);
    request_head_done(&direct->date_head);
    free(direct);
    return NULL;
}

static const struct transport_ops direct_ops = {
    .start = direct_start,
    .cancel = direct_cancel,
    .in_flight = direct_in_flight,
    .free = direct_free,
};

static const struct direct_slots_callbacks direct_callbacks = {
    .event = direct_event,
    .timeout = direct_timeout,
    .connected = direct_connected,
};

int transport_direct_new(struct loop *loop, const struct transport_options *options,
                         struct transport **out)
{
    struct transport_direct *direct = calloc(1, sizeof(*direct));
    int r;

    if (!direct)
        return error_origin(-ENOMEM);
    direct->base.ops = &direct_ops;
    direct->concurrency = options->concurrency;
    direct->timeout_ms = options->timeout_ms;
    cleanup(transport_freep) struct transport *base = &direct->base;

    r = direct_slots_init(&direct->slots, loop, options, &direct_callbacks);
    if (r == 0)
        r = request_head_init(&direct->head, options);
    if (r == 0 && options->date_path) {
        struct transport_options for_date = *options;
        for_date.path = options->date_path;
        r = request_head_init(&direct->date_head, &for_date);
    }
    if (r < 0)
        return r;
    *out = take(base);
    return 0;
}
