/* SPDX-License-Identifier: MIT */
/* The store in an SQLite file. */
#pragma once

#include "outbox/store.h"

/*
 * 0; STORE_REFUSED and *why has grown by one line that names OUTBOX, the path and what to mend
 * (read-only, made by a newer version, not a store at all, no such folder …); STORE_BUSY and the
 * same (in use by another relay, the disk is full …); or an -errno. In STORE_SERVE a damaged file
 * is set aside under a new name, what can be read of it is saved, and a log line says so.
 */
int store_sqlite_open(const struct store_options *options, struct store **store);

/*
 * Whether store_sqlite_open() would find what it needs, as far as can be told without changing
 * anything, a relay running or not. 0, or as that.
 */
int store_sqlite_check(const struct store_options *options);
