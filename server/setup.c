/* SPDX-License-Identifier: MIT */
/* Everything that is set from outside. */
#include "server/setup.h"

#include "auth/bundle.h"
#include "base/file.h"
#include "convex/url.h"

enum { SETUP_CA_BYTES_MAX = 16 * 1024 * 1024 };

static int setup_refuse(struct buf *why, const char *setting, const char *text)
{
    int r = buf_printf(why, "%s: %s", setting, text);

    return r ? r : SETUP_INVALID;
}

/* Convex reads its key as ASCII; curl would send anything. */
static bool setup_is_ascii(const char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~')
            return false;
    }
    return true;
}

/* curl finds out only when it connects, and then every event would wait. */
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

/* What the table of settings cannot know, since it belongs to other rooms. */
static int setup_check(struct setup *setup, struct buf *why)
{
    const struct config *config = &setup->config;
    const char *text;

    if (url_check(config->convex_url, &text))
        return setup_refuse(why, "CONVEX_URL", text);
    if (config->convex_deploy_key && !setup_is_ascii(config->convex_deploy_key))
        return setup_refuse(why, "CONVEX_DEPLOY_KEY",
                            "holds a character outside ASCII, which no deploy key does");
    return config->convex_ca_file ? setup_read_ca_file(config->convex_ca_file, &setup->ca, why) : 0;
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

void setup_done(struct setup *setup)
{
    config_done(&setup->config);
    buf_done(&setup->ca);
    setup->routes = routes_unref(setup->routes);
}
