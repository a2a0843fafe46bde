/* SPDX-License-Identifier: MIT */
/* Groups: operations of which the writer stores all or none. */
#include "tests/unit/lib/any_store.h"
#include "tests/unit/lib/outbox_world.h"

enum { GROUP_MAX = 5000 };

/* A group of operations 2, 3, ..., with single ones before and behind it: 1 and len + 2. */
struct grouped {
    struct world *world;
    struct outbox_group group;
    struct op *before, *behind;
    struct op *ops[GROUP_MAX];
    size_t len;
    int told, place, r;
};

static void group_done(struct outbox_group *group, int r)
{
    struct grouped *grouped = container_of(group, struct grouped, group);

    grouped->told++;
    grouped->place = grouped->world->told;
    grouped->r = r;
}

static struct op *add(struct grouped *grouped, enum outbox_kind kind, struct store_row row)
{
    struct op *op = world_op(grouped->world, kind, row);

    outbox_group_add(&grouped->group, &op->op);
    return op;
}

/* letter: the last operation buries; 0: none does. */
static void submit_grouped(struct world *world, struct grouped *grouped, size_t len, bool letter)
{
    *grouped = (struct grouped){.world = world, .len = len, .group = {.done = group_done}};
    outbox_group_init(&grouped->group);
    grouped->before = submit(world, OUTBOX_APPEND, row_of(1));
    for (size_t i = 0; i < len; i++) {
        bool buries = letter && i == len - 1;
        struct store_row row = buries ? died(i + 2, "bad") : row_of(i + 2);
        row.state = buries ? STORE_DEAD : STORE_PENDING;
        /* In a journal a new letter is an append. */
        bool appends = !buries || any_store_is_journal();
        grouped->ops[i] = add(grouped, appends ? OUTBOX_APPEND : OUTBOX_BURY, row);
    }
    outbox_submit_group(world->outbox, &grouped->group);
    grouped->behind = submit(world, OUTBOX_APPEND, row_of(len + 2));
}

static void await_grouped(struct world *world, struct grouped *grouped)
{
    run_until(world, world->told == (int)grouped->len + 2);
    assert_int_equal(grouped->told, 1);
    assert_int_equal(grouped->place, grouped->len + 1); /* behind its operations */
    for (size_t i = 0; i < grouped->len; i++) {
        assert_int_equal(grouped->ops[i]->r, grouped->r);
        assert_int_equal(grouped->ops[i]->place, i + 2);
    }
    assert_int_equal(grouped->before->r, 0);
    assert_int_equal(grouped->behind->r, 0);
}

static void assert_stored(struct world *world, const char *ids)
{
    struct store *store = world_close(world);

    assert_string_equal(world_numbers(world, store), ids);
    store->ops->close(store);
}

static void group_is_stored_in_one_commit(void **state)
{
    struct world *world = *state;
    struct grouped grouped;

    world_open(world);
    submit_grouped(world, &grouped, 4, true);
    assert_true(outbox_may_have_letters(world->outbox, row_of(5).model, row_of(5).record));
    await_grouped(world, &grouped);
    assert_int_equal(grouped.r, 0);
    assert_int_equal(world->faults.calls[FAULT_COMMIT], 1);
    assert_int_equal(status_of(world).counts.pending, 5);
    assert_int_equal(status_of(world).counts.dead, 1);
    assert_stored(world, "1 2 3 4 5 6");
}

/* The transaction of the group's other operations would go through. */
static void nothing_is_stored_where_one_fails(void **state)
{
    struct world *world = *state;
    struct grouped grouped;

    world_open(world);
    fault_store_set(&world->faults, FAULT_BURY, STORE_FULL);
    submit_grouped(world, &grouped, 4, true);
    await_grouped(world, &grouped);
    assert_int_equal(grouped.r, STORE_FULL);
    assert_int_equal(status_of(world).counts.accepted, 2);
    assert_stored(world, "1 6");
}

static void assert_spoilt(struct world *world, int with, bool late)
{
    struct grouped grouped;

    world_open(world);
    atomic_store(&world->faults.refused_arrived_ms, row_of(4).arrived_ms);
    atomic_store(&world->faults.refused_with, with);
    atomic_store(&world->faults.refused_late, late);
    submit_grouped(world, &grouped, 4, false);
    await_grouped(world, &grouped);
    assert_int_equal(grouped.r, with);
    assert_stored(world, "1 6");
}

static void nothing_is_stored_where_the_disk_is_full(void **state)
{
    assert_spoilt(*state, STORE_FULL, false);
}

static void nothing_is_stored_where_the_disk_is_full_at_the_end(void **state)
{
    assert_spoilt(*state, STORE_FULL, true);
}

static void nothing_is_stored_where_memory_is_short(void **state)
{
    assert_spoilt(*state, -ENOMEM, false);
}

static void thousands_are_one_job(void **state)
{
    static struct grouped grouped;
    struct world *world = *state;

    world_open(world);
    submit_grouped(world, &grouped, GROUP_MAX, false);
    await_grouped(world, &grouped);
    assert_int_equal(grouped.r, 0);
    assert_int_equal(world->faults.calls[FAULT_COMMIT], 1);
    assert_int_equal(status_of(world).counts.pending, GROUP_MAX + 2);
}

static void stopped_writer_stores_the_whole_group(void **state)
{
    struct world *world = *state;
    struct grouped grouped;

    world_open(world);
    submit_grouped(world, &grouped, 3, false);
    assert_stored(world, "1 2 3 4 5");
    assert_int_equal(grouped.told, 0);
}

static const struct CMUnitTest tests[] = {
    world_test(group_is_stored_in_one_commit),
    world_test(nothing_is_stored_where_the_disk_is_full),
    world_test(nothing_is_stored_where_the_disk_is_full_at_the_end),
    world_test(nothing_is_stored_where_memory_is_short),
    world_test(thousands_are_one_job),
    world_test(stopped_writer_stores_the_whole_group),
    /* A journal has new letters appended. */
    world_test(nothing_is_stored_where_one_fails),
};

int main(void)
{
    return any_store_run(tests, array_len(tests), 1);
}
