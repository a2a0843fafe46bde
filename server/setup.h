/* SPDX-License-Identifier: MIT */
/* All that is set from outside, read and checked: the settings, and the files named there. */
#pragma once

#include "base/config.h"
#include "handlers/routes.h"
#include "outbox/store.h"

enum { SETUP_INVALID = 1 };

struct setup {
    struct config config;
    struct buf ca;         /* the content of CONVEX_CA_FILE; empty: none */
    struct routes *routes; /* from ROUTES, or the two that are built in */
};

/*
 * 0; SETUP_INVALID, and *why has grown by one line that names the setting and says what to mend; or
 * an -errno. *setup is untouched on failure.
 */
int setup_read(struct setup *setup, struct buf *why);

/* Whether PORT and ADMIN_PORT can both be listened on. May ask the resolver. 0; SETUP_INVALID, and
 * *why as above; or an -errno. */
int setup_check_ports(const struct config *config, struct buf *why);

/* The options of a store that serves. */
struct store_options setup_store_options(const struct config *config, struct buf *why);

/* Wipes the secrets and frees the rest. Takes a struct that is all zero. */
void setup_done(struct setup *setup);
