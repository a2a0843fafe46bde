/* SPDX-License-Identifier: MIT */
/* The header of an SQLite file: whose file it is. Read without SQLite, which would change files. */
#pragma once

/* The application_id of the outbox's files. */
enum {
    SQLITE_APPLICATION = 0x43767852,        /* "CvxR" */
    SQLITE_APPLICATION_BACKUP = 0x43767842, /* "CvxB": a backup that no relay has served yet */
};

enum sqlite_header_owner {
    HEADER_OF_OURS,             /* an outbox, maybe damaged; or an empty file, or none */
    HEADER_OF_ANOTHER_DATABASE, /* an SQLite file of another program */
    HEADER_OF_NO_DATABASE, /* no SQLite file, and no damaged outbox: no relay ever had it open */
    HEADER_OF_A_BACKUP_BESIDE_A_WAL, /* the WAL is of the file that the backup replaces */
    HEADER_OF_OURS_BESIDE_A_WAL,     /* the outbox was closed whole; the WAL is another file's */
};

/* Whose the file at path is. To be asked before SQLite opens the file: sqlite_hold.c says why. */
enum sqlite_header_owner sqlite_header_owner(const char *path);
