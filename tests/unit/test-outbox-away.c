/* SPDX-License-Identifier: MIT */
/*
 * A journal that is away: what waits, what a commit in doubt comes to, and what is given up.
 */
#include "tests/unit/lib/capture.h"
#include "tests/unit/lib/outbox_world.h"

#include "base/log.h"
#include "outbox/outbox_ids.h"

static struct page meets; /* what meets that the journal is away */

/* ---- every job is done once ---- */

/* Of rows 1 to 3, which are pending, and 4 and 5, which are offers, each of a record of its own. */
struct kind_row {
    const char *name;
    enum outbox_kind kind;
    uint64_t id;
    const char *after; /* see print_states() */
    uint64_t accepted, delivered;
};

static struct kind_row kind_rows[] = {
    {"append", OUTBOX_APPEND, 0, "1 2 3 new||4|5", 6, 0},
    {"delivered", OUTBOX_DELIVERED, 2, "1 3||4|5", 5, 1},
    {"note", OUTBOX_NOTE_FAILURE, 2, "1 2 3||4|5", 5, 0},
    {"bury", OUTBOX_BURY, 2, "1 3|2|4|5", 5, 0},
    {"take", OUTBOX_TAKE, 4, "1 2 3 4|||5", 5, 0},
    {"take by force", OUTBOX_TAKE, 5, "1 2 3 new||4|", 5, 0},
    {"refuse", OUTBOX_REFUSE, 4, "1 2 3|4||5", 5, 0},
};

static struct store_row row_with_record(uint64_t id)
{
    static const char *const records[] = {"r0", "r1", "r2", "r3", "r4", "r5"};
    struct store_row row = row_of(id);

    row.record = span_of(records[id % array_len(records)]);
    return row;
}

static void fill(struct world *world)
{
    struct store *store = folder_open(&world->folder, STORE_SERVE);

    for (uint64_t id = 1; id <= 5; id++)
        must_append(store, row_with_record(id));
    for (uint64_t id = 4; id <= 5; id++) {
        struct store_row row = row_with_record(id);
        row.reason = SPAN("no");
        row.died_ms = 1;
        must_bury(store, row);
        must_begin(store);
        assert_int_equal(store->ops->offer(store, id, id == 5), 0);
        must_commit(store);
    }
    store->ops->close(store);
}

static int print_id(void *ctx, const struct store_row *row)
{
    struct buf *text = ctx;

    if (text->len > 0 && text->at[text->len - 1] != '|')
        assert_int_equal(buf_append_char(text, ' '), 0);
    return row->id >= OUTBOX_IDS_FROM ? buf_append_span(text, SPAN("new"))
                                      : buf_printf(text, "%d", (int)row->id);
}

/* The ids of each state: "pending|dead|offered|forced". */
static void print_states(struct store *store, struct buf *text)
{
    for (int state = STORE_PENDING; state <= STORE_FORCED; state++) {
        const struct store_filter filter = {
            .first = (enum store_state)state, .last = (enum store_state)state, .bare = true};
        if (state > 0)
            assert_int_equal(buf_append_char(text, '|'), 0);
        assert_int_equal(store->ops->read(store, &filter, print_id, text), 0);
    }
}

/* The state of a test is its row, so the world is begun here. */
static void once(void **state, enum journal_end end)
{
    cleanup(buf_done) struct buf text = BUF_NULL;
    const struct kind_row *kind = *state;
    void *begun;

    assert_int_equal(world_setup(&begun), 0);
    struct world *world = begun;
    fill(world);
    world_open_journal(world);
    if (end < JOURNAL_LOSES) { /* the last commit is one that worked */
        assert_int_equal(submit_and_wait(world, OUTBOX_NOTE_FAILURE, row_with_record(1)), 0);
        world->told = 0;
    }
    journal_store_go(&world->journal, end);
    struct store_row row = row_with_record(kind->id);
    row.reason = SPAN("no");
    row.died_ms = 2;
    struct op *op = submit(world, kind->kind, row);
    run_until(world, outbox_is_away(world->outbox) && world_has_asked(world, 2));
    assert_int_equal(op->told, 0);
    journal_store_come_back(&world->journal);
    run_until(world, op->told);
    assert_int_equal(op->r, 0);
    if (kind->kind == OUTBOX_APPEND)
        assert_true(op->op.row.id >= OUTBOX_IDS_FROM);
    assert_int_equal(atomic_load(&world->journal.doubts), end >= JOURNAL_LOSES);
    struct store *store = world_close(world);
    assert_int_equal(op->told, 1);
    print_states(store, &text);
    assert_string_equal(buf_string(&text), kind->after);
    assert_int_equal(counts_of(store).accepted, kind->accepted);
    assert_int_equal(counts_of(store).delivered, kind->delivered);
    store->ops->close(store);
    assert_int_equal(world_teardown(&begun), 0);
}

static void once_behind_a_loss(void **state)
{
    once(state, JOURNAL_LOSES);
}

static void once_behind_a_commit(void **state)
{
    once(state, JOURNAL_COMMITS);
}

static void once_where_it_broke(void **state)
{
    once(state, JOURNAL_BREAKS);
}

static void once_where_it_was_away_before(void **state)
{
    once(state, JOURNAL_GOES);
}

/* ---- readings wait, too ---- */

static void walk_done(struct outbox_walk *walk, int r)
{
    (void)walk;
    assert_int_equal(r, STORE_MISSING);
}

static bool named;

static void naming_done(struct outbox_naming *naming, int r)
{
    (void)naming;
    assert_int_equal(r, 0);
    named = true;
}

static void what_is_read_waits(void **state)
{
    struct world *world = *state;
    struct page page = {0};
    struct span model = SPAN("users");
    struct outbox_walk walk = {.step = OUTBOX_WALK_NEXT, .done = walk_done};
    struct outbox_naming naming = {.models = &model, .models_len = 1, .done = naming_done};

    fill(world);
    world_open_journal(world);
    world_go_away(world, &meets);
    named = false;
    walk.named = true;
    assert_int_equal(buf_append_span(&walk.model, SPAN("users")), 0);
    outbox_submit_walk(world->outbox, &walk);
    page_submit(world, &page, (struct outbox_read){.model = model, .rows_max = 8, .bytes_max = 99});
    outbox_submit_naming(world->outbox, &naming);
    run_until(world, world_has_asked(world, 3));
    assert_false(named || page.told || meets.told);
    journal_store_come_back(&world->journal);
    run_until(world, named);
    assert_int_equal(meets.told, 1);
    assert_int_equal(meets.r, 0);
    assert_int_equal(page.r, 0);
    assert_string_equal(page.rows, "1 users r1 17; 2 users r2 17; 3 users r3 17");
    assert_false(status_of(world).unreadable);
    buf_done(&walk.model);
}

/* ---- order ---- */

static void order_is_kept(void **state)
{
    enum { EVENTS = 100 };
    struct world *world = *state;
    uint64_t last = OUTBOX_IDS_FROM - 1;

    world_open_journal(world);
    for (int i = 0; i < EVENTS; i++) {
        if (i == EVENTS / 4)
            journal_store_go(&world->journal, JOURNAL_COMMITS);
        if (i == EVENTS / 2)
            run_until(world, outbox_is_away(world->outbox));
        submit(world, OUTBOX_APPEND, row_of(0));
        world_turn(world);
    }
    journal_store_come_back(&world->journal);
    run_until(world, world->told == EVENTS);
    for (int i = 0; i < EVENTS; i++) {
        assert_int_equal(world->ops[i].r, 0);
        assert_int_equal(world->ops[i].place, i + 1);
        assert_true(world->ops[i].op.row.id > last);
        last = world->ops[i].op.row.id;
    }
    assert_int_equal(status_of(world).counts.pending, EVENTS);
}

/* A row that the store cannot take, or fails with, shows at the commit: the batch is done in
 * halves, of which the connection is lost after some. */
struct halves_row {
    const char *name;
    int commits; /* that go through before */
    enum journal_end end;
    int refusal; /* 0: STORE_REFUSED */
};

static struct halves_row halves_rows[] = {
    {"lost at the first half", 1, JOURNAL_LOSES, 0},
    {"committed at the first half", 1, JOURNAL_COMMITS, 0},
    {"lost at another part", 2, JOURNAL_LOSES, 0},
    {"committed at another part", 2, JOURNAL_COMMITS, 0},
    {"lost at a third part", 3, JOURNAL_LOSES, 0},
    {"committed at a third part", 3, JOURNAL_COMMITS, 0},
    {"lost where a row breaks the commit", 2, JOURNAL_LOSES, STORE_BROKEN},
    {"committed where a row breaks the commit", 2, JOURNAL_COMMITS, STORE_BROKEN},
    {"committed where a row is there", 2, JOURNAL_COMMITS, -EEXIST},
};

static void halves(void **state)
{
    enum { EVENTS = 16, BAD = 9 };
    const struct halves_row *row = *state;
    void *begun;

    assert_int_equal(world_setup(&begun), 0);
    struct world *world = begun;
    world_open_journal(world);
    atomic_store(&world->journal.refused_len, 3);
    atomic_store(&world->journal.refusal, row->refusal);
    atomic_store(&world->journal.commits_left, row->commits);
    journal_store_go(&world->journal, row->end);
    for (int i = 0; i < EVENTS; i++) {
        struct store_row event = row_of(0);
        if (i == BAD)
            event.body = SPAN("bad");
        submit(world, OUTBOX_APPEND, event);
    }
    run_until(world, outbox_is_away(world->outbox));
    journal_store_come_back(&world->journal);
    run_until(world, world->told == EVENTS);
    for (int i = 0; i < EVENTS; i++) {
        assert_int_equal(world->ops[i].r, i != BAD       ? 0
                                          : row->refusal ? row->refusal
                                                         : STORE_REFUSED);
        assert_int_equal(world->ops[i].place, i + 1);
    }
    assert_int_equal(status_of(world).counts.pending, EVENTS - 1);
    assert_int_equal(status_of(world).counts.accepted, EVENTS - 1);
    assert_int_equal(status_of(world).failing, 0);
    assert_int_equal(world_teardown(&begun), 0);
}

/* ---- what is given up ---- */

struct given_row {
    const char *name;
    enum journal_end end;
    bool grouped;
    bool at_once; /* its done is called */
    int r;        /* what with */
    uint64_t rows;
};

static struct given_row given_rows[] = {
    {"before it was tried", JOURNAL_GOES, false, true, STORE_AWAY, 0},
    {"in doubt, and lost", JOURNAL_LOSES, false, false, STORE_AWAY, 0},
    {"in doubt, and found", JOURNAL_COMMITS, false, false, 0, 1},
    {"a group before it was tried", JOURNAL_GOES, true, true, STORE_AWAY, 0},
    {"a group in doubt, and lost", JOURNAL_LOSES, true, false, STORE_AWAY, 0},
    {"a group in doubt, and found", JOURNAL_COMMITS, true, false, 0, 2},
};

static int groups_told;

static void group_done(struct outbox_group *group, int r)
{
    (void)group, (void)r;
    groups_told++;
}

static struct op *submit_two(struct world *world, struct outbox_group *group)
{
    struct op *first = &world->ops[world->len];

    group->done = group_done;
    outbox_group_init(group);
    for (int i = 0; i < 2; i++) {
        struct op *op = &world->ops[world->len++];
        *op = (struct op){.op = {.kind = OUTBOX_APPEND, .row = row_of(0), .done = op_done},
                          .world = world};
        outbox_group_add(group, &op->op);
    }
    outbox_submit_group(world->outbox, group);
    return first;
}

static void given_up(void **state)
{
    const struct given_row *row = *state;
    struct outbox_group group = {0};
    void *begun;

    assert_int_equal(world_setup(&begun), 0);
    struct world *world = begun;
    world_open_journal(world);
    groups_told = 0;
    journal_store_go(&world->journal, row->end);
    struct op *op =
        row->grouped ? submit_two(world, &group) : submit(world, OUTBOX_APPEND, row_of(0));
    run_until(world, outbox_is_away(world->outbox) && world_has_asked(world, 2));
    if (row->grouped)
        outbox_give_up_group(world->outbox, &group);
    else
        outbox_give_up(world->outbox, &op->op);
    assert_int_equal(op->told, row->at_once);
    struct op *later = submit(world, OUTBOX_APPEND, row_of(0));
    journal_store_come_back(&world->journal);
    run_until(world, later->told && op->told);
    assert_int_equal(op->r, row->r);
    assert_int_equal(later->r, 0);
    assert_int_equal(groups_told, row->grouped);
    if (row->rows) { /* it is reported before what is younger, as its id is lower */
        assert_true(op->place < later->place);
        assert_true(op->op.row.id < later->op.row.id);
    }
    assert_int_equal(status_of(world).counts.pending, row->rows + 1);
    assert_int_equal(world_teardown(&begun), 0);
}

/* Not yet handed to the writer. */
static void given_up_in_the_same_turn(void **state)
{
    struct world *world = *state;

    world_open_journal(world);
    struct op *op = submit(world, OUTBOX_APPEND, row_of(0));
    outbox_give_up(world->outbox, &op->op);
    assert_int_equal(op->told, 1);
    assert_int_equal(op->r, STORE_AWAY);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(0)), 0);
    assert_int_equal(status_of(world).counts.pending, 1);
}

/* ---- the end ---- */

static void stop_does_not_wait(void **state)
{
    struct world *world = *state;

    fill(world);
    world_open_journal(world);
    log_setup(LOG_WARN, LOG_TEXT);
    journal_store_go(&world->journal, JOURNAL_LOSES);
    submit(world, OUTBOX_DELIVERED, row_with_record(1));
    run_until(world, outbox_is_away(world->outbox) && world_has_asked(world, 2));
    submit(world, OUTBOX_DELIVERED, row_with_record(2));
    submit(world, OUTBOX_APPEND, row_of(0));
    capture_begin();
    struct store *store = world_close(world);
    const char *log = capture_end();
    assert_int_equal(capture_count(log, "may be sent again events=2"), 1);
    assert_int_equal(world->told, 0);
    assert_string_equal(ids_in(store, STORE_PENDING), "1 2 3");
    store->ops->close(store);
}

/* A connection that was lost unseen is looked after even then. */
static void stop_asks_once(void **state)
{
    struct world *world = *state;

    fill(world);
    world_open_journal(world);
    run_until(world, world->faults.calls[FAULT_READ] > 0);
    atomic_store(&world->journal.blinks, true);
    submit(world, OUTBOX_DELIVERED, row_with_record(1));
    struct store *store = world_close(world);
    assert_string_equal(ids_in(store, STORE_PENDING), "2 3");
    store->ops->close(store);
}

static struct CMUnitTest
    tests[4 * array_len(kind_rows) + array_len(halves_rows) + array_len(given_rows) + 5];

int main(void)
{
    size_t len = rows_add(tests, 0, kind_rows, once_where_it_was_away_before);

    len = rows_add(tests, len, kind_rows, once_behind_a_loss);
    len = rows_add(tests, len, kind_rows, once_behind_a_commit);
    len = rows_add(tests, len, kind_rows, once_where_it_broke);
    len = rows_add(tests, len, halves_rows, halves);
    len = rows_add(tests, len, given_rows, given_up);
    tests[len++] = (struct CMUnitTest)world_test(what_is_read_waits);
    tests[len++] = (struct CMUnitTest)world_test(order_is_kept);
    tests[len++] = (struct CMUnitTest)world_test(given_up_in_the_same_turn);
    tests[len++] = (struct CMUnitTest)world_test(stop_does_not_wait);
    tests[len++] = (struct CMUnitTest)world_test(stop_asks_once);
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
