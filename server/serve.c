/* SPDX-License-Identifier: MIT */
/*
 * The life of a serving relay: how it starts and ends, and which signal does what meanwhile.
 *
 * The order of the start matters: old events are known before the listening sockets open, since
 * new events would otherwise have to queue behind the disk. Only where the outbox is away, nobody
 * knows when they could be: there new events do queue behind it. reload.c has SIGHUP, stop.c has
 * SIGTERM and SIGINT.
 */
#include "server/serve.h"

#include <malloc.h>
#include <netdb.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "base/allocator.h"
#include "base/complain.h"
#include "base/log.h"
#include "handlers/endpoints.h"
#include "handlers/sync_batch.h"
#include "outbox/outbox.h"
#include "outbox/store_open.h"
#include "relay/relay.h"
#include "relay_version.h"
#include "server/http.h"
#include "server/listener.h"
#include "server/reload.h"
#include "server/server.h"
#include "server/setup.h"
#include "server/signals.h"
#include "server/stop.h"

enum {
    SERVE_CONNECTIONS_MAX = 10000,
    SERVE_ADMIN_CONNECTIONS_MAX = 32,
    SERVE_OTHER_FDS = 64, /* descriptors for all else: logs, epoll, libcurl's resolver */
};

/* ---- signals ---- */

static void serve_signalled(void *ctx, uint32_t events)
{
    struct server *server = ctx;
    struct signalfd_siginfo signal;

    (void)events;
    if (read(server->signal_fd, &signal, sizeof(signal)) != (ssize_t)sizeof(signal))
        return;
    if (signal.ssi_signo != SIGHUP)
        stop_signalled(server);
    else if (!server->sender)
        server->reload_due = true; /* the start has read the settings before this signal came */
    else if (server->phase == SERVER_RUNNING)
        reload_run(server);
}

static int serve_watch_signals(struct server *server)
{
    int r = signals_open(&server->signal_fd);

    if (r)
        return r;
    server->signals =
        (struct loop_fd){.fd = server->signal_fd, .fn = serve_signalled, .ctx = server};
    return loop_fd_add(server->loop, &server->signals, EPOLLIN);
}

/* ---- start ---- */

/* How many connections of senders there may be: as many as there are descriptors when each attempt
 * and each connection of the admin port has one. Raises the soft limit of descriptors first. */
static unsigned serve_connections_max(const struct config *config)
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

static void serve_warn_of_store(const char *line)
{
    log_warn("the outbox's database wants attention", "finding", line);
}

static int serve_open_outbox(struct server *server)
{
    const struct config *config = &server->setup->config;
    cleanup(buf_done) struct buf why = BUF_NULL;
    struct store_options options = setup_store_options(config, &why);
    struct store *store;

    if (!config->outbox)
        return 0;
    options.warn = serve_warn_of_store;
    int r = store_open(&options, &store);
    if (r > 0) {
        complain("%s", buf_string(&why));
        return r == STORE_BUSY ? SERVE_PREVENTED : SERVE_REFUSED;
    }
    return r ? r : outbox_new(server->loop, store, &allocator_system, &server->outbox);
}

static int serve_start_relay(struct server *server)
{
    const struct config *config = &server->setup->config;
    struct upstream *upstream;
    struct relay_options relay = {
        .concurrency = config->convex_concurrency,
        .sync_wait_ms = config->sync_wait_ms,
        .max_age_ms = config->retry_max_age_ms,
        .dice = &dice_system,
        .allocator = &allocator_system,
    };
    int r = upstream_new(server->loop, server->setup, &upstream);

    if (r)
        return r;
    upstreams_set(&server->upstreams, upstream);
    r = relay_new(server->loop, upstream->transport, server->outbox, &relay, &server->relay);
    if (r == 0)
        r = relay_set_routes(server->relay, server->service.routes);
    /* The pending events are read before new ones can arrive: the top of this file says why. */
    while (r == 0 && server->phase == SERVER_RUNNING && relay_loading(server->relay))
        r = loop_turn(server->loop);
    return r;
}

static int serve_take_sockets(struct server *server)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    int r = activation_take(getenv, &server->activation, &why);

    if (r > 0) {
        complain("the sockets of the service manager: %s", buf_string(&why));
        return SERVE_REFUSED;
    }
    return r;
}

/* Takes the service manager's socket, or else listens on host and port. names: the two settings,
 * for a complaint. */
static int serve_listen(int *passed_fd, const char *names, const char *host, int port,
                        struct listeners *listeners)
{
    cleanup(buf_done) struct buf why = BUF_NULL;

    if (*passed_fd >= 0) {
        *listeners = (struct listeners){.fds = {*passed_fd}, .len = 1, .passed = true};
        *passed_fd = -1;
        return 0;
    }
    int r = listener_open(getaddrinfo, host, port, listeners, &why);
    if (r > 0) {
        complain("%s: %s", names, buf_string(&why));
        return r == LISTENER_BUSY ? SERVE_PREVENTED : SERVE_REFUSED;
    }
    return r;
}

/* Opens the port for metrics and status. *opened is valid as long as server->admin is. */
static int serve_start_admin(struct server *server, struct listeners *opened)
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
    int r = serve_listen(&server->activation.admin_fd, "ADMIN_HOST, ADMIN_PORT", config->admin_host,
                         config->admin_port, &listeners);
    *opened = listeners;
    return r ? r : http_new(server->loop, &server->service, &options, &server->admin);
}

/* Opens the port for events. *opened is valid as long as server->sender is. */
static int serve_start_sender(struct server *server, struct listeners *opened)
{
    const struct config *config = &server->setup->config;
    struct listeners listeners = {.len = 0};
    struct http_options options = {
        .listeners = &listeners,
        .endpoints = &endpoints_sender,
        .max_body_bytes = config->max_body_bytes,
        .request_timeout_ms = config->request_timeout_ms,
        .connections_max = serve_connections_max(config),
    };
    int r = serve_listen(&server->activation.sender_fd, "HOST, PORT", config->host, config->port,
                         &listeners);

    *opened = listeners;
    return r ? r : http_new(server->loop, &server->service, &options, &server->sender);
}

static int serve_check_ports(const struct server *server)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    bool passed = server->activation.sender_fd >= 0 || server->activation.admin_fd >= 0;
    int r = passed ? 0 : setup_check_ports(&server->setup->config, &why);

    if (r <= 0)
        return r;
    complain("%s", buf_string(&why));
    return SERVE_REFUSED;
}

/* Opens the port for metrics and status first, and logs that port last: a person or a script that
 * waits for "listening" then finds both ports open. */
static int serve_start_http(struct server *server)
{
    struct listeners admin = {.len = 0};
    struct listeners sender = {.len = 0};
    int r = serve_start_admin(server, &admin);

    if (r == 0)
        r = serve_start_sender(server, &sender);
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

static size_t serve_memory_in_use(void *ctx)
{
    struct server *server = ctx;

    return relay_pending(server->relay) + http_clients(server->sender);
}

static bool serve_is_at_work(void *ctx)
{
    struct server *server = ctx;

    return relay_in_flight(server->relay) > 0 || http_busy(server->sender) > 0;
}

static void serve_watch_memory(struct server *server)
{
    server->memory = (struct memory){
        .in_use = serve_memory_in_use,
        .is_at_work = serve_is_at_work,
        .ctx = server,
        .trim = malloc_trim,
    };
    memory_watch(&server->memory, server->loop);
}

/* Makes what the handlers need, except for the inbox, which the relay has. */
static int serve_begin_service(struct server *server)
{
    const struct config *config = &server->setup->config;
    struct service *service = &server->service;

    service->clock = &clock_system;
    service->version = RELAY_VERSION;
    service->started_ms = clock_mono_ms(&clock_system);
    service->outbox_max_bytes = config->outbox_max_bytes;
    service->routes = server->setup->routes;
    request_ids_init(&service->ids, &dice_system);
    observe_init(&service->observed, server->loop);
    int r = sync_batches_new(service, server->loop, &service->batches);
    if (r == 0)
        r = keyring_new(config->sync_secret, config->sync_secret_previous, &service->keyring);
    return r;
}

static int serve_start(struct server *server)
{
    int r = serve_take_sockets(server);

    if (r == 0)
        r = serve_check_ports(server);
    if (r == 0)
        r = loop_new(&clock_system, &server->loop);
    if (r)
        return r;
    upstreams_init(&server->upstreams, server->loop);
    notify_init(&server->notify, server->loop, getenv);
    r = serve_watch_signals(server);
    if (r == 0)
        r = serve_open_outbox(server);
    if (r == 0)
        r = serve_begin_service(server);
    if (r == 0)
        r = serve_start_relay(server);
    if (r || server->phase != SERVER_RUNNING)
        return r;
    server->service.inbox = relay_inbox(server->relay);
    stop_init(server);
    r = serve_start_http(server);
    if (r)
        return r;
    if (server->outbox)
        outbox_on_taken_over(server->outbox, stop_taken_over, server);
    serve_watch_memory(server);
    notify_ready(&server->notify, buf_string(&server->serving));
    if (server->reload_due)
        reload_run(server);
    return 0;
}

static void serve_done(struct server *server)
{
    memory_done(&server->memory);
    /* Each part is freed before the parts that it uses. The outbox's thread uses memory of the
     * relay, so the outbox is freed before the relay. */
    if (server->relay)
        relay_abandon(server->relay);
    sync_batches_free(server->service.batches);
    http_free(server->sender);
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
    cleanup(serve_done) struct server server = {
        .setup = setup, .activation = ACTIVATION_NONE, .signal_fd = -1};

    memory_tune();
    int r = serve_start(&server);
    if (r == 0)
        r = loop_run(server.loop);
    if (r == 0)
        log_info("stopped");
    return r == 0 && server.taken_over ? SERVE_PREVENTED : r;
}
