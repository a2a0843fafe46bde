/* SPDX-License-Identifier: MIT */
/*
 * For tests of stores that have little room: events of one size, and disks, which are small file
 * systems in memory, in a name space of their own.
 */
#pragma once

#include "tests/unit/lib/store_world.h"

enum { BODY = 10000, SMALL_QUOTA = 1 << 20 };

/* To be called before anything else here: enters a name space in which disks can be mounted. Where
 * that is not allowed, mount_disk() skips the test. */
void disk_world_init(void);

/* ---- Events of BODY bytes ---- */

struct store_row full_row(uint64_t id);
/* Appends full_row(id) in a transaction of its own. Returns the outcome. */
int append_one(struct store *store, uint64_t id);
/* Appends rows, from that id on, until there is no more room. Returns the last id that is stored.
 */
uint64_t fill_up(struct store *store, uint64_t id);
/* Delivers or buries the events, and discards the letters: each must work, however full the store
 * is. */
void settle_all(struct store *store, uint64_t first, uint64_t last);
/* A store of SMALL_QUOTA bytes. */
struct store *open_with_quota(struct folder *folder);

/* ---- Disks ---- */

/* A folder on a disk of its own; skips the test where no disk can be mounted. size: as for
 * mount(8). */
void mount_disk(struct folder *folder, const char *size);
void unmount_disk(struct folder *folder);
/* A store that serves on a disk of its own, and the end of both. */
struct store *open_on_disk(struct folder *folder, const char *size);
void close_on_disk(struct folder *folder, struct store *store);
int64_t bytes_free(const struct folder *folder);

/* A file that somebody else has on the disk: its name, and a descriptor. */
int open_ballast(const struct folder *folder, char name[128]);
/* Somebody else takes all that is left. */
void take_the_rest(const struct folder *folder, char name[128]);
/* Fills the store's disk to the last byte: new events are refused, what is stored can be settled,
 * and the room that settled events leave is used again. */
void assert_settles_with_nothing_left(const struct folder *folder, struct store *store);

#define file_test(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)
