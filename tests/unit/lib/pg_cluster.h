/* SPDX-License-Identifier: MIT */
/*
 * A PostgreSQL for a test program: the cluster that CONVEX_RELAY_TEST_PG names by its superuser's
 * URI, or else one of its own, which ends with the program. The program gets a database of its own
 * in it, and a role that owns that.
 */
#pragma once

#include <libpq-fe.h>

/* The URI of the role, in the program's database. */
const char *pg_cluster_uri(void);

/* The same for the superuser. */
const char *pg_cluster_super_uri(void);

/* Runs SQL as the superuser in the program's database. Returns the first value of its last result,
 * until the next call; "": there is none. */
const char *pg_cluster_sql(const char *sql);
