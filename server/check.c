/* SPDX-License-Identifier: MIT */
/* `convex-relay check`: checks what a start needs, in the order in which a start would use it. */
#include "server/check.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/complain.h"
#include "cli/exit_code.h"
#include "convex/probe.h"
#include "outbox/store_sqlite.h"
#include "relay_version.h"
#include "server/listener.h"
#include "server/setup.h"

static int check_outbox(const struct config *config, struct buf *why)
{
    const struct store_options options = {.path = config->outbox, .mode = STORE_SERVE, .why = why};

    return config->outbox ? store_sqlite_check(&options) : 0;
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

static int check_convex(const struct config *config, struct buf *why)
{
    const struct transport_options options = {
        .convex_url = config->convex_url,
        .deploy_key = config->convex_deploy_key,
        .ca_file = config->convex_ca_file,
        .timeout_ms = config->convex_timeout_ms,
        .version = RELAY_VERSION,
    };

    (void)signal(SIGPIPE, SIG_IGN); /* TLS writes to what Convex may have closed */
    return probe_run(&options, why);
}

int check_run(struct setup *setup)
{
    const struct config *config = &setup->config;
    cleanup(buf_done) struct buf why = BUF_NULL;

    config_warn(getenv, config);
    int r = setup_check_ports(config, &why);
    if (!r)
        r = check_outbox(config, &why);
    if (!r)
        r = check_hosts(config, &why);
    if (!r)
        r = check_convex(config, &why);
    if (r) {
        complain("%s", r > 0 ? buf_string(&why) : strerror(-r));
        return EXIT_FAILED;
    }
    (void)printf("The configuration is valid, and Convex answers at %s%s\n", config->convex_url,
                 config->convex_deploy_key ? " and takes the deploy key" : "");
    if (fflush(stdout) == 0)
        return EXIT_FINE;
    complain("cannot write: %s", strerror(errno));
    return EXIT_FAILED;
}
