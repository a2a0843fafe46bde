/* SPDX-License-Identifier: MIT */
/* The reserve of blocks; sqlite_room.c says what the blocks are for. */
#include "outbox/sqlite_reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"

enum { RESERVE_BYTES_MIN = 128 << 10 };

bool sqlite_reserve_errno_is_full(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* SQLite reports ENOSPC at a write as SQLITE_FULL, and all else as an I/O error. Source: os_unix.c,
 * unixWrite() and unixSync(). errno is what the failed call has left; sqlite3_system_errno() would
 * not do, since SQLite 3.40 does not set it for a COMMIT. */
bool sqlite_reserve_result_is_full(int rc)
{
    switch (rc) {
    case SQLITE_IOERR_WRITE:
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
    case SQLITE_IOERR_TRUNCATE:
    case SQLITE_IOERR_SHMOPEN:
    case SQLITE_IOERR_SHMSIZE:
        return sqlite_reserve_errno_is_full(errno);
    default:
        return (rc & 0xff) == SQLITE_FULL;
    }
}

void sqlite_reserve_done(struct sqlite_reserve *reserve)
{
    closep(&reserve->fd);
    reserve->fd = -1;
    reserve->held_bytes = 0;
}

bool sqlite_reserve_hold(struct sqlite_reserve *reserve, int64_t bytes)
{
    bool more = bytes > reserve->held_bytes;

    if (more && fallocate(reserve->fd, 0, 0, bytes) == 0) {
        reserve->held_bytes = bytes;
        return true;
    }
    bool unable = more && !sqlite_reserve_errno_is_full(errno);
    if (!more)
        reserve->held_bytes = bytes;
    (void)!ftruncate(reserve->fd, reserve->held_bytes); /* fallocate() may have got a part */
    if (unable)
        sqlite_reserve_done(reserve);
    return !more;
}

/* Halves least_bytes until the disk gives that many: a quota may be smaller than the disk. */
void sqlite_reserve_take(struct sqlite_reserve *reserve, const char *path)
{
    cleanup(freep) char *copy = strdup(path);

    reserve->fd =
        copy ? open(dirname(copy), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR) : -1;
    reserve->least_bytes = reserve->bytes;
    while (reserve->fd >= 0 && !sqlite_reserve_hold(reserve, reserve->least_bytes) &&
           reserve->least_bytes / 2 >= RESERVE_BYTES_MIN)
        reserve->least_bytes /= 2;
}

void sqlite_reserve_give_up(struct sqlite_reserve *reserve)
{
    if (reserve->held_bytes > 0)
        (void)sqlite_reserve_hold(reserve, 0);
}
