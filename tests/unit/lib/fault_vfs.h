/* SPDX-License-Identifier: MIT */
/*
 * A file system under SQLite that fails on demand, and loses power.
 *
 * Files are those of the real file system. For each one is remembered what stood in the sectors
 * that were written since the last sync, so that a power cut can take those writes back, wholly or
 * in part. Not for several threads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_EIO_ONCE,   /* this call fails */
    FAULT_EIO,        /* this call and all later ones fail */
    FAULT_FULL_ONCE,  /* this call fails, as on a full disk */
    FAULT_FULL,       /* this call and all later writes fail, as on a full disk */
    FAULT_QUOTA_ONCE, /* this call fails with EDQUOT, which os_unix.c takes for an I/O error */
    FAULT_QUOTA,      /* this call and all later writes fail with EDQUOT */
    FAULT_SKIP_SYNC,  /* this sync and all later ones do nothing, and say that they worked */
    FAULT_POWER,      /* this call and all later ones fail, until fault_vfs_restore() */
};

/* The kinds of calls that a plan counts. */
enum fault_calls {
    FAULT_WRITES = 1, /* and truncations */
    FAULT_SYNCS = 2,
    FAULT_READS = 4,
    FAULT_DELETES = 8,
    FAULT_OPENS = 16, /* as where file descriptors are short */
};

/* Opens all files through this file system from now on; remove: through the real one again. */
void fault_vfs_install(void);
void fault_vfs_remove(void);

/* The nth call from now on (1: the next one) of those kinds fails. */
void fault_vfs_plan(enum fault_kind kind, unsigned calls, long nth);

/* How many calls of those kinds there were since the plan, and whether the fault has struck. */
long fault_vfs_calls(void);
bool fault_vfs_struck(void);

enum fault_loss {
    FAULT_LOSE_ALL,  /* what was not synced */
    FAULT_LOSE_SOME, /* some sectors of it, and perhaps what the file has grown */
    FAULT_LOSE_LATE, /* all but the first so many sectors */
};

/* After a power cut, with everything closed: takes back what was not synced. Ends the plan. */
void fault_vfs_restore(enum fault_loss loss, uint64_t dice);
