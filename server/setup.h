/* SPDX-License-Identifier: MIT */
/* Everything that is set from outside, read and checked as a whole: settings, files they name. */
#pragma once

#include "base/config.h"
#include "handlers/routes.h"

enum { SETUP_INVALID = 1 };

struct setup {
    struct config config;
    struct buf ca; /* what CONVEX_CA_FILE holds; empty: none */
    struct routes *routes;
};

/*
 * 0; SETUP_INVALID and *why has grown by one line that names the setting and says what to mend; or
 * an -errno. *setup is untouched on failure.
 */
int setup_read(struct setup *setup, struct buf *why);

/* Whether PORT and ADMIN_PORT can both be listened on, which the resolver may have to say: 0;
 * SETUP_INVALID and *why as above; or an -errno. */
int setup_check_ports(const struct config *config, struct buf *why);
void setup_done(struct setup *setup);
