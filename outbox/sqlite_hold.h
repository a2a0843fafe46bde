/* SPDX-License-Identifier: MIT */
/*
 * What a store holds on to while it is open: that its files are nobody else's to serve, and that
 * they still are where a start would look for them.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum {
    HOLD_TAKEN = 1, /* somebody else has the lock */
};

/* Places that lead to the store's files. Two of them may be the same. */
enum sqlite_hold_place {
    HOLD_GIVEN, /* the name that was set, which may lead through links */
    HOLD_FILE,
    HOLD_LOG,    /* -wal */
    HOLD_SHARED, /* -shm */
    HOLD_PLACES,
};

struct sqlite_hold {
    int name_fd; /* of the lock file beside the file */
    struct hold_place {
        char *name; /* from the root */
        int fd;     /* with a lock; not to be closed while SQLite has the file open */
        bool lent;  /* by a hold that closes it */
        dev_t dev;
        ino_t ino; /* of what was there; 0: nothing was */
    } places[HOLD_PLACES];
};

#define SQLITE_HOLD_NONE ((struct sqlite_hold){.name_fd = -1})

/* given: as it was set; path: the real one. 0 or an -errno. */
int sqlite_hold_init(struct sqlite_hold *hold, const char *given, const char *path);

/* Lets go of everything. SQLite must have closed the file. */
void sqlite_hold_done(struct sqlite_hold *hold);

/*
 * The right to serve the file of that name, also while a damaged one is replaced. It goes with the
 * process, however it ends. 0, HOLD_TAKEN, or -1 and errno says why.
 */
int sqlite_hold_lock_name(struct sqlite_hold *hold);

/* The right to serve this very file, whatever it is called and whatever became of the lock file.
 * Before SQLite opens it. As sqlite_hold_lock_name(). */
int sqlite_hold_lock_file(struct sqlite_hold *hold);

/* Whether a relay that serves is replacing the file of that name by what it can save of it. */
bool sqlite_hold_is_mended(const struct sqlite_hold *hold);

/* Once SQLite has all files open: they are the ones of a relay that serves. The same. */
int sqlite_hold_lock_all(struct sqlite_hold *hold);

/* The files are still open, and no longer a serving relay's: before SQLite closes, and removes,
 * them.
 */
void sqlite_hold_serve_no_more(struct sqlite_hold *hold);

/* Lets the files go, and what stood there, and keeps the name. SQLite must have closed them, but
 * for those that are lent. */
void sqlite_hold_drop_files(struct sqlite_hold *hold);

/* *copy has the same files locked, and can let them go alone. Both have the names: one of them is
 * to be forgotten. */
void sqlite_hold_lend(const struct sqlite_hold *hold, struct sqlite_hold *copy);

/* Takes what the copy has, in the place of what was lent and let go. SQLite must have closed that.
 */
void sqlite_hold_take_over(struct sqlite_hold *hold, const struct sqlite_hold *copy);

/* What stands at each place that nothing is known of is what SQLite has open. */
void sqlite_hold_remember(struct sqlite_hold *hold);

/* The first place at which something else stands now, or nothing; HOLD_PLACES: none. */
enum sqlite_hold_place sqlite_hold_moved(const struct sqlite_hold *hold);

/*
 * Whether a relay serves with one of these files and without another, which was removed or
 * exchanged under it: what a second process would change, the relay would overwrite. Must be asked
 * before SQLite opens the file.
 */
bool sqlite_hold_is_torn(const struct sqlite_hold *hold);
