/* SPDX-License-Identifier: MIT */
/*
 * What ends a serving relay: SIGTERM, SIGINT, and another relay that takes over.
 *
 * The first signal closes the listening sockets, after the connections that the kernel has made
 * already were let in. Requests that have begun, and attempts in flight, then have DRAIN_MS to end.
 * When that time is up, or at a second signal, senders that still wait are answered 202 or 503. The
 * disk and the network have STOP_FLUSH_MS to make these answers true and to deliver them.
 *
 * A relay that another one has taken for dead has events in memory that the other one sends, too,
 * and whose newer ones it has maybe sent already. So it ends, and begins anew with what the outbox
 * has then.
 */
#include "server/stop.h"

#include "base/log.h"
#include "relay/relay.h"
#include "server/http.h"
#include "server/server.h"
#include "server/setup.h"

enum {
    STOP_FLUSH_MS = 2000,
    STOP_CHECK_MS = 5, /* between two checks whether a phase is over */
};

static void stop_enter(struct server *server, enum server_phase phase, int64_t at_most_ms)
{
    server->phase = phase;
    server->phase_ends_ms = loop_now_ms(server->loop) + at_most_ms;
    loop_timer_set(server->loop, &server->stop_timer, loop_now_ms(server->loop));
}

/* Whether the loop may end, now that no sender waits for an answer. While draining, the ends of the
 * attempts in flight are waited for, since nobody would hear of them later, and an outbox that is
 * away, since events would be sent again later. */
static bool stop_may_end(const struct server *server)
{
    return server->phase == SERVER_FLUSHING ||
           (relay_in_flight(server->relay) == 0 && !relay_awaits_outbox(server->relay));
}

static void stop_check(void *ctx)
{
    struct server *server = ctx;
    bool time_is_up = loop_now_ms(server->loop) >= server->phase_ends_ms;
    bool drained = http_is_drained(server->sender);

    if (drained)
        relay_stop_sending(server->relay);
    if ((drained && stop_may_end(server)) || (time_is_up && server->phase == SERVER_FLUSHING)) {
        loop_stop(server->loop);
    } else if (time_is_up) {
        log_info("the drain is cut short: requests that wait are answered now, 202 or 503",
                 "requests", log_number(http_busy(server->sender)));
        relay_give_up(server->relay);
        stop_enter(server, SERVER_FLUSHING, STOP_FLUSH_MS);
    } else {
        loop_timer_set(server->loop, &server->stop_timer,
                       loop_now_ms(server->loop) + STOP_CHECK_MS);
    }
}

void stop_init(struct server *server)
{
    server->stop_timer = (struct loop_timer){.fn = stop_check, .ctx = server};
}

void stop_signalled(struct server *server)
{
    if (!server->sender) { /* before the start is over, no sender has been promised anything */
        log_info("stopping before anything was served");
        server->phase = SERVER_FLUSHING;
        loop_stop(server->loop);
    } else if (server->phase == SERVER_RUNNING) {
        notify_stopping(&server->notify, "Stopping");
        relay_stopping(server->relay);
        http_drain(server->sender);
        log_info("stopping", "events", log_number(relay_pending(server->relay)));
        stop_enter(server, SERVER_DRAINING, server->setup->config.drain_ms);
    } else {
        server->phase_ends_ms = loop_now_ms(server->loop); /* a second signal */
    }
}

void stop_taken_over(void *ctx)
{
    struct server *server = ctx;

    log_error("another relay has taken over the outbox: this one ends, and sends nothing more");
    server->taken_over = true;
    relay_stop_sending(server->relay);
    if (server->phase == SERVER_RUNNING)
        stop_signalled(server);
    stop_signalled(server); /* nothing that is in memory is waited for */
}
