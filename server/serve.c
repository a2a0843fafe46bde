/* SPDX-License-Identifier: MIT */
/*
 * The life of a serving relay.
 *
 * The first SIGTERM or SIGINT closes the door: no new connections but those that the kernel has
 * made, and what is under way or has begun to arrive has DRAIN_MS to be answered and judged. When
 * that time is up, or at a second signal, whoever still waits is answered 202 or 503, which has
 * SERVE_FLUSH_MS to become true and reach its client.
 *
 * SIGHUP reads everything again, checks it, and only then takes the secrets, the deploy key, the
 * certificates and the routes, all or none: what is wrong is logged, and the old ones stay. Events
 * that are under way keep their old route, and their connection.
 */
#include "server/serve.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "base/complain.h"
#include "base/error.h"
#include "base/log.h"
#include "handlers/endpoints.h"
#include "outbox/outbox.h"
#include "outbox/store_sqlite.h"
#include "relay/relay.h"
#include "relay_version.h"
#include "server/activation.h"
#include "server/http.h"
#include "server/listener.h"
#include "server/memory.h"
#include "server/notify.h"
#include "server/setup.h"
#include "server/signals.h"
#include "server/upstream.h"

enum {
    SERVE_FLUSH_MS = 2000,
    SERVE_STOP_TICK_MS = 5,
    SERVE_CONNECTIONS_MAX = 10000,
    SERVE_ADMIN_CONNECTIONS_MAX = 32,
    SERVE_OTHER_FDS = 64, /* what else has a descriptor: logs, epoll, libcurl's resolver */
};

enum serve_phase { SERVE_RUNNING, SERVE_DRAINING, SERVE_FLUSHING };

struct server {
    struct setup *setup;
    struct loop *loop;
    struct upstreams upstreams;
    struct outbox *outbox;
    struct relay *relay;
    struct service service;
    struct http *http;
    struct http *admin; /* NULL: none */
    struct activation activation;
    struct notify notify;
    struct memory memory;
    struct buf serving; /* as people read it in the service's status */
    int signal_fd;
    struct loop_fd signals;
    struct loop_timer stop_timer;
    enum serve_phase phase;
    int64_t phase_ends_ms;
    bool reload_due; /* once the start is over */
};

/* ---- reload ---- */

/* The relay takes both or none: its attempts begin at once, and go the new way. */
static int server_lead(struct server *server, struct routes *routes, struct upstream *upstream)
{
    relay_set_transport(server->relay, upstream->transport);
    int r = relay_set_routes(server->relay, routes);
    if (r)
        relay_set_transport(server->relay, server->upstreams.now->transport);
    return r;
}

/* All that can fail is done before anything is taken. */
static int server_take(struct server *server, struct setup *fresh)
{
    cleanup(keyring_freep) struct keyring *keyring = NULL;
    cleanup(upstream_freep) struct upstream *upstream = NULL;
    int r = keyring_new(fresh->config.sync_secret, fresh->config.sync_secret_previous, &keyring);

    if (r == 0)
        r = upstream_new(server->loop, fresh, &upstream);
    if (r == 0)
        r = server_lead(server, fresh->routes, upstream);
    if (r)
        return r;
    upstreams_set(&server->upstreams, take(upstream));
    keyring_free(server->service.keyring);
    server->service.keyring = take(keyring);
    server->service.routes = fresh->routes;
    setup_done(server->setup);
    *server->setup = *fresh;
    *fresh = (struct setup){0};
    return 0;
}

static void server_reload(struct server *server)
{
    cleanup(setup_done) struct setup fresh = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;
    cleanup(buf_done) struct buf status = BUF_NULL;

    notify_reloading(&server->notify);
    int r = setup_read(&fresh, &why);
    if (r == 0)
        r = server_take(server, &fresh);
    if (r) {
        const char *reason = r > 0 ? buf_string(&why) : strerror(-r);
        log_error("not reloaded, the old configuration stays", "reason", reason);
        (void)buf_printf(&status, "%s; not reloaded: %s", buf_string(&server->serving), reason);
    } else {
        config_warn(getenv, &server->setup->config);
        log_info("reloaded", "routes", log_number(routes_count(server->service.routes)));
        (void)buf_append_span(&status, buf_span(&server->serving));
    }
    notify_ready(&server->notify, buf_string(&status));
}

/* ---- stop ---- */

static void server_enter(struct server *server, enum serve_phase phase, int64_t at_most_ms)
{
    server->phase = phase;
    server->phase_ends_ms = loop_now_ms(server->loop) + at_most_ms;
    loop_timer_set(server->loop, &server->stop_timer, loop_now_ms(server->loop));
}

/* Nobody waits for an answer, or is about to, and no attempt is in flight whose end would be
 * missed. */
static bool server_is_quiet(struct server *server)
{
    if (!http_is_drained(server->http))
        return false;
    relay_stop_sending(server->relay);
    return server->phase == SERVE_FLUSHING || relay_in_flight(server->relay) == 0;
}

/* Looks, every few ms while the server stops, whether it may go on to the next phase. */
static void server_stop_tick(void *ctx)
{
    struct server *server = ctx;
    bool time_is_up = loop_now_ms(server->loop) >= server->phase_ends_ms;

    if (server_is_quiet(server) || (time_is_up && server->phase == SERVE_FLUSHING)) {
        loop_stop(server->loop);
    } else if (time_is_up) {
        log_info("time is up: whoever waits is answered now", "requests",
                 log_number(http_busy(server->http)));
        relay_give_up(server->relay);
        server_enter(server, SERVE_FLUSHING, SERVE_FLUSH_MS);
    } else {
        loop_timer_set(server->loop, &server->stop_timer,
                       loop_now_ms(server->loop) + SERVE_STOP_TICK_MS);
    }
}

static void server_stop(struct server *server)
{
    if (!server->http) { /* the start is not over, and nobody has been answered anything */
        log_info("stopping before anything was served");
        server->phase = SERVE_FLUSHING;
        loop_stop(server->loop);
    } else if (server->phase == SERVE_RUNNING) {
        notify_stopping(&server->notify, "Stopping");
        relay_stopping(server->relay);
        http_drain(server->http);
        log_info("stopping", "events", log_number(relay_pending(server->relay)));
        server_enter(server, SERVE_DRAINING, server->setup->config.drain_ms);
    } else {
        server->phase_ends_ms = loop_now_ms(server->loop); /* a second signal: at once */
    }
}

static void server_signalled(void *ctx, uint32_t events)
{
    struct server *server = ctx;
    struct signalfd_siginfo signal;

    (void)events;
    if (read(server->signal_fd, &signal, sizeof(signal)) != (ssize_t)sizeof(signal))
        return;
    if (signal.ssi_signo != SIGHUP)
        server_stop(server);
    else if (!server->http)
        server->reload_due = true; /* what was read is older than the signal */
    else if (server->phase == SERVE_RUNNING)
        server_reload(server);
}

/* ---- start ---- */

static int server_watch_signals(struct server *server)
{
    int r = signals_open(&server->signal_fd);

    if (r)
        return r;
    server->signals =
        (struct loop_fd){.fd = server->signal_fd, .fn = server_signalled, .ctx = server};
    return loop_fd_add(server->loop, &server->signals, EPOLLIN);
}

/* As many as the descriptors allow, once every attempt has its own. */
static unsigned server_connections_max(const struct config *config)
{
    struct rlimit limit = {0};

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    rlim_t others =
        (rlim_t)config->convex_concurrency + SERVE_ADMIN_CONNECTIONS_MAX + SERVE_OTHER_FDS;
    if (limit.rlim_cur > others + SERVE_CONNECTIONS_MAX)
        return SERVE_CONNECTIONS_MAX;
    return limit.rlim_cur > others + 1 ? (unsigned)(limit.rlim_cur - others) : 1;
}

static int server_open_outbox(struct server *server)
{
    const struct config *config = &server->setup->config;
    cleanup(buf_done) struct buf why = BUF_NULL;
    struct store_options options = {
        .path = config->outbox,
        .mode = STORE_SERVE,
        .max_bytes = config->outbox_max_bytes,
        .why = &why,
    };
    struct store *store;

    if (!config->outbox)
        return 0;
    int r = store_sqlite_open(&options, &store);
    if (r > 0) {
        complain("%s", buf_string(&why));
        return r == STORE_BUSY ? SERVE_PREVENTED : SERVE_REFUSED;
    }
    return r ? r : outbox_new(server->loop, store, &server->outbox);
}

static int server_start_relay(struct server *server)
{
    const struct config *config = &server->setup->config;
    struct upstream *upstream;
    struct relay_options relay = {
        .concurrency = config->convex_concurrency,
        .sync_wait_ms = config->sync_wait_ms,
        .max_age_ms = config->retry_max_age_ms,
        .dice = &dice_system,
    };
    int r = upstream_new(server->loop, server->setup, &upstream);

    if (r)
        return r;
    upstreams_set(&server->upstreams, upstream);
    r = relay_new(server->loop, upstream->transport, server->outbox, &relay, &server->relay);
    if (r == 0)
        r = relay_set_routes(server->relay, server->service.routes);
    /* Events that arrive before the old ones are known would have to queue up behind the disk. */
    while (r == 0 && server->phase == SERVE_RUNNING && relay_loading(server->relay))
        r = loop_turn(server->loop);
    return r;
}

static int server_take_sockets(struct server *server)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    int r = activation_take(getenv, &server->activation, &why);

    if (r > 0) {
        complain("the sockets of the service manager: %s", buf_string(&why));
        return SERVE_REFUSED;
    }
    return r;
}

/* A socket of the service manager wins over the address that is set. names: the settings. */
static int server_listen(int *passed_fd, const char *names, const char *host, int port,
                         struct listeners *listeners)
{
    cleanup(buf_done) struct buf why = BUF_NULL;

    if (*passed_fd >= 0) {
        *listeners = (struct listeners){.fds = {*passed_fd}, .len = 1, .passed = true};
        *passed_fd = -1;
        return 0;
    }
    int r = listener_open(host, port, listeners, &why);
    if (r > 0) {
        complain("%s: %s", names, buf_string(&why));
        return r == LISTENER_BUSY ? SERVE_PREVENTED : SERVE_REFUSED;
    }
    return r;
}

/* Metrics and status. Opened before the sender's port and told of behind it: who reads the log for
 * an address finds events first, and everything there. *opened: as long as server->admin has them.
 */
static int server_start_admin(struct server *server, struct listeners *opened)
{
    const struct config *config = &server->setup->config;
    struct listeners listeners = {.len = 0};
    struct http_options options = {
        .listeners = &listeners,
        .endpoints = &endpoints_admin,
        .request_timeout_ms = config->request_timeout_ms,
        .connections_max = SERVE_ADMIN_CONNECTIONS_MAX,
    };

    if (config->admin_port == CONFIG_OFF && server->activation.admin_fd < 0)
        return 0;
    int r = server_listen(&server->activation.admin_fd, "ADMIN_HOST, ADMIN_PORT",
                          config->admin_host, config->admin_port, &listeners);
    *opened = listeners;
    return r ? r : http_new(server->loop, &server->service, &options, &server->admin);
}

static int server_start_sender(struct server *server, struct listeners *opened)
{
    const struct config *config = &server->setup->config;
    struct listeners listeners = {.len = 0};
    struct http_options options = {
        .listeners = &listeners,
        .endpoints = &endpoints_sender,
        .max_body_bytes = config->max_body_bytes,
        .request_timeout_ms = config->request_timeout_ms,
        .connections_max = server_connections_max(config),
    };
    int r = server_listen(&server->activation.sync_fd, "HOST, PORT", config->host, config->port,
                          &listeners);

    *opened = listeners;
    return r ? r : http_new(server->loop, &server->service, &options, &server->http);
}

static int server_refuse_one_port(const struct server *server)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    bool passed = server->activation.sync_fd >= 0 || server->activation.admin_fd >= 0;
    int r = passed ? 0 : setup_check_ports(&server->setup->config, &why);

    if (r <= 0)
        return r;
    complain("%s", buf_string(&why));
    return SERVE_REFUSED;
}

static int server_start_http(struct server *server)
{
    struct listeners admin = {.len = 0};
    struct listeners sender = {.len = 0};
    int r = server_start_admin(server, &admin);

    if (r == 0)
        r = server_start_sender(server, &sender);
    if (r == 0)
        r = listeners_describe(&sender, &server->serving);
    if (r == 0)
        r = listeners_log(&sender, "listening", RELAY_VERSION);
    if (r == 0)
        r = listeners_log(&admin, "admin listening", NULL);
    if (r == 0 && !server->setup->config.outbox)
        log_warn("OUTBOX is off: what Convex does not take at once is lost");
    return r;
}

static size_t server_held(void *ctx)
{
    struct server *server = ctx;

    return relay_pending(server->relay) + http_clients(server->http);
}

static bool server_is_at_work(void *ctx)
{
    struct server *server = ctx;

    return relay_in_flight(server->relay) > 0 || http_busy(server->http) > 0;
}

static void server_watch_memory(struct server *server)
{
    server->memory =
        (struct memory){.held = server_held, .is_at_work = server_is_at_work, .ctx = server};
    memory_watch(&server->memory, server->loop);
}

static int server_start(struct server *server)
{
    const struct config *config = &server->setup->config;
    int r = server_take_sockets(server);

    if (r == 0)
        r = server_refuse_one_port(server);
    if (r == 0)
        r = loop_new(&clock_system, &server->loop);
    if (r)
        return r;
    upstreams_init(&server->upstreams, server->loop);
    notify_init(&server->notify, server->loop, getenv);
    r = server_watch_signals(server);
    if (r == 0)
        r = keyring_new(config->sync_secret, config->sync_secret_previous,
                        &server->service.keyring);
    if (r == 0)
        r = server_open_outbox(server);
    server->service.clock = &clock_system;
    server->service.version = RELAY_VERSION;
    server->service.started_ms = clock_mono_ms(&clock_system);
    server->service.outbox_max_bytes = config->outbox_max_bytes;
    request_ids_init(&server->service.ids, &dice_system);
    if (r == 0)
        observe_init(&server->service.observed, server->loop);
    server->service.routes = server->setup->routes;
    if (r == 0)
        r = server_start_relay(server);
    if (r || server->phase != SERVE_RUNNING)
        return r;
    server->service.inbox = relay_inbox(server->relay);
    server->stop_timer = (struct loop_timer){.fn = server_stop_tick, .ctx = server};
    r = server_start_http(server);
    if (r)
        return r;
    server_watch_memory(server);
    notify_ready(&server->notify, buf_string(&server->serving));
    if (server->reload_due)
        server_reload(server);
    return 0;
}

static void server_done(struct server *server)
{
    memory_done(&server->memory);
    /* Whoever uses something goes before it; the outbox is done with the relay's memory first. */
    if (server->relay)
        relay_abandon(server->relay);
    http_free(server->http);
    http_free(server->admin);
    observe_done(&server->service.observed);
    outbox_free(server->outbox);
    relay_free(server->relay);
    upstreams_done(&server->upstreams);
    keyring_free(server->service.keyring);
    notify_done(&server->notify);
    buf_done(&server->serving);
    activation_done(&server->activation);
    closep(&server->signal_fd);
    loop_free(server->loop);
}

int serve(struct setup *setup)
{
    cleanup(server_done) struct server server = {
        .setup = setup, .activation = ACTIVATION_NONE, .signal_fd = -1};

    memory_tune();
    int r = server_start(&server);
    if (r == 0)
        r = loop_run(server.loop);
    if (r == 0)
        log_info("stopped");
    return r;
}
