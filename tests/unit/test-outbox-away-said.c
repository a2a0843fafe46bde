/* SPDX-License-Identifier: MIT */
/* A journal that is away: what is said of it, and when it is asked. */
#include "tests/unit/lib/capture.h"
#include "tests/unit/lib/outbox_world.h"

#include "base/log.h"
#include "outbox/writer_away.h"

static struct page meets; /* what meets that the journal is away */

/* And with the first of the reasons. */
static void said_once(void **state)
{
    struct world *world = *state;

    world_open_journal(world);
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    world_go_away(world, &meets);
    submit(world, OUTBOX_APPEND, row_of(0));
    run_until(world, world_has_asked(world, 4));
    struct outbox_status status = status_of(world);
    journal_store_come_back(&world->journal);
    run_until(world, !outbox_is_away(world->outbox));
    const char *log = capture_end();
    assert_true(status.away);
    assert_string_equal(status.why_away, "no route to host");
    assert_int_equal(status.failing, 0);
    assert_false(status.unreadable);
    assert_int_equal(
        capture_count(log, "warn the outbox is away: events wait error=\"no route to host\""), 1);
    assert_int_equal(capture_count(log, "info the outbox is back: events are stored after_s=0"), 1);
    assert_int_equal(capture_count(log, "the outbox"), 2);
    assert_false(status_of(world).away);
}

/* A store that gives its connection up by itself; what is logged from then on is kept. */
static void open_renewing(struct world *world)
{
    world_open_journal(world);
    run_until(world, world->faults.calls[FAULT_READ] > 0);
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    world->faults.store.renews = true;
}

static void nothing_is_said_of_a_renewal(void **state)
{
    struct world *world = *state;

    open_renewing(world);
    atomic_store(&world->journal.blinks, true);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(0)), 0);
    const char *log = capture_end();
    assert_int_equal(capture_count(log, "the outbox"), 0);
    assert_int_equal(status_of(world).times_away, 0);
}

static void renewal_that_fails_is_an_outage(void **state)
{
    struct world *world = *state;

    open_renewing(world);
    world_go_away(world, &meets);
    journal_store_come_back(&world->journal);
    run_until(world, !outbox_is_away(world->outbox));
    const char *log = capture_end();
    assert_int_equal(
        capture_count(log, "the outbox is away: events wait error=\"connection refused\""), 1);
    assert_int_equal(capture_count(log, "the outbox is back"), 1);
    assert_int_equal(capture_count(log, "the outbox"), 2);
}

static void count_call(void *calls)
{
    ++*(int *)calls;
}

/* Nothing waits for a store that another relay has, and this is told once. */
static void taken_over(void **state)
{
    struct world *world = *state;
    int calls = 0;

    world_open_journal(world);
    log_setup(LOG_ERROR, LOG_TEXT);
    outbox_on_taken_over(world->outbox, count_call, &calls);
    world_go_away(world, &meets);
    run_until(world, world_has_asked(world, 2));
    assert_int_equal(calls, 0);
    atomic_store(&world->journal.taken_over, true);
    run_until(world, calls > 0);
    run_until(world, world_has_asked(world, 6));
    world_turn(world);
    assert_int_equal(calls, 1);
    assert_true(status_of(world).away);
}

static void pause_grows(void **state)
{
    static const int64_t pauses_ms[] = {0, 50, 100, 200, 400, 500, 500, 500};
    (void)state;

    for (int tries = 0; tries < (int)array_len(pauses_ms); tries++)
        for (int i = 0; i < 100; i++) {
            int64_t pause_ms = writer_away_pause_ms(&(struct writer_away){.tries = tries});
            assert_in_range(pause_ms, pauses_ms[tries] / 2, pauses_ms[tries]);
        }
}

static const struct CMUnitTest tests[] = {
    world_test(said_once),
    world_test(nothing_is_said_of_a_renewal),
    world_test(renewal_that_fails_is_an_outage),
    world_test(taken_over),
    cmocka_unit_test(pause_grows),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
