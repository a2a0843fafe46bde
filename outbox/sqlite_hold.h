/* SPDX-License-Identifier: MIT */
/*
 * The hold of an open store on its files: locks, so that no other relay serves the same files; and
 * which files had the names, so that moved or exchanged ones are noticed.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum {
    HOLD_TAKEN = 1, /* another process has the lock */
};

/* Names that lead to the store's files. The first two may lead to the same one. */
enum sqlite_hold_place {
    HOLD_GIVEN,  /* OUTBOX as it was set, maybe through links */
    HOLD_FILE,   /* the real name */
    HOLD_WAL,    /* the WAL, -wal */
    HOLD_SHARED, /* the shared memory, -shm */
    HOLD_PLACES,
};

struct sqlite_hold {
    int name_fd; /* the locked lock file beside the file; -1: none */
    struct hold_place {
        char *name; /* from the root */
        int fd;     /* for the lock; must stay open while SQLite has the file open */
        bool lent;  /* fd belongs to another hold, which closes it */
        dev_t dev;
        ino_t ino; /* of what stood there; 0: not known */
    } places[HOLD_PLACES];
};

#define SQLITE_HOLD_NONE ((struct sqlite_hold){.name_fd = -1})

/* given: OUTBOX as it was set; path: the real name. 0 or an -errno. */
int sqlite_hold_init(struct sqlite_hold *hold, const char *given, const char *path);

/* Lets all locks go, and frees the names. SQLite must have closed the file. */
void sqlite_hold_done(struct sqlite_hold *hold);

/*
 * Locks the name: the right to serve whatever file has it, also while a damaged one is replaced.
 * The lock ends with the process. 0; HOLD_TAKEN; or -1, and errno says why.
 */
int sqlite_hold_lock_name(struct sqlite_hold *hold);

/* Locks the outbox's file, under whatever name, and whatever became of the lock file. To be called
 * before SQLite opens it. Outcomes of sqlite_hold_lock_name(). */
int sqlite_hold_lock_file(struct sqlite_hold *hold);

/* Whether a relay is just mending the file of that name. */
bool sqlite_hold_is_mended(const struct sqlite_hold *hold);

/* Locks all files for a relay that serves, once SQLite has them open. The same outcomes. */
int sqlite_hold_lock_all(struct sqlite_hold *hold);

/* Ends the locks of sqlite_hold_lock_all(), before SQLite closes and removes the files. */
void sqlite_hold_serve_no_more(struct sqlite_hold *hold);

/* Lets the files go, forgets what stood there, and keeps the lock of the name. SQLite must have
 * closed every file that is not lent. */
void sqlite_hold_drop_files(struct sqlite_hold *hold);

/* Makes *copy a hold on the same files, which the hold lends: when *copy drops the files, they stay
 * locked. Both holds share the names, so only one of the two may be given to
 * sqlite_hold_done(). */
void sqlite_hold_lend(const struct sqlite_hold *hold, struct sqlite_hold *copy);

/* Takes over the files that the copy has locked itself, and lets go of the hold's own in the same
 * places. SQLite must have closed the latter. */
void sqlite_hold_take_over(struct sqlite_hold *hold, const struct sqlite_hold *copy);

/* Notes which file stands at each place of which no file is known. SQLite must have them open. */
void sqlite_hold_remember(struct sqlite_hold *hold);

/* The first place where something else stands than was noted, or nothing; HOLD_PLACES: none. */
enum sqlite_hold_place sqlite_hold_moved(const struct sqlite_hold *hold);

/*
 * Whether a relay serves some of these files but not all: one was removed or exchanged under it.
 * The relay would overwrite what a second process changes. To be asked before SQLite opens the
 * file.
 */
bool sqlite_hold_is_torn(const struct sqlite_hold *hold);
