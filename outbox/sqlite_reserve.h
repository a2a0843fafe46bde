/* SPDX-License-Identifier: MIT */
/* The reserve: blocks of the disk that a file without a name holds, for changes that free room; and
 * whether a failure means that the disk is full. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sqlite_reserve {
    int64_t bytes;       /* what appends must leave free on the disk; 0: nothing */
    int fd;              /* the file that holds the blocks; -1: the file system cannot hold any */
    int64_t least_bytes; /* what the file is to hold at least, while blocks are held */
    int64_t held_bytes;  /* what the file holds now; 0: the blocks were given up */
};

/* Whether an errno says that a disk, a quota or a limit for the size of files is full. */
bool sqlite_reserve_errno_is_full(int error);

/* Whether SQLite's last call failed for that reason. rc: the call's extended result. Reads errno as
 * well, so no other call may come between. */
bool sqlite_reserve_result_is_full(int rc);

/* Takes the blocks on the disk of path. */
void sqlite_reserve_take(struct sqlite_reserve *reserve, const char *path);

/* Lets the blocks go for good. */
void sqlite_reserve_done(struct sqlite_reserve *reserve);

/* Holds that many bytes from now on. False: the disk has not that many. */
bool sqlite_reserve_hold(struct sqlite_reserve *reserve, int64_t bytes);

/* Gives the blocks up, to a change that finds no room. */
void sqlite_reserve_give_up(struct sqlite_reserve *reserve);
