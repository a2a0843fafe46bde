/* SPDX-License-Identifier: MIT */
/*
 * Lives at random: events and letters that are replayed, while Convex, the disk and the memory fail
 * at random, routes come and go, and the relay is restarted. At every moment the order holds; in
 * the end, when all is well again, nothing is missing. RELAY_SEED=n lives a single life, for any n.
 */
#include "relay/offers.h"

#include "tests/unit/lib/fault_allocator.h"
#include "tests/unit/lib/relay_cases.h"
#include "tests/unit/lib/relay_convex.h"

enum {
    LIVES = 8,
    TURNS = 150,
    RECORDS_MAX = 40,
    RECORDS_FEW = 12,
    CALM_MS = 4000,
    CALM_STEP_MS = 20,
    CALMS = 20, /* of these, until the last retry */
};

struct life {
    unsigned seed;
    struct world *world;
    int records;
    int numbers[RECORDS_MAX];
    bool restarts, faults, batches;
};

static struct life life;

static int roll(int sides)
{
    return rand_r(&life.seed) % sides;
}

static bool one_in(int sides)
{
    return roll(sides) == 0;
}

/* ---- Convex ---- */

static struct world_answer any_answer(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)path, (void)record, (void)number;
    int of_100 = roll(100);
    struct world_answer answer = of_100 < 45   ? world_done()
                                 : of_100 < 85 ? world_rejected()
                                 : of_100 < 93 ? world_lost()
                                 : of_100 < 96 ? world_unreachable()
                                 : of_100 < 98 ? world_no_function()
                                               : world_http(503, "x");

    answer.after_ms = 1 + roll(one_in(4) ? 3000 : 60);
    return answer;
}

/* Nobody knows which events it has taken: the single mutation is asked for each. */
static struct world_answer returns_nonsense(struct world_call *call)
{
    for (int i = 0; i < call->count; i++)
        call->items[i].undone = true;
    return world_http(200, "{\"status\":\"success\",\"value\":[7]}");
}

/* What a batch function and the way to it may say beside what the single mutation would. */
static struct world_answer any_batch_answer(struct world *world, struct world_call *call)
{
    int of_100 = roll(100);
    struct world_answer answer =
        of_100 < 60   ? relay_convex_loop(world, call)
        : of_100 < 80 ? world_rejected()
        : of_100 < 86 ? world_http(200, "{\"status\":\"error\",\"errorMessage\":\"Too many writes "
                                        "in a single function execution (limit: 1)\"}")
        : of_100 < 90 ? world_conflict()
        : of_100 < 92 ? world_no_function()
        : of_100 < 94 ? returns_nonsense(call)
        : of_100 < 97 ? world_lost()
                      : world_done();

    answer.after_ms = 1 + roll(one_in(4) ? 3000 : 60);
    return answer;
}

/* ---- what happens ---- */

static void send_some(void)
{
    int n = 1 + roll(one_in(4) ? 120 : 6);

    while (n-- > 0) {
        int record = roll(life.records);
        (void)world_send_large(life.world, record % 2 ? "m1" : "m0", record, ++life.numbers[record],
                               one_in(40) ? 1 << 20 : 0);
    }
}

static int share; /* one in how many letters is replayed */

static bool one_in_share(void)
{
    return one_in(share);
}

static void replay_some(void)
{
    share = 1 + roll(4);
    replay_letters(life.world, one_in_share);
}

static void mend(void)
{
    for (int call = 0; call < FAULT_CALLS; call++)
        fault_store_set(&life.world->disk, (enum fault_call)call, 0);
    fault_allocator_end();
}

static void calm(int64_t ms)
{
    int64_t step_ms = life.world->options.step_ms;

    life.world->options.step_ms = CALM_STEP_MS;
    world_run(life.world, ms);
    life.world->options.step_ms = step_ms;
}

static void break_something(void)
{
    if (!life.faults)
        return;
    if (one_in(3))
        fault_allocator_relay.countdown = 1 + roll(10);
    else if (one_in(3))
        fault_allocator_outbox.empty = true;
    else
        fault_store_set(&life.world->disk, (enum fault_call)roll(FAULT_CALLS),
                        one_in(2) ? STORE_BROKEN : STORE_FULL);
}

static void stop_for_a_moment(void)
{
    if (!life.restarts)
        return;
    mend(); /* a start is not what this is about */
    calm(CALM_MS);
    send_some();
    world_restart(life.world);
}

static const char *life_routes(void)
{
    return life.batches ? batching_routes() : many_routes();
}

static void change_routes(void)
{
    world_reload(life.world, one_in(2) ? life_routes() : "{\"m0\":{\"mutation\":\"m:f\"}}");
}

static void turn(void)
{
    int what = roll(32);

    if (one_in(2)) /* the outbox looks once a second only, real time */
        offers_find(life.world->relay);
    if (what < 9)
        send_some();
    else if (what < 18)
        replay_some();
    else if (what < 24)
        break_something();
    else if (what < 29)
        mend();
    else if (what < 30)
        change_routes();
    else
        stop_for_a_moment();
    world_run(life.world, 1 + roll(one_in(5) ? 1500 : 40));
}

/* ---- lives ---- */

static void assert_order(unsigned seed)
{
    if (life.world->disorders || life.world->overlaps)
        fail_msg("RELAY_SEED=%u: disorders %d, overlaps %d", seed, life.world->disorders,
                 life.world->overlaps);
}

static uint64_t acknowledged(void)
{
    struct sender *sender;
    uint64_t n = 0;

    SLIST_FOREACH (sender, &life.world->senders, link)
        n += sender->answered && sender->reply != REPLY_UNAVAILABLE;
    return n;
}

static void assert_nothing_is_missing(unsigned seed)
{
    struct store_counts counts = world_counts(life.world);
    struct event_counts sum = world_sum(life.world);

    if (counts.pending || relay_pending(life.world->relay) || sum.dead != counts.dead ||
        acknowledged() > counts.accepted)
        fail_msg("RELAY_SEED=%u: pending %d, in memory %d, dead %d of %d, accepted %d of %d", seed,
                 (int)counts.pending, (int)relay_pending(life.world->relay), (int)sum.dead,
                 (int)counts.dead, (int)counts.accepted, (int)acknowledged());
}

static void live(unsigned seed)
{
    static const int64_t steps_ms[] = {1, 5, 20};
    struct world_options options = {0};

    life = (struct life){.seed = seed, .batches = seed % 2 == 0};
    options.routes = life_routes();
    options.concurrency = 1 + roll(32);
    options.step_ms = steps_ms[roll(3)];
    options.sync_wait_ms = one_in(2) ? 500 : 5000;
    life.records = 1 + roll(one_in(2) ? RECORDS_FEW : RECORDS_MAX);
    life.restarts = one_in(2);
    life.faults = !one_in(3);
    life.world = begin(&options, any_answer);
    life.world->batch = any_batch_answer;
    for (int i = 0; i < TURNS; i++) {
        turn();
        assert_order(seed);
    }
    mend();
    world_reload(life.world, life_routes());
    life.world->convex = takes_all;
    life.world->batch = NULL;
    for (int i = 0; i < CALMS; i++) {
        offers_find(life.world->relay);
        calm(CALM_MS);
    }
    assert_order(seed);
    assert_nothing_is_missing(seed);
}

static void test_lives_at_random(void **state)
{
    const char *seed = getenv("RELAY_SEED");

    for (unsigned n = 1; !seed && n <= LIVES; n++) {
        live(n);
        (void)end(state);
    }
    if (seed)
        live((unsigned)strtoul(seed, NULL, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(test_lives_at_random, end)};

    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
