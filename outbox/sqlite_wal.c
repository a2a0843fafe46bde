/* SPDX-License-Identifier: MIT */
/*
 * The WAL beside the SQLite file. Its blocks are claimed ahead, and the WAL is folded into the file
 * as soon as any change finds no room: sqlite_room.c says why.
 */
#include "outbox/sqlite_wal.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "base/log.h"

enum {
    RESERVE_BYTES_MAX = 8 << 20,
    RESERVE_DISK_PART = 4, /* the reserve is at most a quarter of the disk */
    WAL_CLAIM_PART =
        2, /* half of the reserve: what is folded in, and one transaction behind that */
    FRAME_BYTES = SQLITE_PAGE_BYTES + 24, /* https://sqlite.org/fileformat2.html, 4.1 */
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t wal_max_bytes(const struct sqlite_core *self)
{
    return self->reserve.bytes / WAL_CLAIM_PART;
}

int64_t sqlite_wal_pinned_bytes(const struct sqlite_core *self)
{
    int64_t bytes = self->pinned_frames * FRAME_BYTES - wal_max_bytes(self);

    return bytes > 0 ? bytes : 0;
}

/* Logs a reader that pins more than a part of the quota. A backup that takes a moment is no
 * news. */
static void wal_tell_pinned(struct sqlite_core *self)
{
    bool pinned = sqlite_wal_pinned_bytes(self) > self->max_bytes / SQLITE_QUOTA_PART;

    if (pinned && !self->told_pinned)
        log_warn(
            "a program reads the outbox for long: its -wal grows meanwhile, and counts towards "
            "OUTBOX_MAX_MB; end that program",
            "path", self->path, "bytes", log_number(self->pinned_frames * FRAME_BYTES));
    else if (self->told_pinned && self->pinned_frames == 0)
        log_info("nobody keeps the outbox's -wal from shrinking any more", "path", self->path);
    self->told_pinned = self->pinned_frames > 0 && (pinned || self->told_pinned);
}

static int wal_checkpoint(struct sqlite_core *self)
{
    int frames = -1, folded = -1;
    int rc = sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &folded);

    if (rc == SQLITE_OK && frames >= 0)
        self->pinned_frames = folded < frames ? frames : 0;
    return rc;
}

void sqlite_wal_fold(struct sqlite_core *self)
{
    int rc = wal_checkpoint(self);

    if (sqlite_reserve_result_is_full(rc) && self->reserve.held_bytes > 0) {
        sqlite_reserve_give_up(&self->reserve);
        (void)wal_checkpoint(self);
    }
    self->fold = false;
    wal_tell_pinned(self);
}

/* After each commit, instead of SQLite's own checkpoint, which reports no failure. */
static int wal_committed(void *ctx, sqlite3 *db, const char *name, int frames)
{
    struct sqlite_core *self = ctx;

    (void)db;
    (void)name;
    if (self->pinned_frames > 0 ||
        frames * (int64_t)SQLITE_PAGE_BYTES > self->reserve.bytes / SQLITE_WAL_RESERVE_PART)
        sqlite_wal_fold(self);
    return SQLITE_OK;
}

static int64_t wal_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur > INT64_MAX)
        return INT64_MAX;
    return (int64_t)limit.rlim_cur;
}

void sqlite_wal_watch(struct sqlite_core *self)
{
    (void)sqlite3_wal_hook(self->db, wal_committed, self);
}

int sqlite_wal_init(struct sqlite_core *self)
{
    struct statvfs disk;
    int64_t file_bytes = wal_file_limit();
    int64_t disk_bytes = file_bytes;
    char sql[80];

    if (file_bytes < INT64_MAX && (self->max_bytes == 0 || self->max_bytes > file_bytes))
        self->max_bytes = file_bytes;
    if (statvfs(self->path, &disk) == 0)
        disk_bytes = smaller(disk_bytes, (int64_t)disk.f_blocks * (int64_t)disk.f_frsize);
    self->reserve.bytes = smaller(RESERVE_BYTES_MAX, disk_bytes / RESERVE_DISK_PART);
    sqlite_wal_watch(self);
    (void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA journal_size_limit = %lld",
                           (long long)wal_max_bytes(self));
    return sqlite3_exec(self->db, sql, NULL, NULL, NULL);
}

void sqlite_wal_claim(const struct sqlite_core *self)
{
    cleanup(buf_done) struct buf name = BUF_NULL;

    if (buf_printf(&name, "%s-wal", self->path) || !buf_string(&name))
        return;
    /* SQLite locks the file and its -shm, never the WAL: closing this descriptor drops no lock. */
    cleanup(closep) int fd = open(name.at, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, wal_max_bytes(self));
}
