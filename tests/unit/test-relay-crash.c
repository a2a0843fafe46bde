/* SPDX-License-Identifier: MIT */
/*
 * Letters that are replayed, and a process that is killed between any two statements of the store.
 *
 * A short life at random: events of a few records, of which Convex refuses some, and replays of
 * what it has refused, with newer events before, between and behind. The same life is lived again
 * and again, and ends as by kill -9, each time one statement later; the next process finishes the
 * life. Never does an older event come after a newer one, no letter is lost, and Convex takes none
 * twice but the one that was under way. So it is with a journal, which is away now and then and
 * leaves commits in doubt, and where every other commit before which the process is killed happens
 * all the same. RELAY_SEED=n lives one of them, any n.
 */
#include "relay/offers.h"

#include "tests/unit/lib/relay_cases.h"

enum {
    LIVES = 6,
    LIVES_JOURNAL = 3, /* fewer: the outbox looks for its journal in real time */
    TURNS = 14,
    RECORDS = 3,
    NUMBERS = 64,
    STATEMENTS = 400, /* more than a life has */
    STRIDE = 3,
    STRIDE_JOURNAL = 7,
};

static struct {
    unsigned seed;
    struct world *world;
    int numbers[RECORDS];
    int done[RECORDS][NUMBERS]; /* how often Convex has taken it */
    struct sender *senders[RECORDS][NUMBERS];
    bool heals; /* Convex takes everything from now on */
    bool journal;
} life;

static int roll(int sides)
{
    return rand_r(&life.seed) % sides;
}

static struct world_answer takes_some(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)path;
    struct world_answer answer =
        life.heals || (record + number) % 3 == 0 ? world_done() : world_rejected();

    answer.after_ms = 1 + (record * 7 + number * 5) % 40;
    if (answer.answer.body.len == world_done().answer.body.len)
        life.done[record][number]++;
    return answer;
}

static void send_some(void)
{
    int record = roll(RECORDS);

    for (int n = 1 + roll(3); n > 0 && life.numbers[record] < NUMBERS - 1; n--) {
        int number = ++life.numbers[record];
        life.senders[record][number] = world_send(life.world, "users", record, number);
    }
}

static bool all(void)
{
    return true;
}

static bool half(void)
{
    return roll(2);
}

/* A command beside the relay; the disk that breaks is the relay's. */
static void replay(bool (*wanted)(void))
{
    replay_letters(life.world, wanted);
    offers_find(life.world->relay);
}

/* False: it was killed meanwhile. */
static bool go_on(int64_t ms)
{
    for (; ms > 0 && !fault_store_has_crashed(&life.world->disk); ms--)
        world_step(life.world);
    return !fault_store_has_crashed(&life.world->disk);
}

static void go_or_come_back(void)
{
    if (roll(2))
        world_come_back(life.world);
    else
        world_go_away(life.world, (enum journal_end)roll(JOURNAL_ENDS));
}

/* Until the n-th statement. True: the life was over before. */
static bool live_until(int statement)
{
    fault_store_crash_before(&life.world->disk, statement);
    atomic_store(&life.world->disk.commits, life.journal && statement % 2);
    for (int turn = 0; turn < TURNS; turn++) {
        if (life.journal && roll(4) == 0)
            go_or_come_back();
        if (roll(3) == 0)
            replay(half);
        else
            send_some();
        if (!go_on(1 + roll(60)))
            return false;
    }
    if (life.journal)
        world_come_back(life.world);
    return go_on(2000);
}

/* The next process, and a command for what is dead still. */
static void finish(void)
{
    fault_store_crash_before(&life.world->disk, 0);
    journal_store_come_back(&life.world->journal);
    world_restart(life.world);
    life.heals = true;
    for (int i = 0; i < 4; i++) {
        world_run(life.world, 2000);
        replay(all);
    }
    world_run(life.world, 2000);
    world_run_until(life.world, nothing_is_left, 60 * 1000);
}

/* Letters that a newer event has overtaken stay what they are. */
static void assert_nothing_is_lost(unsigned seed, int statement, bool crashed)
{
    struct store_counts counts = world_counts(life.world);
    uint64_t acknowledged = 0, taken = 0;

    for (int record = 0; record < RECORDS; record++)
        for (int number = 1; number <= life.numbers[record]; number++) {
            const struct sender *sender = life.senders[record][number];
            acknowledged += sender->answered && sender->reply != REPLY_UNAVAILABLE;
            taken += life.done[record][number] > 0;
            if (life.done[record][number] > 1 + crashed)
                fail_msg("RELAY_SEED=%u, statement %d: %d/%d went %d times", seed, statement,
                         record, number, life.done[record][number]);
        }
    if (life.world->disorders || life.world->overlaps)
        fail_msg("RELAY_SEED=%u, statement %d: disorders %d, overlaps %d", seed, statement,
                 life.world->disorders, life.world->overlaps);
    if (counts.pending || taken + counts.dead < acknowledged)
        fail_msg("RELAY_SEED=%u, statement %d: acknowledged %d, taken %d, dead %d, pending %d",
                 seed, statement, (int)acknowledged, (int)taken, (int)counts.dead,
                 (int)counts.pending);
}

/* Returns whether it was over before the statement. */
static bool live(unsigned seed, int statement, bool journal)
{
    struct world_options options = plain;

    memset(&life, 0, sizeof(life));
    life.seed = seed;
    life.journal = options.journal = journal;
    life.world = begin(&options, takes_some);
    bool over = live_until(statement);
    finish();
    assert_nothing_is_lost(seed, statement, !over);
    return over;
}

static void walk(unsigned seed, int stride, bool journal, void **state)
{
    int statement = 1 + (int)seed % stride;

    for (; statement < STATEMENTS && !live(seed, statement, journal); statement += stride)
        (void)end(state);
    assert_true(statement > TURNS && statement < STATEMENTS);
    (void)end(state);
}

static void walk_some(void **state, unsigned lives, bool journal)
{
    const char *seed = getenv("RELAY_SEED");

    for (unsigned n = 1; !seed && n <= lives; n++)
        walk(n, journal ? STRIDE_JOURNAL : STRIDE, journal, state);
    if (seed)
        walk((unsigned)strtoul(seed, NULL, 10), 1, journal, state);
}

static void test_killed_between_any_two_statements(void **state)
{
    walk_some(state, LIVES, false);
}

static void test_killed_with_a_journal(void **state)
{
    walk_some(state, LIVES_JOURNAL, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_killed_between_any_two_statements, end),
        cmocka_unit_test_teardown(test_killed_with_a_journal, end),
    };

    log_setup(LOG_ERROR + 1, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
