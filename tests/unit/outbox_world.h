/* SPDX-License-Identifier: MIT */
/* For tests of the writer: a loop, an outbox on a store that fails on demand, and operations. */
#pragma once

#include "fault_store.h"
#include "store_world.h"

#include "base/loop.h"
#include "outbox/outbox.h"

enum { OPS_MAX = 6000, GUARD_MS = 120 * 1000, POLL_MS = 5 };

struct world;

struct op {
    struct outbox_op op;
    struct world *world;
    int told;
    int place; /* it was told as the how-manyth */
    int r;
    char taken[64];
};

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
    struct loop *loop;
    struct outbox *outbox;
    struct loop_timer poll;
    int told;
    size_t len;
    struct op ops[OPS_MAX];
};

static inline void world_poll(void *ctx)
{
    struct world *world = ctx;

    loop_timer_set(world->loop, &world->poll, loop_now_ms(world->loop) + POLL_MS);
}

/* Opens the outbox on what the folder holds. */
static inline void world_open(struct world *world)
{
    fault_store_init(&world->faults, folder_open(&world->folder, STORE_SERVE));
    assert_int_equal(outbox_new(world->loop, &world->faults.store, &world->outbox), 0);
}

/* Closes it, and opens the store again without it. */
static inline struct store *world_close(struct world *world)
{
    world->outbox = outbox_free(world->outbox);
    return folder_open(&world->folder, STORE_SERVE);
}

static inline int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    folder_make(&world->folder);
    assert_int_equal(loop_new(&clock_system, &world->loop), 0);
    world->poll = (struct loop_timer){.fn = world_poll, .ctx = world};
    world_poll(world);
    *state = world;
    return 0;
}

static inline int world_teardown(void **state)
{
    struct world *world = *state;

    world->outbox = outbox_free(world->outbox);
    world->loop = loop_free(world->loop);
    folder_empty(&world->folder);
    free(world);
    return 0;
}

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

/* What was submitted goes to the writer. */
static inline void world_turn(struct world *world)
{
    assert_int_equal(loop_turn(world->loop), 0);
}

static inline struct outbox_status status_of(struct world *world)
{
    struct outbox_status status;

    outbox_status(world->outbox, &status);
    return status;
}

static inline void op_done(struct outbox_op *outbox_op, int r)
{
    struct op *op = container_of(outbox_op, struct op, op);

    op->told++;
    op->place = ++op->world->told;
    op->r = r;
    if (outbox_op->taken) /* as text, for tests that look */
        (void)snprintf(op->taken, sizeof(op->taken), "%llu %zu",
                       (unsigned long long)outbox_op->taken->row.id,
                       outbox_op->taken->row.body.len);
    outbox_op->taken = outbox_row_free(outbox_op->taken);
}

static inline struct op *submit(struct world *world, enum outbox_kind kind, struct store_row row)
{
    struct op *op = &world->ops[world->len++];

    assert_true(world->len <= OPS_MAX);
    *op = (struct op){.op = {.kind = kind, .row = row, .done = op_done}, .world = world};
    outbox_submit(world->outbox, &op->op);
    return op;
}

/* Submits, and waits for the result. */
static inline int submit_and_wait(struct world *world, enum outbox_kind kind, struct store_row row)
{
    struct op *op = submit(world, kind, row);

    run_until(world, op->told);
    return op->r;
}

static inline void page_done(struct outbox_read *read, struct outbox_rows *rows, bool more, int r)
{
    struct page *page = container_of(read, struct page, read);
    struct outbox_row *row;
    size_t len = 0;

    page->told++;
    page->place = ++page->world->told;
    page->r = r;
    page->more = more;
    while ((row = TAILQ_FIRST(rows)) != NULL) {
        TAILQ_REMOVE(rows, row, link);
        assert_int_equal(row->row.state >= STORE_OFFERED, read->offers);
        assert_int_equal(row->row.state == STORE_DEAD, 0);
        len += (size_t)snprintf(page->rows + len, sizeof(page->rows) - len, "%s%llu %.*s %.*s %zu",
                                len ? "; " : "", (unsigned long long)row->row.id,
                                (int)row->row.model.len, row->row.model.at,
                                (int)row->row.record.len, row->row.record.at, row->row.body.len);
        outbox_row_free(row);
    }
}

static inline void page_submit(struct world *world, struct page *page, struct outbox_read read)
{
    *page = (struct page){.read = read, .world = world};
    page->read.done = page_done;
    outbox_submit_read(world->outbox, &page->read);
}

static inline void page_submit_and_wait(struct world *world, struct page *page,
                                        struct outbox_read read)
{
    page_submit(world, page, read);
    run_until(world, page->told);
}

/* What `convex-relay outbox replay` does beside the server. */
static inline void offer_beside(struct world *world, uint64_t id, bool force)
{
    struct store *beside = folder_open(&world->folder, STORE_BESIDE);

    must_begin(beside);
    assert_int_equal(beside->ops->offer(beside, id, force), 0);
    must_commit(beside);
    beside->ops->close(beside);
}

#define world_test(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
