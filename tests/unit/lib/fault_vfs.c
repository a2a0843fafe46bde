/* SPDX-License-Identifier: MIT */
/* A file system under SQLite that fails on demand, and loses power. */
#include "tests/unit/lib/fault_vfs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512, PATH_BYTES = 256 };

/* What stood in a sector when its file was synced last. */
struct old_sector {
    int64_t at;
    char bytes[SECTOR];
};

/* What a file has not synced. The struct outlives the closing of the file, which syncs nothing. */
struct disk_file {
    struct disk_file *next;
    char path[PATH_BYTES];
    int64_t synced_bytes;
    struct old_sector *sectors;
    size_t len, cap;
};

struct fault_file {
    sqlite3_file base;
    struct disk_file *disk; /* NULL: a temporary one */
    sqlite3_file *real;     /* behind this struct */
};

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    struct disk_file *disk;
    enum fault_kind kind;
    unsigned calls;
    long nth;
    long count;
    bool struck;
} fault;

/* ---- The plan ---- */

void fault_vfs_plan(enum fault_kind kind, unsigned calls, long nth)
{
    fault.kind = kind;
    fault.calls = calls;
    fault.nth = nth;
    fault.count = 0;
    fault.struck = false;
}

long fault_vfs_calls(void)
{
    return fault.count;
}

bool fault_vfs_struck(void)
{
    return fault.struck;
}

static bool fault_is_once(void)
{
    return fault.kind == FAULT_EIO_ONCE || fault.kind == FAULT_FULL_ONCE ||
           fault.kind == FAULT_QUOTA_ONCE;
}

/* Whether the fault is a lack of room, which fails writes alone. */
static bool fault_is_full(void)
{
    return fault.kind == FAULT_FULL_ONCE || fault.kind == FAULT_FULL ||
           fault.kind == FAULT_QUOTA_ONCE || fault.kind == FAULT_QUOTA;
}

/* As unixWrite() and unixSync() in os_unix.c do it. */
static int fault_result(int eio)
{
    switch (fault.kind) {
    case FAULT_SKIP_SYNC:
        return SQLITE_OK;
    case FAULT_FULL_ONCE:
    case FAULT_FULL:
        errno = ENOSPC;
        return SQLITE_FULL;
    case FAULT_QUOTA_ONCE:
    case FAULT_QUOTA:
        errno = EDQUOT;
        return eio;
    default:
        errno = EIO;
        return eio;
    }
}

/* Counts a call. SQLITE_OK, or what it is to fail with. */
static int fault_call(enum fault_calls call, int eio)
{
    bool writes = call != FAULT_READS;

    if (fault.kind == FAULT_POWER && fault.struck)
        return eio; /* all calls, counted or not */
    if (fault.kind == FAULT_NONE || !(fault.calls & call)) {
        fault.count += (fault.calls & call) != 0;
        return SQLITE_OK;
    }
    fault.count++;
    if (fault.count < fault.nth || (fault_is_once() && fault.count > fault.nth) ||
        (fault_is_full() && !writes))
        return SQLITE_OK;
    fault.struck = true;
    return fault_result(eio);
}

/* ---- What was not synced ---- */

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

static struct disk_file *disk_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->disk;
}

static void disk_forget(struct disk_file *disk)
{
    disk->len = 0;
    disk->synced_bytes = 0;
}

static bool disk_knows(const struct disk_file *disk, int64_t at)
{
    for (size_t i = disk->len; i-- > 0;)
        if (disk->sectors[i].at == at)
            return true;
    return false;
}

/* Remembers what stands in the sectors that are about to change. */
static void disk_remember(sqlite3_file *file, int64_t from, int64_t to)
{
    struct disk_file *disk = disk_of(file);

    for (int64_t at = from / SECTOR * SECTOR; disk && at < to; at += SECTOR) {
        if (disk_knows(disk, at))
            continue;
        if (disk->len == disk->cap) {
            disk->cap = disk->cap ? 2 * disk->cap : 64;
            disk->sectors = realloc(disk->sectors, disk->cap * sizeof(*disk->sectors));
            assert(disk->sectors);
        }
        struct old_sector *old = &disk->sectors[disk->len++];
        old->at = at;
        /* What is behind the end of the file comes as zeros. */
        (void)real_of(file)->pMethods->xRead(real_of(file), old->bytes, SECTOR, at);
    }
}

static void disk_synced(sqlite3_file *file)
{
    struct disk_file *disk = disk_of(file);
    sqlite3_int64 bytes = 0;

    if (!disk)
        return;
    (void)real_of(file)->pMethods->xFileSize(real_of(file), &bytes);
    disk->len = 0;
    disk->synced_bytes = bytes;
}

static struct disk_file *disk_find(const char *path)
{
    struct disk_file *disk;

    for (disk = fault.disk; disk; disk = disk->next)
        if (strcmp(disk->path, path) == 0)
            return disk;
    disk = calloc(1, sizeof(*disk));
    assert(disk && strlen(path) < PATH_BYTES);
    (void)snprintf(disk->path, sizeof(disk->path), "%s", path);
    disk->next = fault.disk;
    fault.disk = disk;
    return disk;
}

static uint64_t disk_roll(uint64_t *dice)
{
    *dice = *dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *dice >> 33;
}

static void disk_restore(struct disk_file *disk, enum fault_loss loss, uint64_t *dice)
{
    int fd = open(disk->path, O_RDWR | O_CLOEXEC);
    size_t kept = disk->len ? disk_roll(dice) % (disk->len + 1) : 0;
    bool shrinks = loss == FAULT_LOSE_ALL || disk_roll(dice) % 2 == 0;

    for (size_t i = 0; fd >= 0 && i < disk->len; i++) {
        const struct old_sector *old = &disk->sectors[i];
        bool lost = loss == FAULT_LOSE_ALL || (loss == FAULT_LOSE_LATE && i >= kept) ||
                    (loss == FAULT_LOSE_SOME && disk_roll(dice) % 2 == 0);
        if (lost && pwrite(fd, old->bytes, SECTOR, old->at) != SECTOR)
            abort();
    }
    if (fd >= 0 && shrinks && lseek(fd, 0, SEEK_END) > disk->synced_bytes &&
        ftruncate(fd, disk->synced_bytes) != 0)
        abort();
    if (fd >= 0)
        (void)close(fd);
}

void fault_vfs_restore(enum fault_loss loss, uint64_t dice)
{
    for (struct disk_file *disk = fault.disk; disk; disk = disk->next) {
        disk_restore(disk, loss, &dice);
        disk->len = 0;
    }
    fault_vfs_plan(FAULT_NONE, 0, 0);
}

/* ---- Files ---- */

static int file_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
    int rc = fault_call(FAULT_READS, SQLITE_IOERR_READ);

    return rc ? rc : real_of(file)->pMethods->xRead(real_of(file), bytes, len, at);
}

static int file_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    int rc = fault_call(FAULT_WRITES, SQLITE_IOERR_WRITE);

    if (rc)
        return rc;
    disk_remember(file, at, at + len);
    return real_of(file)->pMethods->xWrite(real_of(file), bytes, len, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_int64 bytes = 0;
    int rc = fault_call(FAULT_WRITES, SQLITE_IOERR_TRUNCATE);

    if (rc)
        return rc;
    (void)real_of(file)->pMethods->xFileSize(real_of(file), &bytes);
    disk_remember(file, size, bytes);
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

/* Does not sync the real file: nothing is lost but what this file system takes back. */
static int file_sync(sqlite3_file *file, int flags)
{
    int rc = fault_call(FAULT_SYNCS, SQLITE_IOERR_FSYNC);

    (void)flags;
    if (!rc && !(fault.kind == FAULT_SKIP_SYNC && fault.struck))
        disk_synced(file);
    return rc;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int file_unlock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int file_check_lock(sqlite3_file *file, int *reserved)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), reserved);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return SECTOR;
}

static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return 0; /* no promise of whole sectors, of order, or of what lies beside a write */
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **at)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, at);
}

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int delete)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), delete);
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- The file system ---- */

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *out, int flags,
                    int *flags_out)
{
    struct fault_file *file = (struct fault_file *)out;

    (void)vfs;
    *file = (struct fault_file){.real = (sqlite3_file *)(file + 1)};
    int rc = fault_call(FAULT_OPENS, SQLITE_CANTOPEN);
    if (rc != SQLITE_OK)
        return rc;
    rc = fault.real->xOpen(fault.real, path, file->real, flags, flags_out);
    if (rc != SQLITE_OK)
        return rc;
    file->base.pMethods = &file_methods;
    if (path) {
        sqlite3_int64 bytes = 0;
        file->disk = disk_find(path);
        (void)file->real->pMethods->xFileSize(file->real, &bytes);
        if (file->disk->len == 0) /* nothing was written yet: the disk has what the file holds */
            file->disk->synced_bytes = bytes;
    }
    return SQLITE_OK;
}

/* Deletions are on the disk at once. */
static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    int rc = fault_call(FAULT_DELETES, SQLITE_IOERR_DELETE);

    (void)vfs;
    if (rc)
        return rc;
    disk_forget(disk_find(path));
    return fault.real->xDelete(fault.real, path, sync);
}

void fault_vfs_install(void)
{
    fault.real = sqlite3_vfs_find(NULL);
    fault.vfs = *fault.real;
    fault.vfs.zName = "fault";
    fault.vfs.szOsFile = (int)sizeof(struct fault_file) + fault.real->szOsFile;
    fault.vfs.xOpen = vfs_open;
    fault.vfs.xDelete = vfs_delete;
    fault_vfs_plan(FAULT_NONE, 0, 0);
    if (sqlite3_vfs_register(&fault.vfs, 1) != SQLITE_OK)
        abort();
}

void fault_vfs_remove(void)
{
    (void)sqlite3_vfs_unregister(&fault.vfs);
    (void)sqlite3_vfs_register(fault.real, 1);
    while (fault.disk) {
        struct disk_file *disk = fault.disk;
        fault.disk = disk->next;
        free(disk->sectors);
        free(disk);
    }
}
