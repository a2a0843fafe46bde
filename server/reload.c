/* SPDX-License-Identifier: MIT */
/*
 * What SIGHUP does to a serving relay.
 *
 * Whatever can fail is done before anything is exchanged. Events that are under way keep the old
 * route, and attempts in flight keep their connection.
 */
#include "server/reload.h"

#include "base/log.h"
#include "relay/relay.h"
#include "server/server.h"
#include "server/setup.h"

/* The relay starts attempts at once when it gets routes, so the new transport must come first. */
static int reload_relay(struct server *server, struct routes *routes, struct upstream *upstream)
{
    relay_set_transport(server->relay, upstream->transport);
    int r = relay_set_routes(server->relay, routes);
    if (r)
        relay_set_transport(server->relay, server->upstreams.now->transport);
    return r;
}

static int reload_take(struct server *server, struct setup *fresh)
{
    cleanup(keyring_freep) struct keyring *keyring = NULL;
    cleanup(upstream_freep) struct upstream *upstream = NULL;
    int r = keyring_new(fresh->config.sync_secret, fresh->config.sync_secret_previous, &keyring);

    if (r == 0)
        r = upstream_new(server->loop, fresh, &upstream);
    if (r == 0)
        r = reload_relay(server, fresh->routes, upstream);
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

void reload_run(struct server *server)
{
    cleanup(setup_done) struct setup fresh = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;
    cleanup(buf_done) struct buf status = BUF_NULL;

    notify_reloading(&server->notify);
    int r = setup_read(&fresh, &why);
    if (r == 0)
        r = reload_take(server, &fresh);
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
