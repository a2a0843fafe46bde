/* SPDX-License-Identifier: MIT */
/*
 * Room for new events.
 *
 * In SQLite's WAL mode a deletion is written to the log first, too: on a disk that is quite full
 * nothing could be deleted, and nothing would ever become free again. So there is a reserve that
 * only other changes use. The log has its blocks claimed ahead. Blocks for what is folded from it
 * into the file are held by a file without a name, since of a user's quota no measure tells. They
 * are given up when anything finds no room, and the log is folded in at once: from then on all that
 * deletions need is there, even if somebody else takes the rest of the disk. Appends come back when
 * the blocks could be had again. Where a file system cannot hold blocks, its free ones are counted.
 *
 * The quota is for appends alone. What is kept already may grow beyond it by the reasons of its
 * failures: to refuse those would keep it pending for ever. A limit for the size of files is a
 * quota, too. So is what a reader pins: while it reads an old state, nothing that came later can
 * leave the log.
 */
#include "outbox/sqlite_store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/log.h"

enum {
    RESERVE_BYTES_MAX = 8 << 20,
    RESERVE_BYTES_MIN = 128 << 10,
    RESERVE_DISK_PART = 4,  /* of a tiny disk, the reserve is a quarter */
    RESERVE_QUOTA_PART = 8, /* of the quota, an eighth */
    LOG_RESERVE_PART = 4,   /* of the reserve, the log takes a quarter before it is folded in, */
    LOG_CLAIM_PART = 2,     /* and has room for as much again, for the transaction behind that */
    PAGE_BYTES = 4096,
    FRAME_BYTES = PAGE_BYTES + 24, /* of the log: https://sqlite.org/fileformat2.html, 4.1 */
};

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- What says that there is no room ---- */

bool sqlite_room_is_short(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* SQLite says SQLITE_FULL of ENOSPC at a write, and calls all else an I/O error (os_unix.c,
 * unixWrite() and unixSync()). errno is as the call that failed has left it: of those at a COMMIT
 * SQLite 3.40 does not tell sqlite3_system_errno(). */
bool sqlite_room_is_out(int rc)
{
    switch (rc) {
    case SQLITE_IOERR_WRITE:
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
    case SQLITE_IOERR_TRUNCATE:
    case SQLITE_IOERR_SHMOPEN:
    case SQLITE_IOERR_SHMSIZE:
        return sqlite_room_is_short(errno);
    default:
        return (rc & 0xff) == SQLITE_FULL;
    }
}

/* ---- The log ---- */

static int64_t sqlite_room_log_max(const struct sqlite_store *self)
{
    return self->reserve_bytes / LOG_CLAIM_PART;
}

int64_t sqlite_room_pinned_bytes(const struct sqlite_store *self)
{
    int64_t bytes = self->log_frames * FRAME_BYTES - sqlite_room_log_max(self);

    return bytes > 0 ? bytes : 0;
}

/* A backup may take a moment: a part of the quota is no news. */
static void sqlite_room_tell_pinned(struct sqlite_store *self)
{
    bool pinned = sqlite_room_pinned_bytes(self) > self->max_bytes / RESERVE_QUOTA_PART;

    if (pinned && !self->told_pinned)
        log_warn(
            "a program reads the outbox for long: its -wal grows meanwhile, and counts towards "
            "OUTBOX_MAX_MB",
            "path", self->path, "bytes", log_number(self->log_frames * FRAME_BYTES));
    else if (self->told_pinned && self->log_frames == 0)
        log_info("nobody keeps the outbox's -wal from being folded in any more", "path",
                 self->path);
    self->told_pinned = self->log_frames > 0 && (pinned || self->told_pinned);
}

static int sqlite_room_checkpoint(struct sqlite_store *self)
{
    int frames = -1, folded = -1;
    int rc = sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &folded);

    if (rc == SQLITE_OK && frames >= 0)
        self->log_frames = folded < frames ? frames : 0;
    return rc;
}

void sqlite_room_fold(struct sqlite_store *self)
{
    int rc = sqlite_room_checkpoint(self);

    if (sqlite_room_is_out(rc) && self->held_bytes > 0) {
        sqlite_room_give_up(self);
        (void)sqlite_room_checkpoint(self);
    }
    self->fold = false;
    sqlite_room_tell_pinned(self);
}

/* In the place of SQLite's own, which tells of no failure. */
static int sqlite_room_committed(void *ctx, sqlite3 *db, const char *name, int frames)
{
    struct sqlite_store *self = ctx;

    (void)db;
    (void)name;
    if (self->log_frames > 0 ||
        frames * (int64_t)PAGE_BYTES > self->reserve_bytes / LOG_RESERVE_PART)
        sqlite_room_fold(self);
    return SQLITE_OK;
}

static int64_t sqlite_room_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur > INT64_MAX)
        return INT64_MAX;
    return (int64_t)limit.rlim_cur;
}

void sqlite_room_watch(struct sqlite_store *self)
{
    (void)sqlite3_wal_hook(self->db, sqlite_room_committed, self);
}

int sqlite_room_init(struct sqlite_store *self)
{
    struct statvfs disk;
    int64_t file_bytes = sqlite_room_file_limit();
    int64_t disk_bytes = file_bytes;
    char sql[80];

    if (file_bytes < INT64_MAX && (self->max_bytes == 0 || self->max_bytes > file_bytes))
        self->max_bytes = file_bytes;
    if (statvfs(self->path, &disk) == 0)
        disk_bytes = min64(disk_bytes, (int64_t)disk.f_blocks * (int64_t)disk.f_frsize);
    self->reserve_bytes = min64(RESERVE_BYTES_MAX, disk_bytes / RESERVE_DISK_PART);
    sqlite_room_watch(self);
    (void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA journal_size_limit = %lld",
                           (long long)sqlite_room_log_max(self));
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
        (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, sqlite_room_log_max(self));
}

/* ---- The reserve ---- */

/* Holds so many bytes, more or less than before. False: that many cannot be had. */
static bool sqlite_room_hold(struct sqlite_store *self, int64_t bytes)
{
    bool more = bytes > self->held_bytes;

    if (more && fallocate(self->reserve_fd, 0, 0, bytes) == 0) {
        self->held_bytes = bytes;
        return true;
    }
    bool unable = more && !sqlite_room_is_short(errno);
    if (!more)
        self->held_bytes = bytes;
    (void)!ftruncate(self->reserve_fd, self->held_bytes); /* it may have got a part */
    if (unable)
        sqlite_room_done(self);
    return !more;
}

/* A quota may be smaller than the disk. */
void sqlite_room_reserve(struct sqlite_store *self)
{
    cleanup(freep) char *copy = strdup(self->path);

    self->reserve_fd =
        copy ? open(dirname(copy), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR) : -1;
    self->hold_bytes = self->reserve_bytes;
    while (self->reserve_fd >= 0 && !sqlite_room_hold(self, self->hold_bytes) &&
           self->hold_bytes / 2 >= RESERVE_BYTES_MIN)
        self->hold_bytes /= 2;
}

void sqlite_room_give_up(struct sqlite_store *self)
{
    if (self->held_bytes > 0)
        (void)sqlite_room_hold(self, 0);
    self->fold = true;
}

void sqlite_room_done(struct sqlite_store *self)
{
    closep(&self->reserve_fd);
    self->held_bytes = 0;
}

/* What the reserve must hold to be of use: what is in the log may have to go into new pages. */
static int64_t sqlite_room_needed(const struct sqlite_store *self)
{
    int64_t bytes = self->hold_bytes / 2 + self->unfolded_bytes + self->taken_bytes;

    return bytes > self->hold_bytes ? bytes : self->hold_bytes;
}

/* Also where it was given up: what there is room for then needs no new pages. */
static bool sqlite_room_holds_enough(struct sqlite_store *self)
{
    int64_t bytes = sqlite_room_needed(self);

    return self->held_bytes == 0 || self->held_bytes >= bytes || sqlite_room_hold(self, bytes);
}

/* ---- Appends ---- */

/* The disk's free bytes beside the reserve. What was given up must be had back first. */
static int64_t sqlite_room_left(struct sqlite_store *self)
{
    struct statvfs disk;
    bool holds = self->reserve_fd >= 0;

    if (self->reserve_bytes == 0)
        return INT64_MAX;
    if (self->held_bytes > 0 && !sqlite_room_hold(self, sqlite_room_needed(self)))
        return 0;
    if (statvfs(self->path, &disk) != 0)
        return INT64_MAX;
    int64_t left = (int64_t)(disk.f_bavail * disk.f_frsize);
    if (self->held_bytes > 0)
        return left;
    left -= self->reserve_bytes;
    return !holds || (left > 0 && sqlite_room_hold(self, sqlite_room_needed(self))) ? left : 0;
}

/*
 * What an append may take of the disk. Its bytes go into the log, and later into pages of the file,
 * free ones first: both must fit beside the reserve. Without any disk left, free pages can be had
 * as far as the log has its room already.
 */
static int64_t sqlite_room_of_disk(struct sqlite_store *self, int64_t free_bytes)
{
    int64_t left = sqlite_room_left(self);

    if (left == INT64_MAX)
        return left;
    int64_t in_log = min64(free_bytes, self->reserve_bytes / LOG_RESERVE_PART / 2);
    int64_t on_disk = min64(left, (left + free_bytes) / 2);
    return left > 0 && on_disk > in_log ? on_disk : in_log;
}

/* What appends may still take of the quota and of the disk. */
static int sqlite_room_measure(struct sqlite_store *self, int64_t *room)
{
    int64_t pages, free_pages;
    struct stat st;
    int rc = sqlite_store_number(self, STMT_PAGES, &pages);

    if (rc == SQLITE_OK)
        rc = sqlite_store_number(self, STMT_FREE_PAGES, &free_pages);
    if (rc != SQLITE_OK)
        return rc;
    self->taken_bytes = 0;
    self->unfolded_bytes = stat(self->path, &st) == 0 && pages * PAGE_BYTES > st.st_size
                               ? pages * PAGE_BYTES - st.st_size
                               : 0;
    *room = sqlite_room_of_disk(self, free_pages * PAGE_BYTES);
    if (self->max_bytes > 0)
        *room =
            min64(*room, self->max_bytes - self->max_bytes / RESERVE_QUOTA_PART -
                             (pages - free_pages) * PAGE_BYTES - sqlite_room_pinned_bytes(self));
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
    self->taken_bytes += bytes;
    if (self->room_bytes < bytes || !sqlite_room_holds_enough(self)) {
        self->taken_bytes -= bytes;
        self->wanted_bytes = bytes;
        self->fold |= self->health != STORE_FULL || self->log_frames > 0;
        return sqlite_store_full(self);
    }
    /* Small events may still fit where a large one did not: that alone is no news. */
    if (self->room_bytes >= 2 * self->wanted_bytes)
        self->roomy = true;
    self->room_bytes -= bytes;
    return 0;
}
