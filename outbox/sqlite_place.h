/* SPDX-License-Identifier: MIT */
/*
 * The place of the SQLite file: what can be told of it before anything there changes, and before
 * SQLite opens the file.
 */
#pragma once

#include <stdbool.h>

#include "outbox/store.h"

/* STORE_REFUSED, and *why has grown by `OUTBOX: path: text: cause`; or -ENOMEM. cause: may be
 * NULL. */
int sqlite_place_refuse(const struct store_options *options, const char *text, const char *cause);

/* The same with STORE_BUSY: what is in the way may pass by itself. */
int sqlite_place_put_off(const struct store_options *options, const char *text, const char *cause);

/* The same by errno, where something could not be done at path. If rights are missing, the line
 * says who has them. */
int sqlite_place_failed(const struct store_options *options, const char *path, const char *text);

/* Whether this user lacks a right to the file at path (how: as of access()); errno is EACCES or
 * EROFS then. */
bool sqlite_place_denies(const char *path, int how);

/* a, b and c in one string, which is the caller's. NULL: no memory, and errno is ENOMEM. */
char *sqlite_place_name(const char *a, const char *b, const char *c);

/* The real path of the file's folder with the file's name, which is the caller's; the file need not
 * exist. NULL: errno says why. */
char *sqlite_place_real_name(const char *path);

/* The folder of path, which is the caller's. NULL: no memory. */
char *sqlite_place_folder(const char *path);

/*
 * Finds the file: *path becomes the real name, a string that is the caller's. The file exists, or
 * can be made in STORE_SERVE; the file system will do, this user has the rights, and no other
 * program made the file. 0; STORE_REFUSED or STORE_BUSY, and *why has grown by one line; or an
 * -errno.
 */
int sqlite_place_find(const struct store_options *options, char **path);

/* Logs what may lose the file with that real name: its file system, or a second name. */
void sqlite_place_warn(const char *path);
