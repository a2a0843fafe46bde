/* SPDX-License-Identifier: MIT */
/*
 * Lives at random: events, parcels and letters that are replayed, while Convex, the disk and the
 * memory fail at random, routes come and go, and the relay is restarted. At every moment the order
 * holds; in the end, when all is well again, nothing is missing, and of each parcel all events were
 * taken or none. So it is with a journal that is away now and then, and leaves commits in doubt.
 * RELAY_SEED=n lives a single life, for any n, with either store.
 */
#include "base/json.h"
#include "relay/offers.h"

#include "tests/unit/lib/fault_allocator.h"
#include "tests/unit/lib/parcel_world.h"
#include "tests/unit/lib/relay_convex.h"

enum {
    LIVES = 8,
    LIVES_JOURNAL = 4, /* fewer: the outbox looks for its journal in real time */
    TURNS = 150,
    RECORDS_MAX = 40,
    RECORDS_FEW = 12,
    NUMBERS_MAX = 1 << 15, /* of events of a record */
    PARCELS_MAX = 100,
    PARCEL_EVENTS = 80,
    CALM_MS = 4000,
    CALM_STEP_MS = 20,
    CALMS = 20, /* of these, until the last retry */
};

/* What a parcel brings. */
struct parcel_at_random {
    struct sent *sent;
    int len;
    int records[PARCEL_EVENTS], numbers[PARCEL_EVENTS];
    bool cut_off; /* the relay ended before there was an answer */
};

struct life {
    unsigned seed;
    struct world *world;
    int records;
    int numbers[RECORDS_MAX];
    bool restarts, faults, batches, journal;
    struct parcel_at_random parcels[PARCELS_MAX];
    int parcels_len;
    bool known[RECORDS_MAX]
              [NUMBERS_MAX]; /* events that Convex was called about, or letters are of */
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

static const char *model_of(int record)
{
    return record % 2 ? "m1" : "m0";
}

static int next_number(int record)
{
    assert_true(life.numbers[record] + 1 < NUMBERS_MAX);
    return ++life.numbers[record];
}

static int padding_at_random(void)
{
    return one_in(40) ? 1 << 20 : 0;
}

/* What is sent before an earlier parcel is unpacked may overtake it: the order is not certain. */
static bool is_unpacking(void)
{
    return sync_batches_bytes(service.batches) > 0;
}

static void send_some(void)
{
    int n = 1 + roll(one_in(4) ? 120 : 6);

    while (n-- > 0 && !is_unpacking()) {
        int record = roll(life.records);
        (void)world_send_large(life.world, model_of(record), record, next_number(record),
                               padding_at_random());
    }
}

/* The disk takes some of the parcel's events only. */
static void break_parcel(int len)
{
    if (one_in(2)) {
        fault_store_set(&life.world->disk, one_in(2) ? FAULT_APPEND : FAULT_BURY, STORE_FULL);
        return;
    }
    atomic_store(&life.world->disk.refused_with, one_in(2) ? STORE_BROKEN : STORE_FULL);
    atomic_store(&life.world->disk.refused_late, one_in(2));
    atomic_store(&life.world->disk.refused_id,
                 outbox_last_id(life.world->outbox) + 1 + (uint64_t)roll(len));
}

/* Events of one model, maybe several of a record. */
static void send_parcel(void)
{
    cleanup(buf_done) struct buf body = BUF_NULL;
    struct parcel_at_random *parcel = &life.parcels[life.parcels_len];
    int first = roll(life.records);

    if (life.parcels_len == PARCELS_MAX || is_unpacking())
        return;
    life.parcels_len++;
    parcel->len = 1 + roll(one_in(4) ? PARCEL_EVENTS : 8);
    if (life.faults && one_in(3))
        break_parcel(parcel->len);
    assert_int_equal(
        buf_printf(&body, "{\"model\":\"%s\",\"operation\":\"set\",\"records\":[", model_of(first)),
        0);
    for (int i = 0; i < parcel->len; i++) {
        int record = first % 2 + roll((life.records - first % 2 + 1) / 2) * 2;
        parcel->records[i] = record;
        parcel->numbers[i] = next_number(record);
        assert_int_equal(buf_printf(&body,
                                    "%s{\"data\":{\"bladeId\":\"r%d\",\"n\":%d,\"%s\":\"%*s\"},"
                                    "\"hiveId\":\"r%d\"}",
                                    i ? "," : "", record, parcel->numbers[i],
                                    one_in(10) ? "$bad" : "padding", padding_at_random(), "",
                                    record),
                         0);
    }
    assert_int_equal(buf_append_span(&body, SPAN("]}")), 0);
    parcel->sent = send_body(buf_span(&body));
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
    atomic_store(&life.world->disk.refused_id, 0);
    fault_allocator_end();
    if (life.journal)
        world_come_back(life.world);
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
    if (one_in(2))
        send_parcel();
    for (int i = 0; i < life.parcels_len; i++)
        life.parcels[i].cut_off |= !life.parcels[i].sent->answered;
    restart(life.world);
}

static const char *life_routes(void)
{
    return life.batches ? batching_routes() : many_routes();
}

static void set_routes(const char *json)
{
    world_reload(life.world, json);
    service.routes = life.world->routes;
}

static void change_routes(void)
{
    set_routes(one_in(2) ? life_routes() : "{\"m0\":{\"mutation\":\"m:f\"}}");
}

static void go_or_come_back(void)
{
    if (one_in(2))
        world_go_away(life.world, (enum journal_end)roll(JOURNAL_ENDS));
    else
        world_come_back(life.world);
}

static void turn(void)
{
    int what = roll(36);

    if (life.journal && one_in(4))
        go_or_come_back();
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
    else if (what < 34)
        send_parcel();
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

static void note_attempt(const struct world_call *call)
{
    for (int i = 0; i < call->count; i++)
        life.known[call->items[i].record][call->items[i].number] = true;
}

static int note_letter(void *ctx, const struct store_row *row)
{
    struct span data = json_find(row->body, SPAN("data"));
    char text[64];
    int record, number;

    (void)ctx;
    (void)snprintf(text, sizeof(text), "%.*s", (int)data.len, data.at);
    assert_int_equal(sscanf(text, "{\"bladeId\":\"r%d\",\"n\":%d", &record, &number), 2);
    life.known[record][number] = true;
    return 0;
}

static void note_letters(void)
{
    const struct store_filter dead = {.first = STORE_DEAD, .last = STORE_DEAD};
    struct store *store = world_open(life.world, STORE_BESIDE);

    assert_int_equal(store->ops->read(store, &dead, note_letter, NULL), 0);
    store->ops->close(store);
}

/* Each record has a result, where the relay has lived to give it. */
static bool is_answered_well(const struct parcel_at_random *parcel, int taken)
{
    const struct sent *sent = parcel->sent;
    size_t good = count_in(sent, "{\"success\":true}") + count_in(sent, QUEUED);

    if (parcel->cut_off)
        return true;
    if (!sent->answered)
        return false;
    if (sent->reply == REPLY_UNAVAILABLE)
        return taken == 0;
    return taken == parcel->len && good + count_in(sent, "{\"error\":") == (size_t)parcel->len;
}

static void assert_all_or_none(unsigned seed)
{
    note_letters();
    for (int i = 0; i < life.parcels_len; i++) {
        const struct parcel_at_random *parcel = &life.parcels[i];
        int taken = 0;
        for (int place = 0; place < parcel->len; place++)
            taken += life.known[parcel->records[place]][parcel->numbers[place]];
        if ((taken > 0 && taken < parcel->len) || !is_answered_well(parcel, taken))
            fail_msg("RELAY_SEED=%u: parcel %d: %d taken of %d, answered %d: %d %.200s", seed, i,
                     taken, parcel->len, parcel->sent->answered, parcel->sent->reply,
                     buf_string(&parcel->sent->message));
    }
}

static void live(unsigned seed, bool journal)
{
    static const int64_t steps_ms[] = {1, 5, 20};
    struct world_options options = {0};

    memset(&life, 0, sizeof(life));
    life.seed = seed;
    life.batches = seed % 2 == 0;
    life.journal = journal;
    options.journal = journal;
    options.routes = life_routes();
    options.concurrency = 1 + roll(32);
    options.step_ms = steps_ms[roll(3)];
    options.sync_wait_ms = one_in(2) ? 500 : 5000;
    life.records = 1 + roll(one_in(2) ? RECORDS_FEW : RECORDS_MAX);
    life.restarts = one_in(2);
    life.faults = !one_in(3);
    life.world = begin_parcels(&options, any_answer);
    life.world->batch = any_batch_answer;
    life.world->saw = note_attempt;
    for (int i = 0; i < TURNS; i++) {
        turn();
        assert_order(seed);
    }
    mend();
    set_routes(life_routes());
    life.world->convex = takes_all;
    life.world->batch = NULL;
    for (int i = 0; i < CALMS; i++) {
        offers_find(life.world->relay);
        calm(CALM_MS);
    }
    assert_order(seed);
    assert_nothing_is_missing(seed);
    assert_all_or_none(seed);
}

static void live_some(void **state, bool journal)
{
    const char *seed = getenv("RELAY_SEED");

    for (unsigned n = 1; !seed && n <= (journal ? LIVES_JOURNAL : LIVES); n++) {
        live(n, journal);
        (void)end_parcels(state);
    }
    if (seed)
        live((unsigned)strtoul(seed, NULL, 10), journal);
}

static void test_lives_at_random(void **state)
{
    live_some(state, false);
}

static void test_lives_on_a_journal(void **state)
{
    live_some(state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        parcel_test(test_lives_at_random),
        parcel_test(test_lives_on_a_journal),
    };

    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
