/* SPDX-License-Identifier: MIT */
/* Whose an SQLite file is, read from its header without SQLite, which would change what is there.
 */
#pragma once

/* The application_id of our files. */
enum {
    SQLITE_APPLICATION = 0x43767852,        /* "CvxR" */
    SQLITE_APPLICATION_BACKUP = 0x43767842, /* "CvxB": a copy that was not opened to serve yet */
};

enum sqlite_header_owner {
    HEADER_OF_OURS, /* or nobody's yet, or not there */
    HEADER_OF_ANOTHER_DATABASE,
    HEADER_OF_NO_DATABASE, /* and none of ours that is damaged: no relay has ever had it open */
    HEADER_OF_A_BACKUP_BESIDE_A_LOG, /* of the file that it replaces: SQLite would apply that */
    HEADER_OF_OURS_BESIDE_A_LOG,     /* of another one: this one was closed whole, and moved here */
};

/* Must be asked before SQLite opens the file: see the top of sqlite_hold.c. */
enum sqlite_header_owner sqlite_header_owner(const char *path);
