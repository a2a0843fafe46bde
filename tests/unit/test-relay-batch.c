/* SPDX-License-Identifier: MIT */
/*
 * Batches: who goes together, and what becomes of each event by what Convex says of the call. Each
 * record has one event but where a test says otherwise; records that are poison make the call fail
 * for all.
 */
#include "relay/batching.h"
#include "tests/unit/lib/capture.h"
#include "tests/unit/lib/relay_cases.h"

#define ROUTE(members) "{\"users\":{\"mutation\":\"users:syncFromBlade\"" members "}}"
#define BATCH ROUTE(",\"batch\":\"users:syncBatch\",\"remove\":\"users:gone\"")

enum { MANY = 50 };

static struct world *begin_batching(const char *routes, world_convex_fn convex, int concurrency)
{
    struct world_options options = plain;

    options.routes = routes;
    options.concurrency = concurrency;
    return begin(&options, convex);
}

static void send_many(struct world *world, int n)
{
    for (int record = 0; record < n; record++)
        (void)world_send(world, "users", record, 1);
}

/* ---- Convexes ---- */

#define ERROR(text) "{\"status\":\"error\",\"errorMessage\":\"" text "\"}"
#define VALUE(value) "{\"status\":\"success\",\"value\":" value "}"

/* Records of a poison step apart are refused, also singly. */
static int poison_step;

static bool is_poison(int record)
{
    return poison_step > 0 && record % poison_step == 0;
}

static struct world_answer poisoned(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)path, (void)number;
    return is_poison(record) ? world_http(200, ERROR("Uncaught Error: poison")) : world_done();
}

/* A batch function that catches nothing: one poison undoes all. */
static struct world_answer throws(struct world *world, struct world_call *call)
{
    (void)world;
    for (int i = 0; i < call->count; i++) {
        if (is_poison(call->items[i].record))
            return world_http(200, ERROR("[Request ID: 1] Server Error"));
    }
    return world_done();
}

static struct world_answer takes_eight(struct world *world, struct world_call *call)
{
    (void)world;
    return call->count > 8 ? world_http(200, ERROR("Uncaught Error: Too many writes in a single "
                                                   "function execution (limit: 16000)"))
                           : world_done();
}

static struct world_answer conflicts_above_eight(struct world *world, struct world_call *call)
{
    (void)world;
    return call->count > 8 ? world_conflict() : world_done();
}

static struct world_answer is_missing(struct world *world, struct world_call *call)
{
    (void)world, (void)call;
    return world_http(200, ERROR("Could not find public function for 'users:syncBatch'."));
}

static const char *nonsense;

static struct world_answer returns_nonsense(struct world *world, struct world_call *call)
{
    (void)world, (void)call;
    return world_http(200, nonsense);
}

static struct world_answer batch_is_lost(struct world *world, struct world_call *call)
{
    (void)world, (void)call;
    return world_lost();
}

static struct world_answer proxy_dislikes_poison(struct world *world, struct world_call *call)
{
    (void)world;
    for (int i = 0; i < call->count; i++) {
        if (is_poison(call->items[i].record))
            return world_http(403, "<html>");
    }
    return world_done();
}

static struct world_answer proxy_dislikes_single(struct world *world, const char *path, int record,
                                                 int number)
{
    (void)world, (void)path, (void)number;
    return is_poison(record) ? world_http(403, "<html>") : world_done();
}

static struct world_answer has_no_users(struct world *world, const char *path, int record,
                                        int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return world_no_function();
}

/* ---- who goes together ---- */

static void test_what_is_ready_goes_in_one_call(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, takes_all, 16);

    send_many(world, 10);
    world_run_until(world, nothing_is_left, 5000);
    assert_int_equal(world->attempts, 1);
    assert_int_equal(world->batch_max, 10);
    (void)world_send(world, "users", 1, 2);
    world_run_until(world, nothing_is_left, 5000);
    assert_int_equal(world->attempts, 2);
    assert_int_equal(world->batches, 1); /* the second call was single */
    assert_counts(11, 0, 0);
}

static void test_no_more_than_the_route_says(void **state)
{
    (void)state;
    struct world *world = begin_batching(
        ROUTE(",\"batch\":{\"mutation\":\"users:syncBatch\",\"max\":7}"), takes_all, 2);

    send_many(world, MANY);
    world_run_until(world, nothing_is_left, 5000);
    assert_int_equal(world->batch_max, 7);
    assert_int_equal(world->attempts, 8);
    assert_int_equal(world->flying_max, 2);
    assert_counts(MANY, 0, 0);
}

static void test_one_of_a_record_at_a_time(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, takes_all, 16);

    for (int number = 1; number <= 5; number++)
        for (int record = 0; record < 10; record++)
            (void)world_send(world, "users", record, number);
    world_run_until(world, nothing_is_left, 20000);
    assert_int_equal(world->done, 50);
    assert_int_equal(world->attempts, 5);
    assert_int_equal(world->disorders + world->overlaps, 0);
}

static void test_large_events_make_small_batches(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, takes_all, 1);

    for (int record = 0; record < 10; record++)
        (void)world_send_large(world, "users", record, 1, 300 * 1024);
    world_run_until(world, nothing_is_left, 20000);
    assert_int_equal(world->done, 10);
    assert_int_equal(world->batch_max, 3); /* a megabyte */
}

/* ---- what becomes of each ---- */

static void test_each_sender_has_its_own_answer(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, poisoned, 16);
    struct sender *senders[MANY];

    poison_step = 10;
    for (int record = 0; record < MANY; record++)
        senders[record] = world_send(world, "users", record, 1);
    world_run_until(world, nothing_is_left, 5000);
    for (int record = 0; record < MANY; record++) {
        assert_int_equal(senders[record]->reply, record % 10 ? REPLY_DELIVERED : REPLY_FAILED);
        assert_int_equal(senders[record]->message.len > 0, record % 10 == 0);
    }
    assert_int_equal(world->attempts, 1);
    assert_counts(45, 5, 0);
}

static struct poison {
    const char *name;
    int step; /* one in so many */
    int dead;
    int calls_max;
} poisons[] = {
    {"one in fifty", MANY, 1, 13},
    {"five in fifty", 10, 5, 56},
    {"all of them", 1, MANY, 100},
};

static struct sender *sender_of(struct world *world, int n)
{
    struct sender *sender = SLIST_FIRST(&world->senders);

    while (n-- > 0)
        sender = SLIST_NEXT(sender, link);
    return sender;
}

static int first_attempts(void *ctx, const struct store_row *row)
{
    (void)ctx;
    assert_int_equal(row->attempts, 1);
    return 0;
}

/* Halves, down to one: a split is no attempt. */
static void test_poison(void **state)
{
    const struct poison *row = *state;
    struct world *world = begin_batching(BATCH, poisoned, 1);
    const struct store_filter dead = {.first = STORE_DEAD, .last = STORE_DEAD, .bare = true};

    poison_step = row->step;
    world->batch = throws;
    send_many(world, MANY);
    world_run_until(world, nothing_is_left, 60 * 1000);
    assert_counts((uint64_t)(MANY - row->dead), (uint64_t)row->dead, 0);
    assert_int_equal(world->done, MANY - row->dead);
    if (world->attempts > row->calls_max)
        fail_msg("%d calls", world->attempts);
    assert_true(span_eq(buf_span(&sender_of(world, MANY - 1)->message),
                        SPAN("Uncaught Error: poison"))); /* record 0: the single one's text */
    struct store *store = world_open(world, STORE_BESIDE);
    assert_int_equal(store->ops->read(store, &dead, first_attempts, NULL), 0);
    store->ops->close(store);
}

static void test_limits_make_batches_smaller(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, takes_all, 1);

    world->batch = takes_eight;
    send_many(world, MANY);
    world_run_until(world, nothing_is_left, 60 * 1000);
    assert_counts(MANY, 0, 0);
    int calls = world->attempts;
    world->batch_max = 0;
    send_many(world, MANY);
    world_run_until(world, nothing_is_left, 60 * 1000);
    assert_true(world->batch_max < MANY / 2); /* the size was kept */
    assert_true(world->attempts - calls < 2 * MANY / 4);
}

static void test_conflicts_make_batches_smaller(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, takes_all, 4);

    world->batch = conflicts_above_eight;
    send_many(world, MANY);
    world_run_until(world, nothing_is_left, 600 * 1000);
    assert_counts(MANY, 0, 0);
}

static const char *const nonsenses[] = {
    VALUE("7"),
    VALUE("[null]"),
    VALUE("{\"done\":50}"),
    VALUE("[\"x\"]"),
    VALUE("{\"status\":\"success\"}"),
};

/* Sends many events and then as many again, and returns what the relay warns of meanwhile. */
static const char *log_of_two_rounds(struct world *world)
{
    log_setup(LOG_WARN, LOG_TEXT);
    capture_begin();
    for (int round = 1; round <= 2; round++) {
        send_many(world, MANY);
        world_run_until(world, nothing_is_left, 5000);
    }
    const char *log = capture_end();
    log_setup(LOG_ERROR, LOG_TEXT);
    return log;
}

static void test_nonsense_is_not_asked_again(void **state)
{
    struct world *world = begin_batching(BATCH, takes_all, 16);

    nonsense = *(const char *const *)*state;
    world->batch = returns_nonsense;
    const char *log = log_of_two_rounds(world);
    assert_int_equal(capture_count(log, "the batch function returns"), 1);
    assert_int_equal(capture_count(log, ""), 1);
    assert_int_equal(world->batches, 1);
    assert_counts(2 * MANY, 0, 0);

    world->batch = NULL;
    world_reload(world, BATCH); /* it may have been mended */
    send_many(world, MANY);
    world_run_until(world, nothing_is_left, 5000);
    assert_int_equal(world->batches, 2);
}

static void test_a_missing_function_is_looked_for(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, takes_all, 16);

    world->batch = is_missing;
    const char *log = log_of_two_rounds(world);
    assert_int_equal(capture_count(log, "the batch function is missing"), 1);
    assert_int_equal(world->batches, 1);
    assert_counts(2 * MANY, 0, 0);

    world->batch = NULL;
    world_run(world, BATCHING_MISSING_MS);
    send_many(world, MANY);
    world_run_until(world, nothing_is_left, 5000);
    assert_int_equal(world->batches, 2);
}

/* As where events go singly: the route waits, and no event dies. */
static void test_a_single_that_is_missing_holds(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, has_no_users, 16);
    cleanup(snapshot_done) struct snapshot snapshot = {0};

    send_many(world, MANY);
    world_run(world, 5000);
    assert_counts(0, 0, MANY);
    assert_non_null(world_look(world, &snapshot, "users")->held);
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, 600 * 1000);
    assert_counts(MANY, 0, 0);
}

static void test_a_lost_call_is_sent_again(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, takes_all, 16);

    world->batch = batch_is_lost;
    send_many(world, MANY);
    world_run(world, 100);
    world->batch = NULL;
    world_run_until(world, nothing_is_left, 600 * 1000);
    assert_counts(MANY, 0, 0);
}

/* A text that a proxy dislikes is its event's own affair: the others get through. */
static void test_what_a_proxy_dislikes_waits_alone(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, proxy_dislikes_single, 4);

    poison_step = MANY;
    world->batch = proxy_dislikes_poison;
    send_many(world, MANY);
    world_run(world, 120 * 1000);
    assert_counts(MANY - 1, 0, 1);
    poison_step = 0;
    world_run_until(world, nothing_is_left, 600 * 1000);
    assert_counts(MANY, 0, 0);
}

static struct world_answer one_again(struct world *world, struct world_call *call)
{
    for (int i = 0; i < call->count; i++)
        call->items[i].undone = i == 1;
    return call->count == 3 && world->batches == 0
               ? world_http(200, VALUE("[null,{\"again\":\"not yet\"},null]"))
               : world_done();
}

static void test_again_is_an_attempt(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, takes_all, 16);

    world->batch = one_again;
    send_many(world, 3);
    (void)world_send(world, "users", 1, 2);
    world_run(world, 100);
    assert_int_equal(world->done, 2);
    assert_counts(2, 0, 2); /* and the record waits */
    world_run_until(world, nothing_is_left, 5000);
    assert_counts(4, 0, 0);
    assert_int_equal(world->disorders, 0);
}

static void test_a_reload_amid_a_call(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, takes_all, 1);

    world->batch = throws;
    poison_step = MANY;
    send_many(world, MANY);
    world_run(world, 10);
    assert_int_equal(world->flying, 1);
    world_reload(world, ROUTE(""));
    world_run_until(world, nothing_is_left, 60 * 1000);
    assert_counts(MANY, 0, 0);
    assert_int_equal(world->batches, 1);
    world_reload(world, BATCH);
    poison_step = 0;
    send_many(world, MANY);
    world_run_until(world, nothing_is_left, 60 * 1000);
    assert_int_equal(world->batches, 2);
}

static void test_without_an_outbox(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.keeps_nothing = true;
    options.routes = BATCH;
    struct world *world = begin(&options, poisoned);

    poison_step = MANY;
    world->batch = throws;
    send_many(world, MANY);
    world_run(world, 5000);
    assert_int_equal(world->done, MANY - 1);
    for (int n = 0; n < MANY; n++)
        assert_int_equal(sender_of(world, n)->reply,
                         n == MANY - 1 ? REPLY_FAILED : REPLY_DELIVERED);
}

static void test_a_restart_amid_a_call(void **state)
{
    (void)state;
    struct world *world = begin_batching(BATCH, takes_all, 2);

    for (int number = 1; number <= 2; number++)
        for (int record = 0; record < MANY; record++)
            (void)world_send(world, "users", record, number);
    world_run(world, 10);
    assert_true(world->flying > 0);
    world_restart(world);
    world_run_until(world, nothing_is_left, 60 * 1000);
    assert_int_equal(world->disorders + world->overlaps, 0);
    assert_counts(2 * MANY, 0, 0);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest plain_tests[] = {
        ROW(test_what_is_ready_goes_in_one_call),
        ROW(test_no_more_than_the_route_says),
        ROW(test_one_of_a_record_at_a_time),
        ROW(test_large_events_make_small_batches),
        ROW(test_each_sender_has_its_own_answer),
        ROW(test_limits_make_batches_smaller),
        ROW(test_conflicts_make_batches_smaller),
        ROW(test_a_missing_function_is_looked_for),
        ROW(test_a_single_that_is_missing_holds),
        ROW(test_a_lost_call_is_sent_again),
        ROW(test_what_a_proxy_dislikes_waits_alone),
        ROW(test_again_is_an_attempt),
        ROW(test_a_reload_amid_a_call),
        ROW(test_without_an_outbox),
        ROW(test_a_restart_amid_a_call),
    };
    struct CMUnitTest tests[array_len(plain_tests) + array_len(poisons) + array_len(nonsenses)] = {
        0};
    size_t len = array_len(plain_tests);

    memcpy(tests, plain_tests, sizeof(plain_tests));
    len = cases_add(tests, len, poisons, test_poison);
    for (size_t i = 0; i < array_len(nonsenses); i++)
        tests[len++] = (struct CMUnitTest){.name = nonsenses[i],
                                           .test_func = test_nonsense_is_not_asked_again,
                                           .teardown_func = end,
                                           .initial_state = (void *)(uintptr_t)&nonsenses[i]};
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
