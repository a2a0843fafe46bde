/* SPDX-License-Identifier: MIT */
/*
 * Transactions that SQLite ends by itself.
 *
 * On most failures inside a statement SQLite rolls the whole transaction back and goes on without
 * one (https://sqlite.org/lang_transaction.html, 3): what ran next would be committed alone. Here
 * the writer does batches whose pages do not fit into the cache, so that they are written before
 * the commit, and each write, sync, read and allocation inside SQLite fails in turn. What it says
 * of each job must be what is in the store then, and the counts must be those of the rows.
 */
#include "fault_memory.h"
#include "fault_vfs.h"
#include "store_mirror.h"

#include "base/log.h"
#include "outbox/sqlite_store.h"
#include "outbox/writer.h"

enum {
    JOBS = 16,
    SEEDED = 12,
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
    struct mirror mirror; /* what the writer has said of its jobs comes to this */
    struct outbox_op ops[JOBS];
    size_t len;
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
    TAILQ_INSERT_TAIL(&world->writer.taken, &op->job, link);
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

/* What the writer says it has done, done to the mirror. */
static void mirror_apply(struct mirror *mirror, const struct outbox_op *op)
{
    struct store_row *row = mirror_find(mirror, op->row.id);
    bool pending = row && row->state == STORE_PENDING;

    if (op->job.result == STORE_MISSING)
        assert_false(pending);
    if (op->job.result)
        return;
    switch (op->kind) {
    case OUTBOX_APPEND:
        mirror_insert(mirror, op->row);
        return;
    case OUTBOX_OVERTAKES:
        mirror_overtake(mirror, op->row.id, op->row.model, op->row.record);
        mirror->counts.delivered++;
        return;
    case OUTBOX_TAKE:
    case OUTBOX_REFUSE:
        fail();
        return;
    case OUTBOX_DELIVERED: {
        assert_true(pending);
        struct store_row gone = *row;
        mirror_remove(mirror, row);
        mirror_overtake(mirror, gone.id, gone.model, gone.record);
        mirror->counts.delivered++;
        return;
    }
    case OUTBOX_POSTPONE:
    case OUTBOX_BURY:
        assert_true(pending);
        row->attempts = op->row.attempts;
        row->tried_ms = op->row.tried_ms;
        row->reason = op->row.reason;
        if (op->kind == OUTBOX_BURY) {
            row->died_ms = op->row.died_ms;
            row->state = STORE_DEAD;
        }
        return;
    }
}

/* Does what was asked for, in one go. Whether all of it went through. */
static bool work(struct ended_world *world, uint64_t unstored)
{
    bool all = true;

    world->writer.uncounted += unstored;
    unstored = world->writer.uncounted;
    writer_work(&world->writer);
    world->mirror.counts.delivered += unstored - world->writer.uncounted;
    for (size_t i = 0; i < world->len; i++) {
        mirror_apply(&world->mirror, &world->ops[i]);
        all = all && (world->ops[i].job.result == 0 || world->ops[i].job.result == STORE_MISSING);
    }
    TAILQ_INIT(&world->writer.finished);
    world->len = 0;
    return all;
}

static void seed(struct ended_world *world)
{
    static const char *const records[] = {"r0", "r1", "r2", "r3"};

    for (uint64_t id = 1; id <= SEEDED; id++)
        ask(world, OUTBOX_APPEND,
            id % 4 == 0 ? letter_of(id, records[id / 4 % 4])
                        : event_of(id, records[id % 4], id % 3 * 3000));
    assert_true(work(world, 0));
}

/* Among them what depends on another job of the batch. */
static void ask_for_a_batch(struct ended_world *world, size_t body_bytes)
{
    ask(world, OUTBOX_APPEND, event_of(13, "r1", 20));
    ask(world, OUTBOX_DELIVERED, failed(1));
    ask(world, OUTBOX_APPEND, event_of(14, "r2", BODY_BYTES));
    ask(world, OUTBOX_BURY, failed(2));
    ask(world, OUTBOX_APPEND, event_of(15, "r1", body_bytes));
    ask(world, OUTBOX_POSTPONE, failed(3));
    ask(world, OUTBOX_DELIVERED, failed(13));
    ask(world, OUTBOX_OVERTAKES, event_of(16, "r1", 0));
    ask(world, OUTBOX_APPEND, letter_of(17, "r3"));
    ask(world, OUTBOX_DELIVERED, failed(99));
    ask(world, OUTBOX_APPEND, event_of(18, "r1", BODY_BYTES));
    ask(world, OUTBOX_DELIVERED, failed(5));
    ask(world, OUTBOX_BURY, failed(14));
}

/* ---- The store afterwards ---- */

static void assert_sound(struct ended_world *world)
{
    bool sound = false;

    assert_true(mirror_is(&world->mirror, world->store));
    assert_int_equal(sqlite_schema_check(sqlite_store_of(world->store)->db, &sound), SQLITE_OK);
    assert_true(sound);
}

static void assert_works_on(struct ended_world *world)
{
    ask(world, OUTBOX_APPEND, event_of(30, "r1", BODY_BYTES));
    ask(world, OUTBOX_DELIVERED, failed(6));
    ask(world, OUTBOX_APPEND, event_of(31, "r1", 20));
    assert_true(work(world, 1));
    assert_int_equal(world->writer.uncounted, 0);
    assert_int_equal(world->writer.now.failing, 0);
    assert_sound(world);
}

static void world_begin(struct ended_world *world, const struct ended_case *ended)
{
    /* In memory, where there is such a place: here nothing is lost by a power cut. */
    folder_make_in(&world->folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    world->store = folder_open(&world->folder, STORE_SERVE);
    assert_int_equal(
        sqlite3_exec(sqlite_store_of(world->store)->db, ended->settings, NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(writer_init(&world->writer), 0);
    world->writer.store = world->store;
    assert_int_equal(writer_look(&world->writer), 0);
    writer_load_filter(&world->writer);
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
    bool sound = false;

    folder_make_in(&folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    walk = (struct walk){.dice = WALK_SEED, .store = folder_open(&folder, STORE_SERVE)};
    fault_memory_plan(nth, false);
    for (int step = 0; step < WALK_STEPS; step++)
        (void)walk_step(&walk);
    bool struck = fault_memory_struck();
    plan_nothing();
    assert_true(mirror_is(&walk.now, walk.store));
    assert_int_equal(sqlite_schema_check(sqlite_store_of(walk.store)->db, &sound), SQLITE_OK);
    assert_true(sound);
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
