/* SPDX-License-Identifier: MIT */
/* The outbox's files: the SQLite file and those beside it. path is the real name of the file. */
#pragma once

#include <stdbool.h>

enum { SQLITE_FILES = 4 };

/* The suffixes of their names; the SQLite file comes first, and has none. */
extern const char *const sqlite_files_suffixes[SQLITE_FILES];

/* Whether there is a file whose name is path, middle and suffix. */
bool sqlite_files_exists(const char *path, const char *middle, const char *suffix);

/* Whether the outbox at path uses name for a file of its own. Both begin with the real path of the
 * folder. */
bool sqlite_files_has_use_for(const char *path, const char *name);

/*
 * Gives each of the outbox's files that everybody has some right to the mode 0600, and logs that. A
 * file that came from elsewhere, such as a copy that was put back, may have any mode, and its WAL
 * and shared memory get the same mode. A mode with rights for the group alone stays: somebody has
 * chosen it. 0, also where a mode cannot be changed; or -ENOMEM.
 */
int sqlite_files_modes(const char *path);

/* Makes new and renamed files of the folder survive a power cut. 0 or an -errno. */
int sqlite_files_sync_folder(const char *path);

/* Suspects the outbox of damage: the next start, or a relay that serves, checks the whole file,
 * however large. Another file beside it says so. */
void sqlite_files_suspect(const char *path);
bool sqlite_files_suspected(const char *path);

/* The outbox is sound: it is not suspected any more. */
void sqlite_files_trust(const char *path);
