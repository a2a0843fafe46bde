/* SPDX-License-Identifier: MIT */
/*
 * For tests of the writer: a loop, an outbox on a store that fails on demand, and operations.
 *
 * Tests name events by small numbers. Those are their ids, unless the store is a journal, which
 * gives ids to what is appended: submit(), page_submit() and offer_beside() take numbers in the
 * place of ids all the same, and texts show numbers. There an append has to be over before anything
 * else is done with its event.
 */
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
    uint64_t number; /* the row's id, as the test has it */
    int told;        /* how often done was called */
    int place;       /* which of all calls of done was the last of these, counted from 1 */
    int r;           /* what done was called with */
    char taken[64];  /* of the taken row: "<id> <bytes of the body>" */
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

/* Opens the outbox on what the folder holds, or the schema in its place (any_store.h). */
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

/* The id of an event, and the number of an event with that id. */
uint64_t world_id(const struct world *world, uint64_t number);
uint64_t world_number(const struct world *world, uint64_t id);
/* The numbers of all rows in the store, which the world's outbox had: as ids_of(). */
const char *world_numbers(const struct world *world, struct store *store);

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
/* Makes an operation, which lasts as long as the world. */
struct op *world_op(struct world *world, enum outbox_kind kind, struct store_row row);
/* Makes and submits one. */
struct op *submit(struct world *world, enum outbox_kind kind, struct store_row row);

/* Submits an operation, and returns the result once there is one. */
int submit_and_wait(struct world *world, enum outbox_kind kind, struct store_row row);
/* The same two for a read. The page is the caller's. */
void page_submit(struct world *world, struct page *page, struct outbox_read read);
void page_submit_and_wait(struct world *world, struct page *page, struct outbox_read read);

/* What `convex-relay outbox replay` does beside the server. */
void offer_beside(struct world *world, uint64_t id, bool force);
