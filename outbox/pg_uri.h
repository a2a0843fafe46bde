/* SPDX-License-Identifier: MIT */
/*
 * The URI of a PostgreSQL database, as OUTBOX gives it and libpq reads it: whether it is sound, and
 * what of it people may see. No text that leaves these functions holds a password.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

/*
 * Whether libpq reads the URI as its author meant it: a password with a character that wants
 * percent-encoding makes another host of its rest, which error texts would show. 0; STORE_REFUSED,
 * and *why has grown by one line that names OUTBOX and what to mend; or an -errno.
 */
int pg_uri_check(const char *uri, struct buf *why);

/* Appends where the URI leads: "postgresql://relay@db.example.com:5432/relay". Nothing but users,
 * hosts, ports and the database's name is shown. 0 or an -errno. */
int pg_uri_show(const char *uri, struct buf *out);

/* Appends a text of libpq or of the server as one line, with "***" for each password of the URI. 0
 * or an -errno. */
int pg_uri_redact(const char *uri, const char *text, struct buf *out);
