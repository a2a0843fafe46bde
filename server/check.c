/* SPDX-License-Identifier: MIT */
/* `convex-relay check`: checks what a start needs, in the order in which a start would use it. */
#include "server/check.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/complain.h"
#include "base/json.h"
#include "cli/exit_code.h"
#include "convex/probe.h"
#include "outbox/store_open.h"
#include "relay/clock_check.h"
#include "relay_version.h"
#include "server/listener.h"
#include "server/setup.h"

/* ctx: a bool that an unsafe database sets. */
static void check_say_of_store(void *ctx, enum pg_check_finding kind, const char *line)
{
    bool *unsafe = ctx;

    if (kind == PG_CHECK_NOTE)
        (void)printf("%s\n", line);
    else
        complain("%s", line);
    if (kind == PG_CHECK_UNSAFE)
        *unsafe = true;
}

/* The line of an unsafe database is on stderr already. */
static int check_outbox(const struct config *config, bool *unsafe, struct buf *why)
{
    const struct store_options options = setup_store_options(config, why);

    return config->outbox ? store_open_check(&options, check_say_of_store, unsafe) : 0;
}

static int check_host(const char *name, const char *host, struct buf *why)
{
    cleanup(buf_done) struct buf text = BUF_NULL;
    int r = listener_check(getaddrinfo, host, &text);

    if (r <= 0)
        return r;
    r = buf_printf(why, "%s: %s", name, buf_string(&text));
    return r ? r : LISTENER_FAILED;
}

static int check_hosts(const struct config *config, struct buf *why)
{
    int r = check_host("HOST", config->host, why);

    if (!r && config->admin_port != CONFIG_OFF)
        r = check_host("ADMIN_HOST", config->admin_host, why);
    return r;
}

static int check_convex(const struct config *config, struct probe_date *date, struct buf *why)
{
    const struct transport_options options = {
        .convex_url = config->convex_url,
        .deploy_key = config->convex_deploy_key,
        .ca_file = config->convex_ca_file,
        .timeout_ms = config->convex_timeout_ms,
        .version = RELAY_VERSION,
    };

    (void)signal(SIGPIPE, SIG_IGN); /* TLS writes to what Convex may have closed */
    return probe_run(&options, date, why);
}

static void check_warn_of_clock(const struct probe_date *date)
{
    struct clock_check check;

    if (date->date_ms < 0)
        return;
    clock_check_init(&check);
    clock_check_date(&check, date->date_ms, date->began_ms, date->ended_ms,
                     clock_wall_ms(&clock_system) -
                         (clock_mono_ms(&clock_system) - date->ended_ms));
    if (check.off)
        complain(
            "the clock is %lld s %s Convex's: routes with sequence are held while that is over "
            "5 minutes; let NTP set this machine's clock",
            llabs((long long)check.max_ms) / 1000, check.max_ms > 0 ? "ahead of" : "behind");
}

/* A line for each route that has more than its mutation. 0 or -ENOMEM. */
static int check_say_routes(const struct routes *routes)
{
    cleanup(buf_done) struct buf text = BUF_NULL;
    int r = 0;

    for (size_t i = 0; r == 0 && i < routes_count(routes); i++) {
        const struct route *route = routes_at(routes, i);
        if (!route->batch.mutation && !route->sequence)
            continue;
        r = buf_append_span(&text, SPAN("Route "));
        if (r == 0)
            r = json_quote(span_of(route->model), &text);
        if (r == 0 && route->batch.mutation)
            r = buf_printf(&text, ": batches of up to %d go to %s as %s", route->batch.max,
                           route->batch.mutation, route->batch.argument);
        if (r == 0 && route->sequence)
            r = buf_printf(&text, "%s each event has its number as %s",
                           route->batch.mutation ? ";" : ":", route->sequence);
        if (r == 0)
            r = buf_append_char(&text, '\n');
    }
    if (r == 0 && text.len > 0)
        (void)fwrite(text.at, 1, text.len, stdout);
    return r;
}

int check_run(struct setup *setup)
{
    const struct config *config = &setup->config;
    struct probe_date date = {.date_ms = -1};
    cleanup(buf_done) struct buf why = BUF_NULL;
    bool unsafe = false;

    config_warn(getenv, config);
    int r = setup_check_ports(config, &why);
    if (!r)
        r = check_outbox(config, &unsafe, &why);
    if (!r)
        r = check_hosts(config, &why);
    if (!r)
        r = check_convex(config, &date, &why);
    if (r) {
        complain("%s", r > 0 ? buf_string(&why) : strerror(-r));
        return EXIT_FAILED;
    }
    if (unsafe)
        return EXIT_FAILED;
    (void)printf("The configuration is valid, and Convex answers at %s%s\n", config->convex_url,
                 config->convex_deploy_key ? " and takes the deploy key" : "");
    if (check_say_routes(setup->routes)) {
        complain("%s", strerror(ENOMEM));
        return EXIT_FAILED;
    }
    check_warn_of_clock(&date);
    if (fflush(stdout) == 0)
        return EXIT_FINE;
    complain("cannot write: %s", strerror(errno));
    return EXIT_FAILED;
}
