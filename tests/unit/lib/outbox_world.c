/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/outbox_world.h"

#include "base/allocator.h"
#include "tests/unit/lib/any_store.h"

static void world_poll(void *ctx)
{
    struct world *world = ctx;

    loop_timer_set(world->loop, &world->poll, loop_now_ms(world->loop) + POLL_MS);
}

static void world_open_on(struct world *world, struct store *store)
{
    fault_store_init(&world->faults, store);
    assert_int_equal(
        outbox_new(world->loop, &world->faults.store, &allocator_system, &world->outbox), 0);
}

void world_open(struct world *world)
{
    world_open_on(world, any_store_open(&world->folder));
}

void world_open_journal(struct world *world)
{
    struct store *store = folder_open(&world->folder, STORE_SERVE);

    assert_int_equal(journal_store_init(&world->journal, store), 0);
    world_open_on(world, &world->journal.store);
}

struct store *world_close(struct world *world)
{
    world->outbox = outbox_free(world->outbox);
    return any_store_open(&world->folder);
}

int world_setup(void **state)
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

int world_teardown(void **state)
{
    struct world *world = *state;

    world->outbox = outbox_free(world->outbox);
    world->loop = loop_free(world->loop);
    folder_empty(&world->folder);
    free(world);
    return 0;
}

/* ---- Numbers of events ---- */

/* The writer may be writing the id of an append that has not ended. */
static bool world_knows_id(const struct world *world, const struct op *op)
{
    return op->op.kind == OUTBOX_APPEND && (op->told || !world->outbox);
}

uint64_t world_id(const struct world *world, uint64_t number)
{
    for (size_t i = 0; any_store_is_journal() && i < world->len; i++) {
        const struct op *op = &world->ops[i];
        if (op->number == number && world_knows_id(world, op))
            return op->op.row.id;
    }
    return number;
}

uint64_t world_number(const struct world *world, uint64_t id)
{
    for (size_t i = 0; any_store_is_journal() && i < world->len; i++) {
        const struct op *op = &world->ops[i];
        if (world_knows_id(world, op) && op->op.row.id == id)
            return op->number;
    }
    return id;
}

const char *world_numbers(const struct world *world, struct store *store)
{
    static char text[512];
    struct id_list ids = {0};
    size_t len = 0;

    assert_int_equal(store->ops->read(store, &everything, id_list_add, &ids), 0);
    text[0] = '\0';
    for (size_t i = 0; i < ids.len; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llu", i ? " " : "",
                                (unsigned long long)world_number(world, ids.at[i]));
    return text;
}

/* ---- The loop ---- */

void world_turn(struct world *world)
{
    assert_int_equal(loop_turn(world->loop), 0);
}

struct outbox_status status_of(struct world *world)
{
    struct outbox_status status;

    outbox_status(world->outbox, &status);
    return status;
}

void op_done(struct outbox_op *outbox_op, int r)
{
    struct op *op = container_of(outbox_op, struct op, op);

    op->told++;
    op->place = ++op->world->told;
    op->r = r;
    if (outbox_op->taken_row) /* as text, for tests that look */
        (void)snprintf(op->taken, sizeof(op->taken), "%llu %zu",
                       (unsigned long long)world_number(op->world, outbox_op->taken_row->row.id),
                       outbox_op->taken_row->row.body.len);
    outbox_op->taken_row = outbox_row_free(outbox_op->taken_row);
}

struct op *world_op(struct world *world, enum outbox_kind kind, struct store_row row)
{
    struct op *op = &world->ops[world->len];
    uint64_t number = row.id;

    assert_true(world->len < OPS_MAX);
    if (kind != OUTBOX_APPEND)
        row.id = world_id(world, number);
    *op = (struct op){
        .op = {.kind = kind, .row = row, .done = op_done}, .world = world, .number = number};
    world->len++;
    return op;
}

struct op *submit(struct world *world, enum outbox_kind kind, struct store_row row)
{
    struct op *op = world_op(world, kind, row);

    outbox_submit(world->outbox, &op->op);
    return op;
}

int submit_and_wait(struct world *world, enum outbox_kind kind, struct store_row row)
{
    struct op *op = submit(world, kind, row);

    run_until(world, op->told);
    return op->r;
}

static void page_done(struct outbox_read *read, struct outbox_rows *rows, bool more, int r)
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
        len += (size_t)snprintf(
            page->rows + len, sizeof(page->rows) - len, "%s%llu %.*s %.*s %zu", len ? "; " : "",
            (unsigned long long)world_number(page->world, row->row.id), (int)row->row.model.len,
            row->row.model.at, (int)row->row.record.len, row->row.record.at, row->row.body.len);
        outbox_row_free(row);
    }
}

void page_submit(struct world *world, struct page *page, struct outbox_read read)
{
    *page = (struct page){.read = read, .world = world};
    page->read.after = world_id(world, read.after);
    page->read.upto = world_id(world, read.upto);
    page->read.done = page_done;
    outbox_submit_read(world->outbox, &page->read);
}

void page_submit_and_wait(struct world *world, struct page *page, struct outbox_read read)
{
    page_submit(world, page, read);
    run_until(world, page->told);
}

void offer_beside(struct world *world, uint64_t id, bool force)
{
    struct store *beside = any_store_open_beside(&world->folder);

    must_begin(beside);
    assert_int_equal(beside->ops->offer(beside, world_id(world, id), force), 0);
    must_commit(beside);
    beside->ops->close(beside);
}

bool world_has_asked(struct world *world, int times)
{
    return atomic_load(&world->journal.resumes) >= times;
}

void world_go_away(struct world *world, struct page *page)
{
    journal_store_go(&world->journal, JOURNAL_GOES);
    page_submit(world, page, (struct outbox_read){.model = SPAN("no such"), .rows_max = 1});
    run_until(world, outbox_is_away(world->outbox) && world_has_asked(world, 1));
}
