/* SPDX-License-Identifier: MIT */
/* Whether a pooler stands before a PostgreSQL server, and what it allows. */
#pragma once

#include <libpq-fe.h>

enum pg_check_pooler {
    PG_CHECK_POOLER_NONE,       /* the server itself answers */
    PG_CHECK_POOLER_FINE,       /* prepared statements work */
    PG_CHECK_POOLER_UNPREPARED, /* they do not, over transactions */
    PG_CHECK_POOLER_NARROW,     /* a second connection is not to be had */
    PG_CHECK_POOLER_STATEMENT,  /* there are no transactions */
};

/* Finds out by a second connection to the URI of conn. */
enum pg_check_pooler pg_check_pooler(PGconn *conn, const char *uri);
