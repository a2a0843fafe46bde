/* SPDX-License-Identifier: MIT */
/* Reading what can be read of a damaged SQLite file. */
#pragma once

#include <stdint.h>

struct sqlite_saved {
    uint64_t rows;
    uint64_t rows_spoilt; /* which were there, and could not be read */
};

/*
 * Copies the events of the file from, which stays as it is, into the empty file to. A body whose
 * event cannot be read becomes a dead letter; of what is lost, as far as there are counts, each row
 * is discarded. 0; STORE_FULL or STORE_BROKEN: to cannot be written; or an -errno.
 */
int sqlite_salvage(const char *from, const char *to, struct sqlite_saved *saved);
