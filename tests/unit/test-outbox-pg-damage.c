/* SPDX-License-Identifier: MIT */
/*
 * Damaged rows in PostgreSQL: parts of what stands outside of a row are missing. All others are
 * read, the damaged ones are set aside, and each is counted and said once.
 */
#include "base/log.h"
#include "outbox/pg_core.h"
#include "tests/unit/lib/capture.h"
#include "tests/unit/lib/pg_world.h"

enum { ROWS = 40, BODY_BYTES = 5000, LONG_BYTES = 20000, DAMAGED_MAX = 8 };

static char long_text[LONG_BYTES];

/* No compression makes it small enough for its row. */
static struct span long_span(void)
{
    unsigned random = 1;

    for (size_t i = 0; i < sizeof(long_text); i++) {
        random = random * 1103515245 + 12345;
        long_text[i] = (char)(random >> 16);
    }
    return (struct span){long_text, sizeof(long_text)};
}

/* What a row has that is damaged, or is to be. */
enum part { BODY, RECORD, MODEL };

static void append_one(struct store *store, enum store_state state, enum part part,
                       struct store_row *row)
{
    static char body[BODY_BYTES];

    *row = row_of(0);
    row->state = state;
    row->body = part == BODY ? (struct span){body, sizeof(body)} : SPAN("{}");
    row->record = part == RECORD ? long_span() : SPAN("r");
    row->model = part == MODEL ? long_span() : SPAN("users");
    must_begin(store);
    assert_int_equal(store->ops->append(store, row), 0);
    must_commit(store);
}

/* The rows whose parts stand outside of them lose these, by their numbers among all such rows.
 * PostgreSQL lets nobody change such a table, unless it looks like another; and reads there what is
 * deleted, until VACUUM has been. */
static void damage(struct pg_world *world, const char *table, const char *numbers)
{
    char sql[1024];

    (void)snprintf(sql, sizeof(sql),
                   "DO $do$DECLARE toast oid := (SELECT reltoastrelid FROM pg_class WHERE oid ="
                   " '@%s'::regclass); BEGIN UPDATE pg_class SET relkind = 'r' WHERE oid = toast;"
                   " EXECUTE format('DELETE FROM %%s WHERE chunk_id IN (SELECT c.id FROM (SELECT"
                   " chunk_id AS id, row_number() OVER (ORDER BY chunk_id) - 1 AS n FROM %%1$s"
                   " GROUP BY chunk_id) c WHERE c.n IN (%s))', toast::regclass);"
                   " UPDATE pg_class SET relkind = 't' WHERE oid = toast; END$do$",
                   table, numbers);
    (void)pg_world_sql(world, sql);
    (void)snprintf(sql, sizeof(sql), "VACUUM @%s", table);
    (void)pg_world_sql(world, sql);
}

struct seen {
    uint64_t ids[ROWS];
    size_t len;
};

static int see(void *ctx, const struct store_row *row)
{
    struct seen *seen = ctx;

    assert_true(seen->len < ROWS);
    assert_true(seen->len == 0 || row->id > seen->ids[seen->len - 1]);
    seen->ids[seen->len++] = row->id;
    return 0;
}

/* Reads all that a filter wants, and sees the rows but those of the numbers. */
static void assert_read(struct store *store, struct store_filter filter,
                        const struct store_row *rows, size_t len, const char *numbers)
{
    struct seen seen = {.len = 0};
    size_t n = 0;

    assert_int_equal(store->ops->read(store, &filter, see, &seen), 0);
    for (size_t i = 0; i < len; i++) {
        char number[24];
        (void)snprintf(number, sizeof(number), ",%zu,", i);
        if (strstr(numbers, number))
            continue;
        assert_true(n < seen.len);
        assert_int_equal(seen.ids[n++], rows[i].id);
    }
    assert_int_equal(seen.len, n);
}

/* Counted as the store says, as other readers say, and as the rows are. */
static void assert_counts(struct pg_world *world, uint64_t spoilt, uint64_t pending, uint64_t dead)
{
    struct store *store = world->store;
    struct store_counts counts = counts_of(store);
    bool changed = false;

    assert_int_equal(counts.spoilt, spoilt);
    assert_int_equal(counts.discarded, spoilt);
    assert_int_equal(counts.pending, pending);
    assert_int_equal(counts.dead, dead);
    assert_int_equal(counts.accepted, spoilt + pending + dead + counts.delivered);
    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_int_equal(changed, spoilt > 0); /* is told once */
    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_false(changed);
    struct store_counts again = counts_of(store);
    assert_memory_equal(&again, &counts, sizeof(counts));
    char rows[64];
    (void)snprintf(rows, sizeof(rows), "%llu %llu", (unsigned long long)pending,
                   (unsigned long long)dead);
    assert_string_equal(pg_world_sql(world, "SELECT (SELECT count(*) FROM @event) || ' ' ||"
                                            " (SELECT count(*) FROM @letter)"),
                        rows);
}

/* ---- Pages ---- */

struct damage_case {
    const char *name;
    enum store_state state;
    enum part part;
    const char *numbers; /* of damaged rows, each between commas */
    uint64_t damaged;
    bool bare;
};

static struct damage_case damage_cases[] = {
    {"a body in the middle", STORE_PENDING, BODY, ",17,", 1, false},
    {"the first body and the last", STORE_PENDING, BODY, ",0,39,", 2, false},
    {"bodies in a row", STORE_PENDING, BODY, ",3,4,5,6,", 4, false},
    {"every body", STORE_PENDING, BODY,
     ",0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,"
     "34,35,36,37,38,39,",
     40, false},
    {"bodies of letters", STORE_DEAD, BODY, ",1,17,", 2, false},
    {"columns of an event", STORE_PENDING, RECORD, ",17,", 1, false},
    {"columns of an event, without bodies", STORE_PENDING, RECORD, ",17,18,", 2, true},
    {"columns of letters", STORE_DEAD, RECORD, ",0,38,39,", 3, true},
};

static void all_others_are_read(void **state)
{
    const struct damage_case *damage_case = *state;
    struct store_row rows[ROWS];
    char numbers[128];
    void *made = NULL;

    pg_world_setup(&made);
    struct pg_world *world = made;
    struct store *store = pg_world_open(world, STORE_SERVE);
    for (size_t i = 0; i < ROWS; i++)
        append_one(store, damage_case->state, damage_case->part, &rows[i]);
    (void)snprintf(numbers, sizeof(numbers), "%s", damage_case->numbers + 1);
    numbers[strlen(numbers) - 1] = '\0';
    damage(world, damage_case->state == STORE_DEAD ? "letter" : "event", numbers);

    struct store_filter filter = {
        .first = damage_case->state, .last = damage_case->state, .bare = damage_case->bare};
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    assert_read(store, filter, rows, ROWS, damage_case->numbers);
    assert_read(store, filter, rows, ROWS, damage_case->numbers);
    const char *log = capture_end();
    const char *line = "error an event in the outbox was damaged, and has been discarded";
    assert_int_equal(capture_count(log, line), damage_case->damaged);
    assert_int_equal(capture_count(log, "the outbox"), damage_case->damaged);
    uint64_t left = ROWS - damage_case->damaged;
    assert_counts(world, damage_case->damaged, damage_case->state == STORE_DEAD ? 0 : left,
                  damage_case->state == STORE_DEAD ? left : 0);
    assert_int_equal(store->ops->tend(store, NULL), 0);
    (void)pg_world_teardown(&made);
}

/* ---- One row ---- */

/* Damages the only row there is of that part. */
static struct store *open_damaged(struct pg_world *world, enum store_state state, enum part part,
                                  struct store_row *row)
{
    struct store *store = pg_world_open(world, STORE_SERVE);

    append_one(store, state, part, row);
    damage(world, state == STORE_DEAD ? "letter" : "event", "0");
    return store;
}

/* Within a transaction, which others may share, nothing is set aside. */
static void damaged_offer_is_refused_and_then_goes(void **state)
{
    struct pg_world *world = *state;
    struct store_row row, other;
    struct store *store = open_damaged(world, STORE_DEAD, BODY, &row);
    const struct store_filter one = {.last = STORE_FORCED, .after = row.id - 1, .upto = row.id};
    struct seen seen = {.len = 0};

    must_begin(store);
    assert_int_equal(store->ops->offer(store, row.id, false), 0);
    must_commit(store);
    must_begin(store);
    assert_int_equal(store->ops->read(store, &one, see, &seen), STORE_BROKEN);
    must_commit(store);
    append_one(store, STORE_PENDING, BODY, &other);
    assert_int_equal(counts_of(store).pending, 2);
    bool mended = false;
    assert_int_equal(store->ops->tend(store, &mended), 0);
    assert_true(mended);
    must_begin(store);
    uint64_t new_id = row.id;
    assert_int_equal(store->ops->take_offer(store, row.id, &new_id, 1), STORE_MISSING);
    must_commit(store);
    assert_counts(world, 1, 1, 0);
}

/* What is in memory becomes the letter. */
static void damaged_event_can_be_buried(void **state)
{
    struct pg_world *world = *state;
    struct store_row row;
    struct store *store = open_damaged(world, STORE_PENDING, BODY, &row);

    row.reason = SPAN("no");
    row.died_ms = 5;
    must_begin(store);
    assert_int_equal(store->ops->bury(store, &row), 0);
    assert_int_equal(store->ops->commit(store), STORE_BROKEN);
    assert_int_equal(store->ops->tend(store, NULL), 0);
    must_bury(store, row);
    assert_counts(world, 1, 0, 1);
    assert_read(store, (struct store_filter){.last = STORE_FORCED}, &row, 1, "");
}

/* A delivery asks for no body. */
static void damaged_event_can_be_delivered(void **state)
{
    struct pg_world *world = *state;
    struct store_row row;
    struct store *store = open_damaged(world, STORE_PENDING, BODY, &row);

    must_begin(store);
    assert_int_equal(store->ops->deliver(store, &row, false), 0);
    must_commit(store);
    assert_counts(world, 0, 0, 0);
    assert_int_equal(counts_of(store).delivered, 1);
}

/* The model says in whose counts the row is. */
static void row_that_cannot_be_removed_is_said_once(void **state)
{
    struct pg_world *world = *state;
    struct store_row rows[2];
    struct store *store = open_damaged(world, STORE_PENDING, MODEL, &rows[0]);

    append_one(store, STORE_PENDING, BODY, &rows[1]);
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    for (int i = 0; i < 2; i++) {
        assert_read(store, (struct store_filter){.last = STORE_PENDING}, rows, 2, ",0,");
        assert_int_equal(store->ops->tend(store, NULL), STORE_BROKEN);
    }
    const char *log = capture_end();
    assert_int_equal(capture_count(log, "can be neither read nor removed"), 1);
    assert_int_equal(capture_count(log, "the outbox"), 1);
    assert_counts(world, 0, 2, 0);
    append_one(store, STORE_PENDING, BODY, &rows[1]);
}

/* The relay counts what is set aside: a command leaves the rows to it. */
static void command_leaves_damaged_rows_out(void **state)
{
    struct pg_world *world = *state;
    struct store_row rows[3];
    struct seen seen = {.len = 0};
    struct store_filter filter = {.last = STORE_FORCED};

    (void)open_damaged(world, STORE_DEAD, RECORD, &rows[0]);
    append_one(world->store, STORE_DEAD, BODY, &rows[1]);
    append_one(world->store, STORE_PENDING, BODY, &rows[2]);
    struct store *beside = pg_world_open(world, STORE_BESIDE);
    assert_int_equal(beside->ops->read(beside, &filter, see, &seen), STORE_BROKEN);
    assert_int_equal(seen.len, 2);
    must_begin(beside);
    assert_int_equal(beside->ops->discard(beside, rows[0].id), 0);
    must_commit(beside);
    seen.len = 0;
    assert_int_equal(beside->ops->read(beside, &filter, see, &seen), 0);
    beside->ops->close(beside);
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        pg_world_test(damaged_offer_is_refused_and_then_goes),
        pg_world_test(damaged_event_can_be_buried),
        pg_world_test(damaged_event_can_be_delivered),
        pg_world_test(row_that_cannot_be_removed_is_said_once),
        pg_world_test(command_leaves_damaged_rows_out),
    };
    static struct CMUnitTest tests[array_len(others) + array_len(damage_cases)];

    memcpy(tests, others, sizeof(others));
    rows_add(tests, array_len(others), damage_cases, all_others_are_read);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
