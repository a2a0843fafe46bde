/* SPDX-License-Identifier: MIT */
/*
 * Where the SQLite file is, or is to be: what can be told of it before anything there changes, and
 * before SQLite opens it.
 */
#pragma once

#include <stdbool.h>

#include "outbox/store.h"

/* STORE_REFUSED, and *why has grown by `OUTBOX: path: text: cause`; or -ENOMEM. cause: may be NULL.
 */
int sqlite_place_refuse(const struct store_options *options, const char *text, const char *cause);

/* The same for what may pass by itself: STORE_BUSY. */
int sqlite_place_put_off(const struct store_options *options, const char *text, const char *cause);

/* The same by errno, where something at path could not be done: whose it is, where that is the
 * matter. */
int sqlite_place_failed(const struct store_options *options, const char *path, const char *text);

/* Whether this user lacks a right (of access()) to what is at path, and errno is EACCES or EROFS.
 */
bool sqlite_place_denies(const char *path, int how);

/* The three behind one another. The caller's. NULL: no memory, and errno says so. */
char *sqlite_place_name(const char *a, const char *b, const char *c);

/* The folder's real path and the file's name; the file need not be there. The caller's. NULL: errno
 * says why. */
char *sqlite_place_real_name(const char *path);

/* The same path's folder. The caller's; NULL: no memory. */
char *sqlite_place_folder(const char *path);

/*
 * *path becomes the real name of the file, which is there, or in STORE_SERVE can be made: links
 * lead to it, its folder is there, and nothing but an outbox is at it, as far as can be told. The
 * caller's. 0; STORE_REFUSED or STORE_BUSY and *why has grown by one line; or an -errno.
 */
int sqlite_place_find(const struct store_options *options, char **path);

/* Tells the log what may lose the file that is, or will be, at that real name. */
void sqlite_place_warn(const char *path);
