/* SPDX-License-Identifier: MIT */
/*
 * The hold of an open store on its files.
 *
 * A lock file beside the outbox stands for its name. The lock file can be removed, and another name
 * may lead to the same outbox, so the files themselves are locked as well: by open file description
 * locks, on bytes that SQLite does not use (https://sqlite.org/src/file/src/os_unix.c: around
 * 0x40000000 in the file, from 120 on in -shm). Other processes can ask for such a lock without
 * taking it.
 *
 * POSIX takes SQLite's own locks from a process that closes any descriptor of the file. So the
 * hold's descriptors stay open until SQLite has closed the file.
 *
 * SQLite goes on writing to a file that was removed or moved, where no start would find it. So what
 * stands at the names is compared with what stood there when SQLite opened the files. The kernel
 * gives no inode number twice while a file is open.
 */
#include "outbox/sqlite_hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "outbox/sqlite_place.h"

/* The bytes that are locked, far behind the end of every file. */
#define HOLD_BYTE_OWNER (INT64_C(1) << 62)     /* locked from before SQLite opens the file */
#define HOLD_BYTE_SERVES (HOLD_BYTE_OWNER + 1) /* locked once SQLite has all files open */

enum { HOLD_CHECK_AGAIN_MS = 100 };

/* ---- Names ---- */

/* The name from the root. Links in the name stay, since they may lead elsewhere later. */
static char *hold_absolute(const char *given)
{
    cleanup(freep) char *folder = *given == '/' ? strdup("") : getcwd(NULL, 0);
    cleanup(freep) char *begin =
        folder ? sqlite_place_name(folder, *given == '/' ? "" : "/", "") : NULL;

    return begin ? sqlite_place_name(begin, given, "") : NULL;
}

int sqlite_hold_init(struct sqlite_hold *hold, const char *given, const char *path)
{
    *hold = SQLITE_HOLD_NONE;
    for (size_t i = 0; i < HOLD_PLACES; i++)
        hold->places[i].fd = -1;
    hold->places[HOLD_GIVEN].name = hold_absolute(given);
    hold->places[HOLD_FILE].name = strdup(path);
    hold->places[HOLD_WAL].name = sqlite_place_name(path, "-wal", "");
    hold->places[HOLD_SHARED].name = sqlite_place_name(path, "-shm", "");
    for (size_t i = 0; i < HOLD_PLACES; i++)
        if (!hold->places[i].name)
            return error_origin(-ENOMEM);
    return 0;
}

void sqlite_hold_drop_files(struct sqlite_hold *hold)
{
    for (size_t i = 0; i < HOLD_PLACES; i++)
        if (hold->places[i].name) {
            if (!hold->places[i].lent)
                closep(&hold->places[i].fd);
            hold->places[i].fd = -1;
            hold->places[i].lent = false;
            hold->places[i].ino = 0;
        }
}

void sqlite_hold_lend(const struct sqlite_hold *hold, struct sqlite_hold *copy)
{
    *copy = *hold;
    for (size_t i = 0; i < HOLD_PLACES; i++)
        copy->places[i].lent = true;
}

void sqlite_hold_take_over(struct sqlite_hold *hold, const struct sqlite_hold *copy)
{
    for (size_t i = 0; i < HOLD_PLACES; i++)
        if (!copy->places[i].lent) {
            closep(&hold->places[i].fd);
            hold->places[i] = copy->places[i];
        }
}

void sqlite_hold_done(struct sqlite_hold *hold)
{
    sqlite_hold_drop_files(hold);
    for (size_t i = 0; i < HOLD_PLACES; i++)
        free(hold->places[i].name);
    closep(&hold->name_fd);
}

/* ---- Locks ---- */

static int hold_outcome(int failed)
{
    if (!failed)
        return 0;
    return errno == EWOULDBLOCK || errno == EACCES ? HOLD_TAKEN : -1;
}

int sqlite_hold_lock_name(struct sqlite_hold *hold)
{
    cleanup(freep) char *name = sqlite_place_name(hold->places[HOLD_FILE].name, ".lock", "");

    if (!name)
        return -1;
    hold->name_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return hold->name_fd < 0 ? -1 : hold_outcome(flock(hold->name_fd, LOCK_EX | LOCK_NB));
}

static struct flock hold_byte(int64_t at)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
}

static int hold_lock(struct hold_place *place, int64_t at)
{
    struct flock byte = hold_byte(at);

    if (place->fd < 0) {
        place->fd = open(place->name, O_RDWR | O_CLOEXEC);
        place->lent = false;
    }
    return place->fd < 0 ? -1 : hold_outcome(fcntl(place->fd, F_OFD_SETLK, &byte));
}

int sqlite_hold_lock_file(struct sqlite_hold *hold)
{
    return hold_lock(&hold->places[HOLD_FILE], HOLD_BYTE_OWNER);
}

/* The file is locked last: a process that finds the file served finds the others locked. */
int sqlite_hold_lock_all(struct sqlite_hold *hold)
{
    int r = hold_lock(&hold->places[HOLD_WAL], HOLD_BYTE_SERVES);

    if (!r)
        r = hold_lock(&hold->places[HOLD_SHARED], HOLD_BYTE_SERVES);
    return r ? r : hold_lock(&hold->places[HOLD_FILE], HOLD_BYTE_SERVES);
}

void sqlite_hold_serve_no_more(struct sqlite_hold *hold)
{
    struct flock byte = hold_byte(HOLD_BYTE_SERVES);

    byte.l_type = F_UNLCK;
    for (size_t i = 0; i < HOLD_PLACES; i++)
        if (hold->places[i].name && hold->places[i].fd >= 0)
            (void)fcntl(hold->places[i].fd, F_OFD_SETLK, &byte);
}

static bool hold_is_served(const struct hold_place *place)
{
    struct flock byte = hold_byte(HOLD_BYTE_SERVES);
    cleanup(closep) int fd = open(place->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    return fd >= 0 && fcntl(fd, F_OFD_GETLK, &byte) == 0 && byte.l_type != F_UNLCK;
}

bool sqlite_hold_is_mended(const struct sqlite_hold *hold)
{
    cleanup(freep) char *name = sqlite_place_name(hold->places[HOLD_FILE].name, ".mending", "");
    const struct hold_place place = {.name = name, .fd = -1};

    return name && hold_is_served(&place);
}

static bool hold_seems_torn(const struct sqlite_hold *hold)
{
    bool file = hold_is_served(&hold->places[HOLD_FILE]);

    return hold_is_served(&hold->places[HOLD_WAL]) != file ||
           hold_is_served(&hold->places[HOLD_SHARED]) != file;
}

/* Looks twice: at a relay's start and end, too, the files seem torn for a moment. */
bool sqlite_hold_is_torn(const struct sqlite_hold *hold)
{
    const struct timespec moment = {.tv_nsec = HOLD_CHECK_AGAIN_MS * 1000000L};

    if (!hold_seems_torn(hold))
        return false;
    (void)nanosleep(&moment, NULL);
    return hold_seems_torn(hold);
}

/* ---- Whether the files are where they were ---- */

/* Offsets in the head of the shared memory and sizes in the WAL. Source:
 * https://sqlite.org/walformat.html, 2.1.1, and https://sqlite.org/fileformat2.html, 4.1. */
enum {
    INDEX_PAGE_BYTES = 14, /* 16 bits; 1: 65536 */
    INDEX_FRAMES = 16,     /* 32 bits */
    INDEX_BYTES = 20,
    WAL_HEADER_BYTES = 32,
    FRAME_HEADER_BYTES = 24,
};

/* Whether the WAL is shorter than the shared memory says. The numbers there have the machine's byte
 * order. Other processes write to both files meanwhile: a WAL grows before the shared memory tells
 * of that, and is cut off after. So hold_is_cut() looks twice. */
static bool hold_seems_cut(const struct sqlite_hold *hold)
{
    uint8_t index[INDEX_BYTES];
    uint16_t page_bytes;
    uint32_t frames;
    struct stat wal;

    if (pread(hold->places[HOLD_SHARED].fd, index, sizeof(index), 0) != sizeof(index) ||
        fstat(hold->places[HOLD_WAL].fd, &wal) != 0)
        return false;
    memcpy(&page_bytes, index + INDEX_PAGE_BYTES, sizeof(page_bytes));
    memcpy(&frames, index + INDEX_FRAMES, sizeof(frames));
    off_t frame_bytes = FRAME_HEADER_BYTES + (page_bytes == 1 ? 65536 : page_bytes);
    return frames > 0 && wal.st_size < WAL_HEADER_BYTES + (off_t)frames * frame_bytes;
}

static bool hold_is_cut(const struct sqlite_hold *hold)
{
    return hold->places[HOLD_SHARED].fd >= 0 && hold_seems_cut(hold) && hold_seems_cut(hold);
}

void sqlite_hold_remember(struct sqlite_hold *hold)
{
    for (size_t i = 0; i < HOLD_PLACES; i++) {
        struct stat st = {0};
        if (hold->places[i].ino != 0)
            continue;
        (void)stat(hold->places[i].name, &st);
        hold->places[i].dev = st.st_dev;
        hold->places[i].ino = st.st_ino;
    }
}

/* Whether what was noted at a place was removed, moved, exchanged, or emptied; only the WAL may
 * become empty by itself. */
static bool hold_is_moved(const struct sqlite_hold *hold, enum sqlite_hold_place which)
{
    const struct hold_place *place = &hold->places[which];
    struct stat st;

    if (place->ino == 0)
        return false;
    if (stat(place->name, &st) != 0 || st.st_dev != place->dev || st.st_ino != place->ino)
        return true;
    return which == HOLD_WAL ? hold_is_cut(hold) : st.st_size == 0;
}

enum sqlite_hold_place sqlite_hold_moved(const struct sqlite_hold *hold)
{
    enum sqlite_hold_place place = HOLD_GIVEN;

    while (place < HOLD_PLACES && !hold_is_moved(hold, place))
        place++;
    return place;
}
