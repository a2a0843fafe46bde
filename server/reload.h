/* SPDX-License-Identifier: MIT */
/* What SIGHUP does to a serving relay. */
#pragma once

struct server;

/*
 * Reads and checks all settings again, then takes the secrets, the deploy key, the certificates and
 * the routes: all of them or none. A failure is logged and the old configuration stays.
 */
void reload_run(struct server *server);
