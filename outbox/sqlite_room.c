/* SPDX-License-Identifier: MIT */
/*
 * Room for new events.
 *
 * In SQLite's WAL mode even a deletion is first written to the WAL. On a disk that is quite full,
 * nothing could be deleted, and nothing would ever become free. So there is a reserve, which
 * appends may not use:
 *
 *   The WAL has its blocks claimed ahead.
 *   Blocks for folding the WAL into the file are held by a file without a name, since no measure
 *   tells of a user's quota. When any change finds no room, the blocks are given up, and the WAL is
 *   folded in at once. From then on deletions have all that they need, even if other programs take
 *   the rest of the disk. Appends work again once the reserve has its blocks back.
 *   Where a file system cannot hold blocks, its free blocks are counted instead.
 *
 * The quota is for appends alone. Reasons may make stored events grow beyond the quota: to refuse a
 * reason would keep its event pending for ever. A limit for the size of files counts as a quota. So
 * does what a reader pins: while a program reads an old state, nothing newer can leave the WAL.
 */
#include "outbox/sqlite_room.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "outbox/sqlite_wal.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- The reserve ---- */

/* What the reserve must hold: everything in the WAL may have to go into new pages of the file. */
static int64_t sqlite_room_needed(const struct sqlite_core *self)
{
    int64_t bytes = self->reserve.least_bytes / 2 + self->unfolded_bytes + self->taken_bytes;

    return bytes > self->reserve.least_bytes ? bytes : self->reserve.least_bytes;
}

/* Whether the reserve holds what is needed, or can. True also where no blocks are held: the room
 * was measured without any then. */
static bool sqlite_room_holds_enough(struct sqlite_core *self)
{
    int64_t bytes = sqlite_room_needed(self);

    return self->reserve.held_bytes == 0 || self->reserve.held_bytes >= bytes ||
           sqlite_reserve_hold(&self->reserve, bytes);
}

/* ---- Appends ---- */

/* The disk's free bytes beside the reserve; 0 while a reserve that was given up cannot be had
 * back. */
static int64_t sqlite_room_left(struct sqlite_core *self)
{
    struct statvfs disk;
    bool holds = self->reserve.fd >= 0;

    if (self->reserve.bytes == 0)
        return INT64_MAX;
    if (self->reserve.held_bytes > 0 &&
        !sqlite_reserve_hold(&self->reserve, sqlite_room_needed(self)))
        return 0;
    if (statvfs(self->path, &disk) != 0)
        return INT64_MAX;
    int64_t left = (int64_t)(disk.f_bavail * disk.f_frsize);
    if (self->reserve.held_bytes > 0)
        return left;
    left -= self->reserve.bytes;
    return !holds || (left > 0 && sqlite_reserve_hold(&self->reserve, sqlite_room_needed(self)))
               ? left
               : 0;
}

/*
 * How many bytes appends may take of the disk. The bytes go into the WAL, and later into pages of
 * the file, free ones first: both must fit beside the reserve. On a full disk, free pages can be
 * used as far as the WAL has its blocks already.
 */
static int64_t sqlite_room_of_disk(struct sqlite_core *self, int64_t free_bytes)
{
    int64_t left = sqlite_room_left(self);

    if (left == INT64_MAX)
        return left;
    int64_t in_wal = smaller(free_bytes, self->reserve.bytes / SQLITE_WAL_RESERVE_PART / 2);
    int64_t on_disk = smaller(left, (left + free_bytes) / 2);
    return left > 0 && on_disk > in_wal ? on_disk : in_wal;
}

/* Measures what appends may still take of the quota and of the disk. An SQLite result. */
static int sqlite_room_measure(struct sqlite_core *self, int64_t *room)
{
    int64_t pages, free_pages;
    struct stat st;
    int rc = sqlite_core_number(self, STMT_PAGES, &pages);

    if (rc == SQLITE_OK)
        rc = sqlite_core_number(self, STMT_FREE_PAGES, &free_pages);
    if (rc != SQLITE_OK)
        return rc;
    self->taken_bytes = 0;
    self->unfolded_bytes = stat(self->path, &st) == 0 && pages * SQLITE_PAGE_BYTES > st.st_size
                               ? pages * SQLITE_PAGE_BYTES - st.st_size
                               : 0;
    *room = sqlite_room_of_disk(self, free_pages * SQLITE_PAGE_BYTES);
    if (self->max_bytes > 0)
        *room = smaller(*room, self->max_bytes - self->max_bytes / SQLITE_QUOTA_PART -
                                   (pages - free_pages) * SQLITE_PAGE_BYTES -
                                   sqlite_wal_pinned_bytes(self));
    return SQLITE_OK;
}

int sqlite_room_take(struct sqlite_core *self, int64_t bytes)
{
    if (!self->room_known) {
        int rc = sqlite_room_measure(self, &self->room_bytes);
        if (rc != SQLITE_OK)
            return sqlite_core_spoil(self, rc);
        self->room_known = true;
    }
    self->taken_bytes += bytes;
    if (self->room_bytes < bytes || !sqlite_room_holds_enough(self)) {
        self->taken_bytes -= bytes;
        self->wanted_bytes = bytes;
        self->fold |= self->health != STORE_FULL || self->pinned_frames > 0;
        return sqlite_core_note_full(self);
    }
    /* A small event may fit where a large one did not: that alone does not end STORE_FULL. */
    if (self->room_bytes >= 2 * self->wanted_bytes)
        self->roomy = true;
    self->room_bytes -= bytes;
    return 0;
}
