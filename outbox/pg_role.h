/* SPDX-License-Identifier: MIT */
/* The settings of this store's role. */
#pragma once

#include "outbox/pg_core.h"

/*
 * Gives the role what its sessions in this database begin with: the settings of pg_session.h.
 * Nothing for a role that others use, too; a log line says so where a pooler keeps the store from
 * setting its own session. 0; or a failure that has to do with something else.
 */
int pg_role_set(struct pg_core *self);
