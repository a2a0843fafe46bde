/* SPDX-License-Identifier: MIT */
/* All that is set from outside: the settings, and the files named there. */
#include "server/setup.h"

#include <netdb.h>

#include "auth/bundle.h"
#include "base/file.h"
#include "convex/url.h"
#include "server/listener.h"

enum { SETUP_CA_BYTES_MAX = 16 * 1024 * 1024 };

static int setup_refuse(struct buf *why, const char *setting, const char *text)
{
    int r = buf_printf(why, "%s: %s", setting, text);

    return r ? r : SETUP_INVALID;
}

/* Convex reads its key as ASCII; libcurl would send any bytes. */
static bool setup_is_ascii(const char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~')
            return false;
    }
    return true;
}

/* Checks the certificates now: libcurl would find an error only when it connects, and then every
 * event would wait. */
static int setup_read_ca_file(const char *path, struct buf *ca, struct buf *why)
{
    cleanup(buf_done) struct buf fault = BUF_NULL;
    int r = file_read(path, SETUP_CA_BYTES_MAX, ca, &fault);
    int count;

    if (r < 0)
        return r;
    if (r > 0)
        return setup_refuse(why, "CONVEX_CA_FILE", buf_string(&fault));
    r = bundle_count(buf_span(ca), &count);
    if (r == 0)
        return 0;
    r = buf_printf(why, "CONVEX_CA_FILE: \"%s\" %s", path,
                   r == BUNDLE_EMPTY ? "holds no certificate in PEM form"
                                     : "cannot be read: a certificate in it is broken or cut off");
    return r ? r : SETUP_INVALID;
}

/* Refuses what is neither an address nor a name, such as a URL or host:port. */
static int setup_check_host(const char *name, const char *host, struct buf *why)
{
    if (listener_is_host(host))
        return 0;
    return setup_refuse(why, name,
                        "neither an IP address nor a host's name; it stands alone, without a "
                        "scheme, a port or brackets");
}

/* Checks what the table of settings cannot know, since it concerns other rooms. */
static int setup_check(struct setup *setup, struct buf *why)
{
    const struct config *config = &setup->config;
    const char *text;

    if (url_check(config->convex_url, &text))
        return setup_refuse(why, "CONVEX_URL", text);
    if (config->convex_deploy_key && !setup_is_ascii(config->convex_deploy_key))
        return setup_refuse(why, "CONVEX_DEPLOY_KEY",
                            "holds a character outside ASCII, which no deploy key does");
    int r = setup_check_host("HOST", config->host, why);
    if (r == 0)
        r = setup_check_host("ADMIN_HOST", config->admin_host, why);
    if (r == 0 && config->convex_ca_file)
        r = setup_read_ca_file(config->convex_ca_file, &setup->ca, why);
    return r;
}

int setup_check_ports(const struct config *config, struct buf *why)
{
    if (config->port == 0 || config->port != config->admin_port ||
        !listener_overlap(getaddrinfo, config->host, config->admin_host))
        return 0;
    int r =
        buf_printf(why, "PORT, ADMIN_PORT: both are %d; two sockets need two ports", config->port);
    return r ? r : SETUP_INVALID;
}

int setup_read(struct setup *out, struct buf *why)
{
    cleanup(setup_done) struct setup setup = {0};
    int r = config_read(getenv, &setup.config, why);

    if (r == 0)
        r = setup_check(&setup, why);
    if (r == 0)
        r = routes_load(setup.config.routes_file, &setup.routes, why);
    if (r)
        return r < 0 ? r : SETUP_INVALID;
    *out = setup;
    setup = (struct setup){0};
    return 0;
}

struct store_options setup_store_options(const struct config *config, struct buf *why)
{
    return (struct store_options){
        .path = config->outbox,
        .mode = STORE_SERVE,
        .max_bytes = config->outbox_max_bytes,
        .why = why,
        .schema = config->outbox_schema,
        .name = config->relay_name,
        .convex_url = config->convex_url,
        .lease_ms = config->lease_ms,
        .timeout_ms = config->convex_timeout_ms,
    };
}

void setup_done(struct setup *setup)
{
    config_done(&setup->config);
    buf_done(&setup->ca);
    setup->routes = routes_unref(setup->routes);
}
