/* SPDX-License-Identifier: MIT */
/*
 * Dead letters that are replayed while events of their route, or of an earlier process, are on disk
 * only: what a page is yet to bring, and whether it comes before or after.
 */
#include "relay/delivery.h"

#include <unistd.h>

#include "relay_cases.h"

/* The outbox knows of it, and the relay takes it up only when it is told to. */
static void ask_for_replay(struct world *world, uint64_t letter)
{
    outbox_on_offers(world->outbox, NULL, NULL);
    loop_timer_clear(world->loop, &world->relay->tend_timer);
    change_beside(world, replay_row, letter);
    while (!a_replay_waits(world))
        (void)usleep(1000);
}

/* ---- while a page comes in ---- */

/* The letter is replayed, and taken up in the very turn in which the route's page is asked for. */
static void replay_beside_page(struct world *world, const char *model, uint64_t letter)
{
    const struct relay_route *route = relay_route_find(world->relay, span_of(model));

    ask_for_replay(world, letter);
    world->convex = takes_all;
    relay_probe(world->relay);
    while (!route->reading) {
        world->now_ms++;
        assert_int_equal(loop_turn(world->loop), 0);
        (void)usleep(100);
    }
    relay_take_up_replays(world->relay);
    assert_int_equal(loop_turn(world->loop), 0); /* tells the outbox */
    while (!the_replay_was_taken_up(world))
        (void)usleep(1000);
    loop_timer_set(world->loop, &world->relay->tend_timer, world->now_ms + 1000);
}

enum { LAST = 3000 }; /* in memory, and one page behind */

static void test_a_letter_behind_the_last_page(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(20, is_away);

    for (int record = 1; record <= LAST; record++)
        (void)world_send(world, "users", record, 1);
    world_run(world, 100);
    change_beside(world, bury_row, LAST);
    replay_beside_page(world, "users", LAST);
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_int_equal(world->done, LAST);
    assert_counts(LAST, 0, 0);
}

enum { PAGE_LARGE = 3 << 20 };

static struct world_answer has_no_function(struct world *world, const char *path, int record,
                                           int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return world_no_function();
}

/* An older event of its record, and a large one, is in the page. */
static void test_a_letter_amid_the_page(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.routes = many_routes();
    struct world *world = begin(&options, has_no_function);

    (void)world_send(world, "m0", 0, 1);
    world_run(world, 100); /* the route is held: nobody is let in past the window */
    for (int number = 2; number <= MANY_WINDOW; number++)
        (void)world_send(world, "m0", 0, number);
    (void)world_send_large(world, "m0", 1, 1, PAGE_LARGE);
    (void)world_send(world, "m0", 1, 2);
    (void)world_send(world, "m0", 2, 1);
    world_run(world, 100);
    assert_int_equal(relay_pending(world->relay), MANY_WINDOW);
    change_beside(world, bury_row, MANY_WINDOW + 2);
    replay_beside_page(world, "m0", MANY_WINDOW + 2);
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_int_equal(world->disorders, 0);
    assert_counts(MANY_WINDOW + 3, 0, 0);
}

/* ---- after a crash ---- */

/* Convex takes it, or its answer is long in coming. */
static struct world_answer takes_if(bool takes)
{
    struct world_answer answer = world_done();

    if (!takes)
        answer.after_ms = 1000 * WORLD_DAY_MS;
    return answer;
}

/* Record 1 stands behind record 0. */
static struct world_answer stops_at_record_0(struct world *world, const char *path, int record,
                                             int number)
{
    (void)world, (void)path, (void)number;
    return takes_if(record != 0);
}

/* The process before has sent it, or not: nobody knows. */
static void test_a_newer_event_may_have_been_sent(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.concurrency = 1;
    struct world *world = begin(&options, rejects_all);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 100);
    world->convex = stops_at_record_0;
    (void)world_send(world, "users", 0, 1);
    (void)world_send(world, "users", 1, 2);
    world_run(world, 100);
    world_restart(world);
    change_beside(world, replay_row, 1);
    take_up_replay(world);
    assert_counts(0, 1, 2);
    change_beside(world, replay_is_stale, 1);
}

static struct distance_row {
    const char *name;
    int before; /* events, on disk before the letter */
} distance_rows[] = {
    {"the letter stands before all that is in memory", 0},
    {"the letter is in a page that is yet to come", 2500},
};

/* The same, far behind on disk. The replay of another record waits until that is known, and goes.
 */
static void test_what_was_sent_may_be_far_behind(void **state)
{
    const struct distance_row *row = *state;
    uint64_t letter = (uint64_t)row->before + 1;
    struct world *world = begin_in_steps(20, is_away);

    for (int i = 0; i < BACKLOG; i++) {
        bool is_letter = i == row->before || i == row->before + 1;
        (void)world_send(world, "users", is_letter ? i - row->before + 1 : 3 + i, 1);
    }
    (void)world_send(world, "users", 1, 2);
    world_run(world, 100);
    world_stop(world);
    change_beside(world, bury_row, letter);
    change_beside(world, bury_row, letter + 1);
    world_start(world);
    change_beside(world, replay_row, letter);
    change_beside(world, replay_row, letter + 1);
    world_run_until(world, the_replay_was_taken_up, 1000 * WORLD_DAY_MS);
    world->convex = takes_all;
    (void)world_send(world, "users", 2, 2);
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->done, BACKLOG + 1);
    assert_counts(BACKLOG + 1, 1, 0);
    change_beside(world, replay_is_stale, letter);
}

enum {
    POSTS = 14, /* more than 24 MiB, of a route that is held */
    POST_BYTES = 2 << 20,
};

static bool users_are_done(struct world *world)
{
    return world->done == BACKLOG;
}

/* Replays of one record wait for a page, while another route has all the room. */
static void test_what_waits_for_a_page_gets_it(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(20, is_away);

    for (int i = 0; i < BACKLOG; i++)
        (void)world_send(world, "users", i < 2 ? 1 : i, i < 2 ? i + 1 : 1);
    for (int i = 0; i < POSTS; i++)
        (void)world_send_large(world, "posts", i, 1, POST_BYTES);
    world_run(world, 100);
    world_stop(world);
    change_beside(world, bury_row, 1);
    change_beside(world, bury_row, 2);
    world->convex = has_no_posts;
    world_start(world);
    change_beside(world, replay_all, 2);
    world_run_until(world, the_replay_was_taken_up, 1000 * WORLD_DAY_MS);
    world_run_until(world, users_are_done, 600 * 1000);
    world_run(world, 100);
    assert_int_equal(world->disorders, 0);
    assert_counts(BACKLOG, 0, POSTS);
}

enum { AMID = 290, AMID_BYTES = 100 << 10 }; /* events between the letter and the newer one */

static struct world_answer takes_record_1_alone(struct world *world, const char *path, int record,
                                                int number)
{
    (void)world, (void)path, (void)number;
    return takes_if(record == 1);
}

/* Letters, much in between, and a newer event, which Convex took before the process died. */
static struct world *begin_after_crash(int letters, int letter_bytes)
{
    struct world_options options = plain;
    options.concurrency = 1000;
    struct world *world = begin(&options, is_away);

    for (int number = 1; number <= letters; number++)
        (void)world_send_large(world, "users", 1, number, letter_bytes);
    for (int i = 0; i < AMID; i++)
        (void)world_send_large(world, "users", 3 + i, 1, AMID_BYTES);
    (void)world_send(world, "users", 1, letters + 1);
    world_run(world, 100);
    world_stop(world);
    for (int letter = 1; letter <= letters; letter++)
        change_beside(world, bury_row, (uint64_t)letter);
    world->newest[1] = letters + 1;
    world->convex = takes_record_1_alone;
    world_start(world);
    world_run(world, 200);
    return world;
}

static void read_page_without_room(struct world *world)
{
    size_t bytes = world->relay->bytes;

    world->relay->bytes = 0;
    relay_page_all(world->relay);
    world->relay->bytes = bytes;
    assert_int_equal(world->relay->reads, 1);
}

/* The page with the newer event is read right behind the replay, which takes many turns. */
static void test_the_page_is_read_behind_the_replay(void **state)
{
    (void)state;
    struct world *world = begin_after_crash(1, PAGE_LARGE);

    ask_for_replay(world, 1);
    relay_take_up_replays(world->relay);
    read_page_without_room(world);
    world_run(world, 3000);
    assert_int_equal(world->disorders, 0);
}

/* Another process has taken the replay up, and kept it back, when it is stopped. */
static void test_a_restart_while_a_replay_waits(void **state)
{
    (void)state;
    struct world *world = begin_after_crash(1, 0);

    change_beside(world, replay_row, 1);
    take_up_replay(world);
    assert_int_equal(world->relay->replayed, 1);
    world_restart(world);
    world_run(world, 3000);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->relay->replayed, 1);
}

/* Letters of one record, the newest first: none has gone before the others. */
static void test_replays_that_wait_for_a_page_pass_no_other(void **state)
{
    enum { LETTERS = 3 };
    (void)state;
    struct world *world = begin_after_crash(LETTERS, 0);

    for (uint64_t letter = LETTERS; letter > 0; letter--) {
        change_beside(world, replay_row, letter);
        take_up_replay(world);
    }
    assert_int_equal(world->relay->replayed, LETTERS);
    world_restart(world);
    world_run(world, 3000);
    assert_int_equal(world->relay->replayed, LETTERS);
    assert_int_equal(world->disorders, 0);
}

static struct two_letters_row {
    const char *name;
    uint64_t first, second;
    bool restarts;
} two_letters_rows[] = {
    {"the letter is older than one that the page buries", 2, 1, false},
    {"the letter is newer than one that the page buries", 1, 2, false},
    {"the letter is newer than one that another process has taken up", 1, 2, true},
};

/* One waits for the page, which overtakes it; the other comes when that one is being buried. */
static void test_two_letters_and_the_page(void **state)
{
    const struct two_letters_row *row = *state;
    struct world *world = begin_after_crash(2, 0);

    change_beside(world, replay_row, row->first);
    take_up_replay(world);
    if (row->restarts) {
        world_restart(world);
        world_run(world, 200);
    }
    assert_int_equal(world->relay->replayed, 1);
    ask_for_replay(world, row->second);
    read_page_without_room(world);
    relay_take_up_replays(world->relay);
    world_run(world, 3000);
    assert_int_equal(world->disorders, 0);
}

/* Some of those that Convex is at. */
static void answer(struct world *world, int calls)
{
    struct world_call *call = TAILQ_FIRST(&world->calls);

    for (int i = 0; i < calls; i++, call = TAILQ_NEXT(call, link))
        loop_timer_set(world->loop, &call->timer, world->now_ms);
    world_run(world, 100);
}

static struct world_answer takes_record_0_alone(struct world *world, const char *path, int record,
                                                int number)
{
    (void)world, (void)path, (void)number;
    return takes_if(record == 0);
}

/* A replay waits for a page, and somebody has taken all that the page would have brought. */
static void test_a_page_that_comes_empty(void **state)
{
    enum { BEHIND = 4 };
    (void)state;
    struct world_options options = plain;
    options.routes = many_routes();
    options.concurrency = MANY_WINDOW;
    struct world *world = begin(&options, is_away);

    for (int record = 0; record <= MANY_WINDOW + BEHIND; record++)
        (void)world_send(world, "m0", record, 1);
    world_run(world, 100);
    world_stop(world);
    change_beside(world, bury_row, 1);
    world->convex = takes_record_0_alone;
    world_start(world);
    change_beside(world, replay_row, 1);
    take_up_replay(world);
    assert_int_equal(world->relay->replayed, 1);
    for (uint64_t id = MANY_WINDOW + 2; id <= MANY_WINDOW + BEHIND + 1; id++)
        change_beside(world, bury_row, id);
    answer(world, MANY_WINDOW / 2 + 1);
    assert_int_equal(world->newest[0], 1);
}

/* ---- many routes ---- */

static struct world_answer has_no_m0(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)record, (void)number;
    struct world_answer answer = strncmp(path, "m0:", 3) == 0 ? world_no_function() : world_done();

    answer.after_ms = 1;
    return answer;
}

/* A route that is held has all the room, and the others take turns with what is left. */
static void test_each_route_gets_its_turn(void **state)
{
    enum { ROUTES = 12, EACH = 50, BYTES = 70000, HELD = 14, HELD_BYTES = 2 << 20 };
    (void)state;
    struct world_options options = plain;
    options.routes = many_routes();
    struct world *world = begin(&options, has_no_m0);
    for (int i = 0; i < HELD; i++)
        (void)world_send_large(world, "m0", i, 1, HELD_BYTES);
    world_run(world, 100);
    for (int route = 1; route < ROUTES; route++)
        for (int i = 0; i < EACH; i++) {
            char model[16];
            (void)snprintf(model, sizeof(model), "m%d", route);
            (void)world_send_large(world, model, 100 * route + i, 1, BYTES);
        }
    for (int least = 0; least < EACH / 2; world_step(world)) {
        int most = 0;
        least = EACH;
        for (int route = 1; route < ROUTES; route++) {
            int done = 0;
            for (int i = 0; i < EACH; i++)
                done += world->newest[100 * route + i];
            least = done < least ? done : least;
            most = done > most ? done : most;
        }
        assert_true(most - least <= 4);
    }
}

/* No time passes: that the first of them have failed keeps no other waiting. */
static void test_a_start_waits_for_no_route_that_cannot_be_read(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_all);

    fault_store_set(&world->disk, FAULT_READ, STORE_BROKEN);
    world_reload(world, many_routes());
    while (relay_loading(world->relay)) {
        assert_int_equal(loop_turn(world->loop), 0);
        (void)usleep(1000);
    }
    const char *why = world->relay->inbox.not_ready(&world->relay->inbox);
    assert_non_null(why);
    assert_string_equal(why, "The outbox cannot be read");
}

/* One page is long in coming, as where memory is short, and all others fail. */
static void test_a_start_that_waits_does_not_spin(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.routes = many_routes();
    struct world *world = begin(&options, takes_all);
    struct relay_route *route = TAILQ_FIRST(&world->relay->routes);

    fault_store_set(&world->disk, FAULT_READ, STORE_BROKEN);
    for (; route; route = TAILQ_NEXT(route, link))
        route->backlog = true;
    route = relay_route_find(world->relay, SPAN("m0"));
    route->looked = false;
    route->reading = true;
    int before = atomic_load(&world->disk.calls[FAULT_READ]);
    relay_page_all(world->relay);
    int reads = 0;
    for (int i = 0; i < 200 || reads == 0; i++) { /* the disk may be late */
        assert_int_equal(loop_turn(world->loop), 0);
        (void)usleep(1000);
        reads = atomic_load(&world->disk.calls[FAULT_READ]) - before;
    }
    assert_in_range(reads, 1, MANY_ROUTES);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest plain_tests[] = {
        ROW(test_a_letter_behind_the_last_page),
        ROW(test_a_letter_amid_the_page),
        ROW(test_a_newer_event_may_have_been_sent),
        ROW(test_the_page_is_read_behind_the_replay),
        ROW(test_a_restart_while_a_replay_waits),
        ROW(test_what_waits_for_a_page_gets_it),
        ROW(test_replays_that_wait_for_a_page_pass_no_other),
        ROW(test_a_page_that_comes_empty),
        ROW(test_each_route_gets_its_turn),
        ROW(test_a_start_waits_for_no_route_that_cannot_be_read),
        ROW(test_a_start_that_waits_does_not_spin),
    };
    struct CMUnitTest
        tests[array_len(plain_tests) + array_len(distance_rows) + array_len(two_letters_rows)];
    size_t len = array_len(plain_tests);

    memcpy(tests, plain_tests, sizeof(plain_tests));
    len = cases_add(tests, len, distance_rows, test_what_was_sent_may_be_far_behind);
    (void)cases_add(tests, len, two_letters_rows, test_two_letters_and_the_page);
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
