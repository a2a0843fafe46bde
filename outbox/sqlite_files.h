/* SPDX-License-Identifier: MIT */
/* The files that stand beside an SQLite file, and what the outbox does with them all. */
#pragma once

#include <stdbool.h>

enum { SQLITE_FILES = 4 };

/* What is behind the file's name in theirs; the file itself first. */
extern const char *const sqlite_files_suffixes[SQLITE_FILES];

/* Whether there is a file of path, middle and suffix. */
bool sqlite_files_exists(const char *path, const char *middle, const char *suffix);

/* Whether name, with its folder's real path as path has it, is that of a file of the outbox's own.
 */
bool sqlite_files_has_use_for(const char *path, const char *name);

/*
 * Takes a file, and what belongs to it, away from everybody. One that came from elsewhere, such as
 * a copy that was put back, may have any mode, which its log and shared memory take from it. What
 * only its group may do, somebody has chosen. 0, also where it cannot be done, or -ENOMEM.
 */
int sqlite_files_modes(const char *path);

/* Makes what was made or renamed in the file's folder survive a power cut. 0 or an -errno. */
int sqlite_files_sync_folder(const char *path);

/* The file that asks the next start for a thorough look, however large the store is. */
void sqlite_files_suspect(const char *path);
bool sqlite_files_suspected(const char *path);
void sqlite_files_trust(const char *path);
