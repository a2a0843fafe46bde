/* SPDX-License-Identifier: MIT */
/* Blocks of the disk that are held by a file without a name, for what must not find it full. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sqlite_reserve {
    int64_t bytes;      /* of the disk, which only what frees room may use; 0: all for all */
    int fd;             /* of the file that holds the blocks; -1: none can */
    int64_t hold_bytes; /* that it is to hold at least, */
    int64_t held_bytes; /* and holds now; 0: they were given up */
};

/* Whether an errno says that the disk, a quota or a limit for files is full. */
bool sqlite_reserve_is_short(int error);

/* Whether that is why SQLite's last call failed, with an extended result. Ask before any other
 * call. */
bool sqlite_reserve_is_out(int rc);

/* Takes the blocks on the disk of path, until sqlite_reserve_done(). */
void sqlite_reserve_take(struct sqlite_reserve *reserve, const char *path);
void sqlite_reserve_done(struct sqlite_reserve *reserve);

/* Holds so many bytes, more or less than before. False: that many cannot be had. */
bool sqlite_reserve_hold(struct sqlite_reserve *reserve, int64_t bytes);

/* Leaves them to whatever else finds no room. */
void sqlite_reserve_give_up(struct sqlite_reserve *reserve);
