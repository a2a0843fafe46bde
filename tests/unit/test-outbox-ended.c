/* SPDX-License-Identifier: MIT */
/*
 * Transactions that SQLite ends by itself.
 *
 * On most failures inside a statement SQLite rolls the whole transaction back and goes on without
 * one (https://sqlite.org/lang_transaction.html, 3): what ran next would be committed alone. Here
 * the writer does batches whose pages do not fit into the cache, so that they are written before
 * the commit, and each write, sync, read and allocation inside SQLite fails in turn. What the
 * writer says of each job must be what the store then holds, and the counts must agree with the
 * rows.
 */
#include "tests/unit/lib/fault_memory.h"
#include "tests/unit/lib/fault_vfs.h"
#include "tests/unit/lib/store_connection.h"
#include "tests/unit/lib/store_walk.h"

#include "base/log.h"
#include "outbox/writer.h"

enum {
    JOBS = 20,
    SEEDED = 12,
    OFFERS = 4, /* behind them; the second is forced */
    BODY_BYTES = 30000,
    LARGE_BODY_BYTES = 2 << 20, /* beyond what is bound at once; spills whatever the cache */
    UNSTORED = 3,               /* delivered, and never on disk */
    WALK_SEED = 5,
    WALK_STEPS = 12,
    WALK_STRIDE = 17,
};

struct ended_case {
    const char *name;
    enum fault_kind kind; /* FAULT_NONE: it is memory that fails */
    unsigned calls;
    bool for_good;     /* it lasts until the batch is over */
    size_t body_bytes; /* of the largest body in the batch */
    long stride;       /* between one place of the fault and the next */
    const char *settings;
};

#define SMALL_CACHE "PRAGMA cache_size = 10"
#define USUAL_CACHE ""

static struct ended_case ended_cases[] = {
    {"a write fails once", FAULT_EIO_ONCE, FAULT_WRITES, false, BODY_BYTES, 1, SMALL_CACHE},
    {"a write finds the disk full", FAULT_FULL_ONCE, FAULT_WRITES, false, BODY_BYTES, 1,
     SMALL_CACHE},
    {"all writes fail", FAULT_EIO, FAULT_WRITES, true, BODY_BYTES, 1, SMALL_CACHE},
    {"the disk is full", FAULT_FULL, FAULT_WRITES, true, BODY_BYTES, 1, SMALL_CACHE},
    {"a sync fails once", FAULT_EIO_ONCE, FAULT_SYNCS, false, BODY_BYTES, 1, SMALL_CACHE},
    {"a read fails once", FAULT_EIO_ONCE, FAULT_READS, false, BODY_BYTES, 1, SMALL_CACHE},
    {"all reads fail", FAULT_EIO, FAULT_READS, true, BODY_BYTES, 1, SMALL_CACHE},
    {"an allocation fails", FAULT_NONE, 0, false, BODY_BYTES, 3, SMALL_CACHE},
    {"memory runs out", FAULT_NONE, 0, true, BODY_BYTES, 13, SMALL_CACHE},
    {"a write of a large body fails", FAULT_EIO_ONCE, FAULT_WRITES, false, LARGE_BODY_BYTES, 167,
     USUAL_CACHE},
    {"a large body finds the disk full", FAULT_FULL_ONCE, FAULT_WRITES, false, LARGE_BODY_BYTES,
     167, USUAL_CACHE},
    {"an allocation for a large body fails", FAULT_NONE, 0, false, LARGE_BODY_BYTES, 257,
     USUAL_CACHE},
};

struct ended_world {
    struct folder folder;
    struct store *store;
    struct writer writer;
    struct mirror mirror; /* the store as it must be by what the writer has said */
    uint64_t uncounted;   /* unstored events that the store has not counted */
    struct outbox_op ops[JOBS];
    size_t len;
    struct outbox_jobs jobs; /* those of ops */
};

static char body[LARGE_BODY_BYTES];

static int group_setup(void **state)
{
    (void)state;
    fault_memory_install();
    fault_vfs_install();
    memset(body, 'x', sizeof(body));
    log_setup(LOG_ERROR + 1, LOG_TEXT); /* thousands of failures need no lines */
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    fault_vfs_remove();
    fault_memory_remove();
    return 0;
}

/* ---- Jobs ---- */

static void ask(struct ended_world *world, enum outbox_kind kind, struct store_row row)
{
    struct outbox_op *op = &world->ops[world->len++];

    assert_true(world->len <= JOBS);
    *op = (struct outbox_op){.kind = kind, .row = row, .job = {.type = OUTBOX_JOB_OP}};
    if (row.died_ms) /* as outbox_submit() does */
        writer_expect_letter(&world->writer, row.model, row.record);
    TAILQ_INSERT_TAIL(&world->jobs, &op->job, link);
}

static struct store_row event_of(uint64_t id, const char *record, size_t body_bytes)
{
    return (struct store_row){.id = id,
                              .model = SPAN("users"),
                              .record = span_of(record),
                              .body = {body, body_bytes},
                              .arrived_ms = 1000 + (int64_t)id};
}

static struct store_row letter_of(uint64_t id, const char *record)
{
    struct store_row row = event_of(id, record, 20);

    row.state = STORE_DEAD;
    row.died_ms = 5;
    row.reason = SPAN("no route");
    return row;
}

static struct store_row failed(uint64_t id)
{
    return (struct store_row){
        .id = id, .attempts = 3, .tried_ms = 7, .reason = SPAN("overloaded"), .died_ms = 9};
}

static void mirror_deliver(struct mirror *mirror, const struct outbox_op *op, struct store_row *row)
{
    assert_int_equal(op->missing, !row && !op->unstored);
    mirror_overtake(mirror, op->row.id, op->row.model, op->row.record);
    if (row)
        mirror_remove(mirror, row);
    if (!op->missing)
        mirror_sums_of(mirror, op->row.model)->delivered++;
}

static void mirror_take(struct mirror *mirror, const struct outbox_op *op, struct store_row *row)
{
    struct store_row taken = *row;

    taken.id = op->new_id;
    taken.state = STORE_PENDING;
    taken.attempts = 0;
    taken.tried_ms = 0;
    taken.since_ms = op->now_ms;
    taken.reason = SPAN_NULL;
    taken.was = op->new_id == op->row.id ? 0 : op->row.id;
    mirror_remove(mirror, row);
    mirror_insert(mirror, taken);
    assert_non_null(op->taken_row);
    assert_int_equal(op->taken_row->row.id, taken.id);
    assert_int_equal(op->taken_row->row.was, taken.was);
    assert_same_text(op->taken_row->row.body, taken.body);
}

static void mirror_bury(struct mirror *mirror, const struct outbox_op *op, struct store_row *row)
{
    struct store_row letter = op->row;

    letter.state = STORE_DEAD;
    letter.since_ms = letter.arrived_ms;
    if (!row) {
        mirror_insert(mirror, letter);
        return;
    }
    row->attempts = letter.attempts;
    row->tried_ms = letter.tried_ms;
    row->reason = letter.reason;
    row->died_ms = letter.died_ms;
    row->state = STORE_DEAD;
}

/* What the writer says it has done, done to the mirror. */
static void mirror_apply(struct mirror *mirror, const struct outbox_op *op)
{
    struct store_row *row = mirror_find(mirror, op->row.id);
    bool pending = row && row->state == STORE_PENDING;
    bool offered = row && row->state >= STORE_OFFERED;

    if (op->job.result == STORE_MISSING)
        assert_false(op->kind == OUTBOX_NOTE_FAILURE ? pending : offered);
    if (row && op->job.result == STORE_STALE)
        row->state = STORE_DEAD;
    if (op->job.result || (!row && (op->kind == OUTBOX_NOTE_FAILURE || op->kind == OUTBOX_REFUSE)))
        return;
    switch (op->kind) {
    case OUTBOX_APPEND: {
        struct store_row added = op->row;
        added.since_ms = added.arrived_ms;
        mirror_insert(mirror, added);
        return;
    }
    case OUTBOX_DELIVERED:
        mirror_deliver(mirror, op, row);
        return;
    case OUTBOX_TAKE:
        assert_true(offered);
        mirror_take(mirror, op, row);
        return;
    case OUTBOX_REFUSE:
        assert_true(offered);
        row->state = STORE_DEAD;
        row->reason = mirror_refused(row->reason, op->row.reason);
        return;
    case OUTBOX_NOTE_FAILURE:
        assert_true(pending);
        row->attempts = op->row.attempts;
        row->tried_ms = op->row.tried_ms;
        row->reason = op->row.reason;
        return;
    case OUTBOX_BURY:
        mirror_bury(mirror, op, row);
        return;
    }
}

/* Does what was asked for, in one turn of the writer. Whether all of that went through. */
static bool work(struct ended_world *world, uint64_t unstored)
{
    struct outbox_jobs finished = TAILQ_HEAD_INITIALIZER(finished);
    struct outbox_job *job = NULL;
    bool all = true;

    for (uint64_t i = 0; i < unstored; i++)
        assert_int_equal(writer_count_unstored(&world->writer, SPAN("users")), 0);
    world->uncounted += unstored;
    writer_submit(&world->writer, &world->jobs, 0);
    writer_turn(&world->writer);
    (void)writer_collect(&world->writer, &finished);
    for (size_t i = 0; i < world->len; i++) {
        job = i ? TAILQ_NEXT(job, link) : TAILQ_FIRST(&finished);
        assert_ptr_equal(job, &world->ops[i].job);
        int r = world->ops[i].job.result;
        mirror_apply(&world->mirror, &world->ops[i]);
        all = all && (r == 0 || r == STORE_MISSING || r == STORE_STALE);
        world->ops[i].taken_row = outbox_row_free(world->ops[i].taken_row);
    }
    world->len = 0;
    return all;
}

/* Unstored events come to the store's counts together, or wait for the next commit. Where the
 * writer's idea of that is wrong, too many or too few have come in the end. */
static void see_unstored(struct ended_world *world)
{
    uint64_t before = 0, added;

    for (size_t i = 0; i < array_len(world->mirror.sums); i++)
        before += world->mirror.sums[i].delivered;
    added = counts_of(world->store).delivered - before;
    assert_true(added == 0 || added == world->uncounted);
    mirror_sums_of(&world->mirror, SPAN("users"))->delivered += added;
    world->uncounted -= added;
}

static void seed(struct ended_world *world)
{
    static const char *const records[] = {"r0", "r1", "r2", "r3"};

    for (uint64_t id = 1; id <= SEEDED; id++)
        ask(world, OUTBOX_APPEND,
            id % 4 == 0 ? letter_of(id, records[id / 4 % 4])
                        : event_of(id, records[id % 4], id % 3 * 3000));
    for (uint64_t id = SEEDED + 1; id <= SEEDED + OFFERS; id++)
        ask(world, OUTBOX_APPEND, letter_of(id, "offered"));
    assert_true(work(world, 0));
    must_begin(world->store);
    assert_int_equal(world->store->ops->name(world->store, SPAN("users")), 0);
    for (uint64_t id = SEEDED + 1; id <= SEEDED + OFFERS; id++) {
        bool force = id == SEEDED + 2;
        assert_int_equal(world->store->ops->offer(world->store, id, force), 0);
        world->mirror.rows[id - 1].state = force ? STORE_FORCED : STORE_OFFERED;
    }
    must_commit(world->store);
    world->mirror.sums[MIRROR_MODELS - 3].named = true; /* users */
}

static void ask_to_take(struct ended_world *world, uint64_t id, uint64_t new_id)
{
    ask(world, OUTBOX_TAKE, (struct store_row){.id = id});
    world->ops[world->len - 1].new_id = new_id;
    world->ops[world->len - 1].now_ms = 70;
}

/* Among them what depends on another job of the batch. */
static void ask_for_a_batch(struct ended_world *world, size_t body_bytes)
{
    ask(world, OUTBOX_APPEND, event_of(23, "r1", 20));
    ask(world, OUTBOX_DELIVERED, event_of(1, "r1", 0));
    ask_to_take(world, 13, 13);
    ask(world, OUTBOX_APPEND, event_of(24, "r2", BODY_BYTES));
    ask(world, OUTBOX_BURY, failed(2));
    ask_to_take(world, 14, 22);
    ask(world, OUTBOX_APPEND, event_of(25, "r1", body_bytes));
    ask(world, OUTBOX_NOTE_FAILURE, failed(3));
    ask(world, OUTBOX_DELIVERED, event_of(23, "r1", 0));
    ask(world, OUTBOX_REFUSE, failed(15));
    ask(world, OUTBOX_DELIVERED, event_of(26, "r1", 0));
    world->ops[world->len - 1].unstored = true;
    ask(world, OUTBOX_BURY, letter_of(27, "r3"));
    ask(world, OUTBOX_DELIVERED, event_of(99, "r1", 0));
    ask(world, OUTBOX_APPEND, event_of(28, "r1", BODY_BYTES));
    ask(world, OUTBOX_DELIVERED, event_of(5, "r1", 0));
    ask(world, OUTBOX_DELIVERED, event_of(29, "offered", 0));
    ask_to_take(world, 16, 16); /* which is stale by now */
    ask(world, OUTBOX_BURY, failed(24));
}

/* ---- The store afterwards ---- */

static void assert_sound(struct ended_world *world)
{
    see_unstored(world);
    assert_true(mirror_is(&world->mirror, world->store));
    assert_true(folder_is_sound(&world->folder));
}

static void assert_works_on(struct ended_world *world)
{
    struct outbox_status status;

    ask(world, OUTBOX_APPEND, event_of(30, "r1", BODY_BYTES));
    ask(world, OUTBOX_DELIVERED, event_of(6, "r2", 0));
    ask(world, OUTBOX_APPEND, event_of(31, "r1", 20));
    assert_true(work(world, 1));
    writer_status(&world->writer, &status);
    assert_int_equal(status.failing, 0);
    assert_sound(world);
    assert_int_equal(world->uncounted, 0);
}

static void world_begin(struct ended_world *world, const struct ended_case *ended)
{
    /* In memory, where there is such a place: here nothing is lost by a power cut. */
    folder_make_in(&world->folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    world->store = folder_open(&world->folder, STORE_SERVE);
    store_pragma(world->store, ended->settings);
    TAILQ_INIT(&world->jobs);
    assert_int_equal(writer_init(&world->writer), 0);
    assert_int_equal(writer_open(&world->writer, world->store), 0);
    writer_tick(&world->writer);
    seed(world);
}

static void world_end(struct ended_world *world)
{
    writer_done(&world->writer);
    world->store = world->store->ops->close(world->store);
    folder_empty(&world->folder);
}

static void plan(const struct ended_case *ended, long nth)
{
    if (ended->kind == FAULT_NONE)
        fault_memory_plan(nth, ended->for_good);
    else
        fault_vfs_plan(ended->kind, ended->calls, nth);
}

static void plan_nothing(void)
{
    fault_memory_plan(0, false);
    fault_vfs_plan(FAULT_NONE, 0, 0);
}

/* True: the fault came. */
static bool batch_through_fault(const struct ended_case *ended, long nth, int *failures)
{
    static struct ended_world world;

    world = (struct ended_world){0};
    world_begin(&world, ended);
    ask_for_a_batch(&world, ended->body_bytes);
    plan(ended, nth);
    *failures += !work(&world, UNSTORED);
    bool struck = fault_memory_struck() || fault_vfs_struck();
    plan_nothing();
    assert_sound(&world);
    assert_works_on(&world);

    world.store->ops->close(world.store);
    world.store = folder_open(&world.folder, STORE_SERVE);
    assert_int_equal(folder_count(&world.folder, "damaged"), 0);
    assert_true(mirror_is(&world.mirror, world.store));
    world_end(&world);
    return struck;
}

static void what_is_said_is_what_is_there(void **state)
{
    const struct ended_case *ended = *state;
    long nth = 1;
    int failures = 0;

    while (batch_through_fault(ended, nth, &failures))
        nth += ended->stride;
    assert_true(nth > ended->stride);
    if (ended->for_good) /* what fails but once need not be seen: there is another try, in halves */
        assert_true(failures > 0);
}

/* ---- Changes of all kinds ---- */

/* Replays and walks, too, as a caller makes them that gives up with the first failure. */
static bool walk_through_lack(long nth)
{
    static struct walk walk;
    struct folder folder;

    folder_make_in(&folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    walk = (struct walk){.dice = WALK_SEED, .store = folder_open(&folder, STORE_SERVE)};
    fault_memory_plan(nth, false);
    for (int step = 0; step < WALK_STEPS; step++)
        (void)walk_step(&walk);
    bool struck = fault_memory_struck();
    plan_nothing();
    assert_true(mirror_is(&walk.now, walk.store));
    assert_true(folder_is_sound(&folder));
    assert_int_equal(walk_step(&walk), 0);
    assert_true(mirror_is(&walk.now, walk.store));
    walk.store = walk.store->ops->close(walk.store);
    folder_empty(&folder);
    return struck;
}

static void changes_of_all_kinds_find_no_memory(void **state)
{
    long nth = 1;

    (void)state;
    while (walk_through_lack(nth))
        nth += WALK_STRIDE;
    assert_true(nth > 20 * WALK_STRIDE);
}

static const struct CMUnitTest plain_tests[] = {
    cmocka_unit_test(changes_of_all_kinds_find_no_memory),
};

int main(void)
{
    static struct CMUnitTest tests[array_len(plain_tests) + array_len(ended_cases)];

    memcpy(tests, plain_tests, sizeof(plain_tests));
    rows_add(tests, array_len(plain_tests), ended_cases, what_is_said_is_what_is_there);
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
