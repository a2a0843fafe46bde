/* SPDX-License-Identifier: MIT */
/*
 * The header of an SQLite file.
 *
 * A file that OUTBOX names by mistake must stay as it is: mode, neighbours, and the WAL, which
 * SQLite would fold in. So the header is read here. Source: the tables of
 * https://sqlite.org/fileformat2.html, 1.3 and 4.1.
 */
#include "outbox/sqlite_header.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"

enum {
    HEADER_BYTES = 100,
    HEADER_WRITE_VERSION = 18,
    HEADER_COOKIE = 40, /* the number of schema changes */
    HEADER_USER_VERSION = 60,
    HEADER_APPLICATION = 68,

    WAL_HEADER_BYTES = 32,
    WAL_PAGE_BYTES = 8,
    WAL_SALT = 16,
    FRAME_HEADER_BYTES = 24,
    FRAME_SALT = 8,
    SALT_BYTES = 8,

    WAL_FRAMES_MAX = 1 << 16,
};

static const char header_magic[16] = "SQLite format 3";

struct header {
    uint8_t at[HEADER_BYTES];
    ssize_t len; /* how many bytes could be read; -1: none */
};

static uint32_t header_number(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static char *header_name(const char *path, const char *suffix)
{
    char *name;

    return asprintf(&name, "%s%s", path, suffix) < 0 ? NULL : name;
}

static int header_open(const char *path, const char *suffix)
{
    cleanup(freep) char *name = header_name(path, suffix);

    return name ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
}

static bool header_beside_has_content(const char *path, const char *suffix)
{
    cleanup(freep) char *name = header_name(path, suffix);
    struct stat st;

    return name && stat(name, &st) == 0 && st.st_size > 0;
}

static bool header_beside_exists(const char *path, const char *suffix)
{
    cleanup(freep) char *name = header_name(path, suffix);

    return name && access(name, F_OK) == 0;
}

static bool header_is_sqlite(const struct header *header)
{
    return header->len == HEADER_BYTES &&
           memcmp(header->at, header_magic, sizeof(header_magic)) == 0;
}

/* Reads the header from the WAL, if the WAL has the file's first page: the last frame that has the
 * WAL's own salt counts. Without such a frame *header stays. */
static void header_read_wal(const char *path, struct header *header)
{
    uint8_t wal[WAL_HEADER_BYTES], frame[FRAME_HEADER_BYTES];
    cleanup(closep) int fd = header_open(path, "-wal");
    off_t at = WAL_HEADER_BYTES;

    if (fd < 0 || pread(fd, wal, sizeof(wal), 0) != sizeof(wal))
        return;
    for (int i = 0; i < WAL_FRAMES_MAX; i++) {
        struct header page;
        if (pread(fd, frame, sizeof(frame), at) != sizeof(frame) ||
            memcmp(frame + FRAME_SALT, wal + WAL_SALT, SALT_BYTES) != 0)
            return;
        at += FRAME_HEADER_BYTES;
        if (header_number(frame) == 1) {
            page.len = pread(fd, page.at, HEADER_BYTES, at);
            if (header_is_sqlite(&page))
                *header = page;
        }
        at += (off_t)header_number(wal + WAL_PAGE_BYTES);
    }
}

static bool header_is_ours(const struct header *header)
{
    uint32_t application = header_number(header->at + HEADER_APPLICATION);

    return application == SQLITE_APPLICATION || application == SQLITE_APPLICATION_BACKUP;
}

/* Whether no program has ever put anything into the file. */
static bool header_is_blank(const struct header *header)
{
    return header_number(header->at + HEADER_APPLICATION) == 0 &&
           header_number(header->at + HEADER_USER_VERSION) == 0 &&
           header_number(header->at + HEADER_COOKIE) == 0;
}

/* Backups and closed outboxes are not in WAL mode. A WAL beside one of them is another file's, and
 * SQLite would apply that WAL. */
static bool header_has_foreign_wal(const char *path, const struct header *header)
{
    return header_is_ours(header) && header->at[HEADER_WRITE_VERSION] == 1 &&
           header_beside_has_content(path, "-wal");
}

static enum sqlite_header_owner header_read_owner(const char *path)
{
    struct header header = {0};
    cleanup(closep) int fd = header_open(path, "");

    if (fd >= 0)
        header.len = pread(fd, header.at, HEADER_BYTES, 0);
    if (header.len <= 0)
        return HEADER_OF_OURS;
    if (!header_is_sqlite(&header))
        return header_beside_exists(path, ".lock") || header_beside_exists(path, "-wal")
                   ? HEADER_OF_OURS
                   : HEADER_OF_NO_DATABASE;
    if (header_has_foreign_wal(path, &header))
        return header_number(header.at + HEADER_APPLICATION) == SQLITE_APPLICATION_BACKUP
                   ? HEADER_OF_A_BACKUP_BESIDE_A_WAL
                   : HEADER_OF_OURS_BESIDE_A_WAL;
    if (header_is_blank(&header))
        header_read_wal(path, &header);
    return header_is_ours(&header) || header_is_blank(&header) ? HEADER_OF_OURS
                                                               : HEADER_OF_ANOTHER_DATABASE;
}

/* A relay that is just opening the outbox sets WAL mode before the WAL has content: so the header
 * is read again. */
enum sqlite_header_owner sqlite_header_owner(const char *path)
{
    enum sqlite_header_owner owner = header_read_owner(path);

    return owner == HEADER_OF_OURS_BESIDE_A_WAL ? header_read_owner(path) : owner;
}
