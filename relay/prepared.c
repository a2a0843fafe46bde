/* SPDX-License-Identifier: MIT */
/* Prepared rows. */
#include "relay/prepared.h"

#include <errno.h>

#include "base/error.h"
#include "handlers/envelope.h"
#include "outbox/outbox.h"
#include "relay/delivery.h"

static void prepared_free(void *ctx)
{
    struct prepared *prepared = ctx;

    event_done(&prepared->event);
    buf_done(&prepared->why);
    free(prepared);
}

int prepared_read(struct outbox_row *row)
{
    struct buf body = {(char *)row->row.body.at, row->row.body.len, row->row.body.len};
    struct prepared *prepared = calloc(1, sizeof(*prepared));
    struct envelope envelope;

    if (!prepared)
        return error_origin(-ENOMEM);
    envelope_init(&envelope);
    envelope_feed(&envelope, buf_span(&body));
    int r = envelope_end(&envelope, &body, &prepared->event, &prepared->why);
    if (r < 0) {
        free(prepared);
        return r;
    }
    prepared->spoilt = r > 0;
    if (prepared->spoilt)
        prepared->event.body = body;
    prepared->event.arrived_ms = row->row.arrived_ms;
    row->row.body.at = NULL;
    row->prepared = prepared;
    row->prepared_free = prepared_free;
    return 0;
}

void prepared_move(struct outbox_row *row, struct delivery *delivery)
{
    struct prepared *prepared = row->prepared;

    delivery->event = prepared->event;
    prepared->event = (struct event){0};
    delivery->attempts = row->row.attempts;
    delivery->tried_ms = row->row.tried_ms;
    ticket_name(&delivery->ticket, row->row.request);
    delivery_set_row(delivery, DELIVERY_ROW_STORED);
}
