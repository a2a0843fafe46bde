/* SPDX-License-Identifier: MIT */
/* The SQLite store: struct store in one file. */
#pragma once

#include "outbox/store.h"

/*
 * Opens the store. 0; STORE_REFUSED, and *why has grown by one line that names OUTBOX, the path and
 * what to mend (read-only, made by a newer version, not a store at all, no such folder …);
 * STORE_BUSY, with such a line (in use by another relay, the disk is full …); or an -errno. In
 * STORE_SERVE a damaged file is set aside under a new name, its readable rows go into a new file,
 * and a log line says so.
 */
int store_sqlite_open(const struct store_options *options, struct store **store);

/*
 * Whether store_sqlite_open() would succeed, as far as can be told without changing anything, also
 * beside a running relay. The same outcomes.
 */
int store_sqlite_check(const struct store_options *options);
