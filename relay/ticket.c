/* SPDX-License-Identifier: MIT */
/* Tickets: answers that senders are owed. */
#include "relay/ticket.h"

#include "handlers/parcel.h"

static void tickets_expire(void *ctx)
{
    struct tickets *tickets = ctx;
    struct ticket *ticket;

    while ((ticket = TAILQ_FIRST(&tickets->waiting)) &&
           ticket->due_ms <= loop_now_ms(tickets->loop)) {
        TAILQ_REMOVE(&tickets->waiting, ticket, link);
        ticket->due_ms = 0;
        ticket->state = TICKET_DUE;
        tickets->due(ticket);
    }
    if (ticket)
        loop_timer_set(tickets->loop, &tickets->timer, ticket->due_ms);
}

void tickets_init(struct tickets *tickets, struct loop *loop, int64_t wait_ms,
                  void (*due)(struct ticket *ticket))
{
    *tickets = (struct tickets){
        .loop = loop,
        .wait_ms = wait_ms,
        .due = due,
        .timer = {.fn = tickets_expire, .ctx = tickets},
    };
    TAILQ_INIT(&tickets->waiting);
}

void tickets_done(struct tickets *tickets)
{
    if (tickets->loop)
        loop_timer_clear(tickets->loop, &tickets->timer);
}

void tickets_hurry(struct tickets *tickets)
{
    struct ticket *ticket;

    tickets->wait_ms = 0;
    TAILQ_FOREACH (ticket, &tickets->waiting, link)
        ticket->due_ms = loop_now_ms(tickets->loop);
    tickets_expire(tickets);
}

void ticket_open(struct ticket *ticket, struct request *request)
{
    if (!request)
        return;
    ticket->state = TICKET_WAITING;
    ticket->request = request;
    memcpy(ticket->request_id, request->id, sizeof(request->id));
}

void ticket_open_place(struct ticket *ticket, struct parcel *parcel, size_t place)
{
    ticket->state = TICKET_WAITING;
    ticket->parcel = parcel;
    ticket->place = place;
    memcpy(ticket->request_id, parcel->request->id, sizeof(parcel->request->id));
}

void ticket_name(struct ticket *ticket, struct span request_id)
{
    if (request_id.len > 0 && request_id.len < sizeof(ticket->request_id))
        memcpy(ticket->request_id, request_id.at, request_id.len);
}

void ticket_set_time(struct tickets *tickets, struct ticket *ticket)
{
    if (ticket->state != TICKET_WAITING)
        return;
    ticket->due_ms = loop_now_ms(tickets->loop) + tickets->wait_ms;
    TAILQ_INSERT_TAIL(&tickets->waiting, ticket, link);
    if (!loop_timer_is_set(&tickets->timer))
        loop_timer_set(tickets->loop, &tickets->timer, ticket->due_ms);
}

void ticket_drop(struct tickets *tickets, struct ticket *ticket)
{
    if (ticket->due_ms)
        TAILQ_REMOVE(&tickets->waiting, ticket, link);
    ticket->due_ms = 0;
    ticket->request = NULL;
    ticket->parcel = NULL;
    ticket->state = TICKET_NONE;
}

void ticket_answer(struct tickets *tickets, struct ticket *ticket, enum reply reply,
                   struct span message)
{
    struct request *request = ticket->request;
    struct parcel *parcel = ticket->parcel;

    if (ticket->state == TICKET_NONE)
        return;
    ticket_drop(tickets, ticket);
    tickets->answered++;
    if (parcel)
        parcel_reply(parcel, ticket->place, reply, message);
    else
        request_reply_with(request, reply, message);
}
