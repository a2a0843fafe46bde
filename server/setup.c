/* SPDX-License-Identifier: MIT */
/* Everything that is set from outside. */
#include "server/setup.h"

#include <errno.h>

#include "convex/url.h"

static int setup_refuse(struct buf *why, const char *setting, const char *text)
{
    int r = buf_printf(why, "%s: %s", setting, text);

    return r ? r : SETUP_INVALID;
}

/* What the table of settings cannot know, since it belongs to other rooms. */
static int setup_check(const struct config *config, struct buf *why)
{
    const char *text;

    if (url_check(config->convex_url, &text))
        return setup_refuse(why, "CONVEX_URL", text);
    if (config->convex_ca_file && access(config->convex_ca_file, R_OK) < 0) {
        int r = buf_printf(why, "CONVEX_CA_FILE: cannot read \"%s\": %s", config->convex_ca_file,
                           strerror(errno));
        return r ? r : SETUP_INVALID;
    }
    return 0;
}

int setup_read(struct setup *out, struct buf *why)
{
    cleanup(setup_done) struct setup setup = {0};
    int r = config_read(getenv, &setup.config, why);

    if (r == 0)
        r = setup_check(&setup.config, why);
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
    setup->routes = routes_unref(setup->routes);
}
