/* SPDX-License-Identifier: MIT */
/* Reading what can be read of a damaged SQLite file. */
#pragma once

#include <stdint.h>

/*
 * Copies the events of the file from, which stays as it is, into the empty file to. A body whose
 * event cannot be read becomes a dead letter. 0 and *saved is how many there are; STORE_FULL or
 * STORE_BROKEN: to cannot be written; or an -errno.
 */
int sqlite_salvage(const char *from, const char *to, uint64_t *saved);
