/* SPDX-License-Identifier: MIT */
/* The slots of the direct transport. */
#include "convex/direct_slots.h"

#include <errno.h>

#include "base/error.h"
#include "convex/easy.h"
#include "convex/transport.h"

/* ---- slots ---- */

static void direct_slot_free(struct direct_slot *slot)
{
    connection_done(&slot->connection);
    http_answer_done(&slot->answer);
    buf_done(&slot->head);
    free(slot);
}

static int direct_slot_new(struct direct_slots *slots, struct direct_slot **out)
{
    struct direct_slot *slot = calloc(1, sizeof(*slot));
    int r;

    if (!slot)
        return error_origin(-ENOMEM);
    slot->slots = slots;
    slot->timer = (struct loop_timer){.fn = slots->callbacks->timeout, .ctx = slot};
    r = connection_init(&slot->connection, &slots->sockets, curl_easy_duphandle(slots->prototype),
                        slots->tls, slots->callbacks->event, slot);
    if (r < 0) {
        free(slot);
        return r;
    }
    *out = slot;
    return 0;
}

static bool direct_slot_is_old(const struct direct_slot *slot)
{
    int64_t now_ms = loop_now_ms(slot->slots->loop);

    return now_ms - slot->idle_since_ms > EASY_IDLE_S * INT64_C(1000) ||
           now_ms - slot->opened_ms > EASY_LIFETIME_S * INT64_C(1000);
}

/* Whether an idle connection can carry another call. Reading from the connection swallows a TLS
 * session ticket, which may come at any time; bytes or an end show that Convex is done with it. */
static bool direct_slot_is_alive(struct direct_slot *slot)
{
    size_t len;

    return connection_receive(&slot->connection, slot->slots->bytes, &len) == CONNECTION_AGAIN;
}

/* ---- the pool ---- */

void direct_slots_give(struct direct_slot *slot, bool keep)
{
    if (keep) {
        slot->idle_since_ms = loop_now_ms(slot->slots->loop);
        TAILQ_INSERT_HEAD(&slot->slots->open, slot, link);
    } else {
        connection_close(&slot->connection);
        TAILQ_INSERT_HEAD(&slot->slots->closed, slot, link);
    }
}

static void direct_slots_drop(struct direct_slot *idle)
{
    TAILQ_REMOVE(&idle->slots->open, idle, link);
    direct_slots_give(idle, false);
}

void direct_slots_check_idle(struct direct_slot *slot)
{
    if (!direct_slot_is_alive(slot))
        direct_slots_drop(slot);
}

/*
 * Finds the open slot that was used last, so that slots in excess grow old and are closed. Each
 * slot is read from first: the end of its connection may have come, while the event that tells so
 * still waits in the present turn of the loop.
 */
static struct direct_slot *direct_slots_find_open(struct direct_slots *slots)
{
    struct direct_slot *slot;

    while ((slot = TAILQ_LAST(&slots->open, direct_slot_list)) && direct_slot_is_old(slot))
        direct_slots_drop(slot);
    while ((slot = TAILQ_FIRST(&slots->open))) {
        if (!direct_slot_is_old(slot) && direct_slot_is_alive(slot))
            break;
        direct_slots_drop(slot);
    }
    return slot;
}

int direct_slots_take(struct direct_slots *slots, struct direct_slot **slot)
{
    struct direct_slot *found = direct_slots_find_open(slots);
    struct direct_slot_list *list = found ? &slots->open : &slots->closed;

    if (!found)
        found = TAILQ_FIRST(&slots->closed);
    if (!found)
        return direct_slot_new(slots, slot);
    TAILQ_REMOVE(list, found, link);
    *slot = found;
    return 0;
}

/* ---- life ---- */

static void direct_slots_ran(void *ctx)
{
    struct direct_slots *slots = ctx;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(slots->multi, &left))) {
        struct direct_slot *slot = NULL;
        CURLcode result = message->data.result; /* removing the handle frees the message */
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
        slots->callbacks->connected(slot, result);
    }
}

static int direct_slots_open_multi(struct direct_slots *slots, int concurrency)
{
    slots->curl_is_up = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    slots->multi = slots->curl_is_up ? curl_multi_init() : NULL;
    /* By default libcurl bounds how many connections it keeps, and closes the oldest one above. */
    if (!slots->multi ||
        curl_multi_setopt(slots->multi, CURLMOPT_MAXCONNECTS, (long)concurrency) != CURLM_OK)
        return error_origin(-ENOMEM);
    return sockets_init(&slots->sockets, slots->loop, slots->multi, direct_slots_ran, slots);
}

int direct_slots_init(struct direct_slots *slots, struct loop *loop,
                      const struct transport_options *options,
                      const struct direct_slots_callbacks *callbacks)
{
    int r;

    *slots = (struct direct_slots){
        .loop = loop,
        .callbacks = callbacks,
        .tls = span_starts(span_of(options->convex_url), SPAN("https:")),
    };
    TAILQ_INIT(&slots->open);
    TAILQ_INIT(&slots->closed);
    r = direct_slots_open_multi(slots, options->concurrency);
    if (r == 0)
        r = easy_new(options, &slots->prototype);
    if (r == 0)
        r = sockets_attach(&slots->sockets, slots->prototype);
    if (r == 0 && curl_easy_setopt(slots->prototype, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK)
        r = error_origin(-ENOMEM);
    return r;
}

void direct_slots_done(struct direct_slots *slots)
{
    struct direct_slot *slot;

    while ((slot = TAILQ_FIRST(&slots->open)))
        direct_slots_drop(slot);
    while ((slot = TAILQ_FIRST(&slots->closed))) {
        TAILQ_REMOVE(&slots->closed, slot, link);
        direct_slot_free(slot);
    }
    curl_easy_cleanup(slots->prototype);
    if (slots->multi)
        (void)curl_multi_cleanup(slots->multi);
    sockets_done(&slots->sockets);
    if (slots->curl_is_up)
        curl_global_cleanup();
}
