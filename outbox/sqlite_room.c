/* SPDX-License-Identifier: MIT */
/*
 * Room for new events.
 *
 * In SQLite's WAL mode a deletion is written to the log first, too: on a disk that is quite full
 * nothing could be deleted, and nothing would ever become free again. So appends stop while there
 * is a reserve left, of the disk and of the quota, that only other changes use. The log has its
 * blocks claimed ahead, and is folded into the file when the first append is refused: from then on
 * all that deletions need is there, even if somebody else takes the rest of the disk.
 *
 * The quota is for appends alone. What is kept already may grow beyond it by the reasons of its
 * failures: to refuse those would keep it pending for ever.
 */
#include "outbox/sqlite_store.h"

#include <fcntl.h>
#include <sys/statvfs.h>

enum {
    RESERVE_BYTES_MAX = 8 << 20,
    RESERVE_DISK_PART = 4,  /* of a tiny disk, the reserve is a quarter */
    RESERVE_QUOTA_PART = 8, /* of the quota, an eighth */
    LOG_RESERVE_PART = 4,   /* of the reserve, the log takes a quarter before it is folded in, */
    LOG_CLAIM_PART = 2,     /* and has room for as much again, for the transaction behind that */
    PAGE_BYTES = 4096,
};

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int sqlite_room_init(struct sqlite_store *self)
{
    struct statvfs disk;
    int64_t disk_bytes = INT64_MAX;

    if (statvfs(self->path, &disk) == 0)
        disk_bytes = (int64_t)disk.f_blocks * (int64_t)disk.f_frsize;
    self->reserve_bytes = min64(RESERVE_BYTES_MAX, disk_bytes / RESERVE_DISK_PART);

    int64_t log_pages = self->reserve_bytes / LOG_RESERVE_PART / PAGE_BYTES + 1;
    int64_t log_bytes_max = self->reserve_bytes / LOG_CLAIM_PART;
    char sql[160];
    (void)sqlite3_snprintf(sizeof(sql), sql,
                           "PRAGMA wal_autocheckpoint = %lld; PRAGMA journal_size_limit = %lld",
                           (long long)log_pages, (long long)log_bytes_max);
    return sqlite3_exec(self->db, sql, NULL, NULL, NULL);
}

void sqlite_room_claim(const struct sqlite_store *self)
{
    cleanup(buf_done) struct buf name = BUF_NULL;

    if (buf_printf(&name, "%s-wal", self->path) || !buf_string(&name))
        return;
    /* Closing it drops no lock: SQLite locks the file and its -shm, never the log. */
    cleanup(closep) int fd = open(name.at, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, self->reserve_bytes / LOG_CLAIM_PART);
}

/*
 * What an append may take of the disk. Its bytes go into the log, and later into pages of the file,
 * free ones first: both must fit beside the reserve. Without any disk left, free pages can be had
 * as far as the log has its room already.
 */
static int64_t sqlite_room_of_disk(const struct sqlite_store *self, int64_t free_bytes)
{
    struct statvfs disk;

    if (self->reserve_bytes == 0 || statvfs(self->path, &disk) != 0)
        return INT64_MAX;
    int64_t left = (int64_t)(disk.f_bavail * disk.f_frsize) - self->reserve_bytes;
    int64_t in_log = min64(free_bytes, self->reserve_bytes / LOG_RESERVE_PART / 2);
    int64_t on_disk = min64(left, (left + free_bytes) / 2);
    return left > 0 && on_disk > in_log ? on_disk : in_log;
}

/* What appends may still take of the quota and of the disk. */
static int sqlite_room_measure(struct sqlite_store *self, int64_t *room)
{
    int64_t pages, free_pages;
    int rc = sqlite_store_number(self, STMT_PAGES, &pages);

    if (rc == SQLITE_OK)
        rc = sqlite_store_number(self, STMT_FREE_PAGES, &free_pages);
    if (rc != SQLITE_OK)
        return rc;
    *room = sqlite_room_of_disk(self, free_pages * PAGE_BYTES);
    if (self->max_bytes > 0)
        *room = min64(*room, self->max_bytes - self->max_bytes / RESERVE_QUOTA_PART -
                                 (pages - free_pages) * PAGE_BYTES);
    return SQLITE_OK;
}

int sqlite_room_take(struct sqlite_store *self, int64_t bytes)
{
    if (!self->room_known) {
        int rc = sqlite_room_measure(self, &self->room_bytes);
        if (rc != SQLITE_OK)
            return sqlite_store_spoil(self, rc);
        self->room_known = true;
    }
    if (self->room_bytes < bytes) {
        self->wanted_bytes = bytes;
        self->fold = self->health != STORE_FULL;
        return sqlite_store_outcome(self, SQLITE_FULL);
    }
    /* Small events may still fit where a large one did not: that alone is no news. */
    if (self->health == STORE_FULL && self->room_bytes >= 2 * self->wanted_bytes)
        sqlite_store_well(self);
    self->room_bytes -= bytes;
    return 0;
}
