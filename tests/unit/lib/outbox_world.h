/* SPDX-License-Identifier: MIT */
/* For tests of the writer: a loop, an outbox on a store that fails on demand, and operations. */
#pragma once

#include "tests/unit/lib/fault_store.h"
#include "tests/unit/lib/journal_store.h"
#include "tests/unit/lib/store_world.h"

#include "base/loop.h"
#include "outbox/outbox.h"

enum { OPS_MAX = 6000, GUARD_MS = 120 * 1000, POLL_MS = 5 };

struct world;

/* An operation, and what became of it. */
struct op {
    struct outbox_op op;
    struct world *world;
    int told;       /* how often done was called */
    int place;      /* which of all calls of done was the last of these, counted from 1 */
    int r;          /* what done was called with */
    char taken[64]; /* of the taken row: "<id> <bytes of the body>" */
};

/* A read, and what it brought. */
struct page {
    struct outbox_read read;
    struct world *world;
    int told;
    int place;
    int r;
    bool more;
    char rows[512]; /* as "1 users r1 {}; ..." */
};

struct world {
    struct folder folder;
    struct fault_store faults;
    struct journal_store journal; /* of world_open_journal() */
    struct loop *loop;
    struct outbox *outbox;
    struct loop_timer poll;
    int told;
    size_t len;
    struct op ops[OPS_MAX];
};

/* Opens the outbox on what the folder holds. */
void world_open(struct world *world);

/* The same on a journal. */
void world_open_journal(struct world *world);

/* Closes the outbox, and opens the store without one. */
struct store *world_close(struct world *world);

/* A world is a test's state; its outbox is not open yet. */
int world_setup(void **state);
int world_teardown(void **state);
#define world_test(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

/* Turns the loop until the condition holds; a test that waits in vain fails. */
#define run_until(world, condition)                                                                \
    do {                                                                                           \
        int64_t end_ms_ = clock_mono_ms(&clock_system) + GUARD_MS;                                 \
        while (!(condition)) {                                                                     \
            assert_int_equal(loop_turn((world)->loop), 0);                                         \
            if (clock_mono_ms(&clock_system) > end_ms_)                                            \
                fail_msg("in vain: %s", #condition);                                               \
        }                                                                                          \
    } while (0)

/* Turns the loop once, so that what was submitted goes to the writer. */
void world_turn(struct world *world);

/* Whether the writer has asked a journal that is away so many times. */
bool world_has_asked(struct world *world, int times);
/* The journal goes away, and the writer has met that, at the page, which is the caller's. */
void world_go_away(struct world *world, struct page *page);

/* As outbox_status(). */
struct outbox_status status_of(struct world *world);
/* An outbox_op's done: notes the outcome. */
void op_done(struct outbox_op *outbox_op, int r);
/* Submits an operation, which lasts as long as the world. */
struct op *submit(struct world *world, enum outbox_kind kind, struct store_row row);

/* Submits an operation, and returns the result once there is one. */
int submit_and_wait(struct world *world, enum outbox_kind kind, struct store_row row);
/* The same two for a read. The page is the caller's. */
void page_submit(struct world *world, struct page *page, struct outbox_read read);
void page_submit_and_wait(struct world *world, struct page *page, struct outbox_read read);

/* What `convex-relay outbox replay` does beside the server. */
void offer_beside(struct world *world, uint64_t id, bool force);
