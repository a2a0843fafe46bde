/* SPDX-License-Identifier: MIT */
/*
 * Ten events always fail, and others do not: each of the others is delivered while its sender
 * waits, the log stays short, and no limit shrinks.
 */
#include "relay/evidence.h"
#include "tests/unit/lib/capture.h"
#include "tests/unit/lib/relay_cases.h"

enum {
    BAD = 10,  /* records from 0 */
    GOOD = 40, /* records from BAD */
    NIGHT_MS = 3600 * 1000,
    SLOW_MS = 30000, /* of an attempt */
};

static struct world_answer bad_answer;

static struct world_answer fails_the_bad(struct world *world, const char *path, int record,
                                         int number)
{
    (void)world, (void)path, (void)number;
    return record < BAD ? bad_answer : world_done();
}

/* ---- how they fail ---- */

static struct world_answer is_slow(struct world_answer answer)
{
    answer.after_ms = SLOW_MS;
    return answer;
}

struct way {
    const char *name;
    int status; /* 0: lost */
    const char *body;
    bool slow;
};

static const struct way ways[] = {
    {"403 of a firewall", 403, "<html>", false},
    {"401", 401, "{\"code\":\"BadAdminKey\",\"message\":\"\"}", false},
    {"413 of a proxy", 413, "<html>", false},
    {"302", 302, "", false},
    {"500", 500, "{\"code\":\"InternalServerError\",\"message\":\"\"}", false},
    {"502 of a proxy", 502, "<html>", false},
    {"a connection that is reset", 0, "", false},
    {"an answer that is none", 200, "<html>", false},
    {"time-outs", 0, "", true},
    {"504 after half a minute", 504, "<html>", true},
};

static struct world *begin_way(const struct way *way, struct world_options options)
{
    options.step_ms = 20;
    bad_answer = way->status ? world_http(way->status, way->body) : world_lost();
    if (way->slow)
        bad_answer = is_slow(bad_answer);
    return begin(&options, fails_the_bad);
}

/* ---- who comes when ---- */

static struct sender *good[GOOD];

static void send_bad(struct world *world, const char *model)
{
    for (int i = 0; i < BAD; i++)
        (void)world_send(world, model, i, 1);
}

/* Until those that are tried at once have failed. */
static void let_them_fail(struct world *world, const struct way *way)
{
    world_run(world, 500 + (way->slow ? SLOW_MS : 0));
}

static void send_good(struct world *world, const char *model)
{
    for (int i = 0; i < GOOD; i++) {
        good[i] = world_send(world, model, BAD + i, 1);
        world_run(world, 100);
    }
    world_run(world, 10000);
}

static void assert_good_is_delivered(struct world *world)
{
    for (int i = 0; i < GOOD; i++) {
        if (!good[i]->answered || good[i]->reply != REPLY_DELIVERED)
            fail_msg("the %d. good event was answered %d", i + 1, (int)good[i]->reply);
    }
    assert_int_equal(world->done, GOOD);
    assert_int_equal(world->disorders, 0);
}

static void check_bad_ones_first(void **state)
{
    struct world *world = begin_way(*state, (struct world_options){0});

    send_bad(world, "posts");
    let_them_fail(world, *state);
    send_good(world, "users");
    assert_good_is_delivered(world);
}

/* Others have got through lately: no gate closes, and nobody waits. */
static void check_bad_ones_amid(void **state)
{
    const struct way *way = *state;
    struct world *world = begin_way(way, (struct world_options){.sync_wait_ms = 500});

    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    for (int i = 0; i < GOOD; i++) {
        good[i] = world_send(world, "users", BAD + i, 1);
        world_run(world, way->slow ? SLOW_MS / 15 : 100);
        if (i % (GOOD / BAD) == 0)
            (void)world_send(world, "users", i / (GOOD / BAD), 1);
    }
    world_run(world, 10000);
    const char *log = capture_end();
    log_setup(LOG_ERROR, LOG_TEXT);
    assert_int_equal(capture_count(log, "Convex refuses the relay: events are held"), 0);
    assert_good_is_delivered(world);
}

/* The gate has long given up: it probes once a minute. */
static void check_bad_ones_over_night(void **state)
{
    struct world *world = begin_way(*state, (struct world_options){0});

    world->options.step_ms = 1000;
    send_bad(world, "posts");
    world_run(world, NIGHT_MS);
    world->options.step_ms = 20;
    send_good(world, "users");
    assert_good_is_delivered(world);
}

/* What was learned is lost, and they are the first to be read. */
static void check_bad_ones_after_a_restart(void **state)
{
    struct world *world = begin_way(*state, (struct world_options){0});

    send_bad(world, "posts");
    world_run(world, 500);
    world_restart(world);
    world->options.step_ms = 200;
    world_run(world, 20000);
    let_them_fail(world, *state);
    world->options.step_ms = 20;
    send_good(world, "users");
    assert_good_is_delivered(world);
}

/* One after the other: each event comes to a closed gate. */
static void check_bad_ones_in_line(void **state)
{
    const struct way *way = *state;
    static const char routes[] = "{\"posts\":{\"mutation\":\"posts:a\",\"concurrency\":1},"
                                 "\"users\":{\"mutation\":\"users:a\"}}";
    struct world *world = begin_way(way, (struct world_options){.routes = routes});

    send_bad(world, "posts");
    let_them_fail(world, way);
    send_good(world, "users");
    assert_good_is_delivered(world);
}

static void check_log_lines(void **state)
{
    struct world *world = begin_way(*state, (struct world_options){0});

    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    send_bad(world, "posts");
    world_run(world, 500);
    send_good(world, "users");
    world->options.step_ms = 500;
    for (int i = 0; i < 30; i++) { /* so few that a failure may be the first thing for long */
        (void)world_send(world, "users", BAD + i, 2);
        world_run(world, 2 * EVIDENCE_LATELY_MS);
    }
    const char *log = capture_end();
    log_setup(LOG_ERROR, LOG_TEXT);
    assert_true(capture_count(log, "Convex refuses the relay: events are held") <= 1);
    assert_true(capture_count(log, "answers again") <= 1);
    assert_true(capture_count(log, "it waits by itself") >= 1);
    assert_true(capture_count(log, "") <= 2 + 12); /* one a minute */
}

/* ---- limits ---- */

static struct world_answer conflicts_on_record_0(struct world *world, const char *path, int record,
                                                 int number)
{
    (void)world, (void)path, (void)number;
    return record == 0 ? world_conflict() : world_done();
}

static int limit_of_users(struct world *world)
{
    cleanup(snapshot_done) struct snapshot snapshot = {0};

    return world_look(world, &snapshot, "users")->limit;
}

static void test_one_that_conflicts_for_ever_leaves_the_limit(void **state)
{
    (void)state;
    struct world_options options = {.sync_wait_ms = 10000, .step_ms = 20};
    struct world *world = begin(&options, conflicts_on_record_0);

    (void)world_send(world, "users", 0, 1);
    for (int i = 1; i <= 100; i++) {
        (void)world_send(world, "users", i, 1);
        world_run(world, 100);
    }
    world->options.step_ms = 500;
    for (int i = 0; i < 200; i++) { /* twenty minutes of little traffic */
        (void)world_send(world, "users", 1, 2 + i);
        world_run(world, 6000);
    }
    assert_int_equal(limit_of_users(world), 16);
}

/* ---- a Convex that is really away ---- */

static struct world_answer refuses_all(struct world *world, const char *path, int record,
                                       int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return world_http(401, "{\"code\":\"BadAdminKey\",\"message\":\"\"}");
}

/* A key is revoked amid traffic: one line, and few attempts of the many that come. */
static void test_a_key_that_is_revoked(void **state)
{
    (void)state;
    struct world_options options = {.sync_wait_ms = 100, .step_ms = 20};
    struct world *world = begin(&options, takes_all);

    for (int i = 0; i < 100; i++)
        (void)world_send(world, "users", i, 1);
    world_run(world, 1000);
    world->convex = refuses_all;
    world->attempts = 0;
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    for (int i = 0; i < 1000; i++) {
        (void)world_send(world, "users", 100 + i, 1);
        world_run(world, 60);
    }
    const char *log = capture_end();
    log_setup(LOG_ERROR, LOG_TEXT);
    assert_int_equal(capture_count(log, "Convex refuses the relay: events are held"), 1);
    assert_int_equal(capture_count(log, ""), 1);
    print_message("# a minute: %d attempts of 1000 events\n", world->attempts);
    assert_true(world->attempts < 250);

    world->convex = takes_all; /* and given back: nobody who was refused waits on for long */
    world_run(world, 10000);
    assert_int_equal(world->done, 1100);
}

int main(void)
{
    static const struct {
        const char *when;
        CMUnitTestFunction check;
    } checks[] = {
        {"first", check_bad_ones_first},
        {"amid", check_bad_ones_amid},
        {"over night", check_bad_ones_over_night},
        {"after a restart", check_bad_ones_after_a_restart},
        {"in line", check_bad_ones_in_line},
        {"log lines", check_log_lines},
    };
    static char names[array_len(ways) * array_len(checks)][64];
    struct CMUnitTest tests[array_len(names) + 2];
    size_t n = 0;

    for (size_t i = 0; i < array_len(checks); i++) {
        for (size_t j = 0; j < array_len(ways); j++, n++) {
            (void)snprintf(names[n], sizeof(names[n]), "%s: %s", checks[i].when, ways[j].name);
            tests[n] = (struct CMUnitTest){.name = names[n],
                                           .test_func = checks[i].check,
                                           .teardown_func = end,
                                           .initial_state = (void *)(uintptr_t)&ways[j]};
        }
    }
    tests[n++] = (struct CMUnitTest)cmocka_unit_test_teardown(
        test_one_that_conflicts_for_ever_leaves_the_limit, end);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test_teardown(test_a_key_that_is_revoked, end);
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
