/* SPDX-License-Identifier: MIT */
/* Salvage: reading what can be read of a damaged SQLite file. */
#pragma once

#include <stdint.h>

struct sqlite_saved {
    uint64_t rows;        /* saved */
    uint64_t rows_spoilt; /* lost: the file's counts tell of them */
};

/*
 * Copies the events of the file from, which stays as it is, into the empty file to. A body whose
 * event cannot be read becomes a dead letter. Lost rows count as discarded, as far as the counts
 * can be read. 0; STORE_FULL or STORE_BROKEN, if to cannot be written; or an -errno.
 */
int sqlite_salvage(const char *from, const char *to, struct sqlite_saved *saved);
