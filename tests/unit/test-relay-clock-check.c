/* SPDX-License-Identifier: MIT */
/* What Dates and leaps say of the clock. Each story is told with Convex's clock read at several
 * moments of each call, and of a second. */
#include "tests/unit/lib/rows.h"

#include "base/util.h"
#include "relay/clock_check.h"

enum what {
    NOTHING, /* the story is over */
    DATE,    /* an answer with a Date */
    BARE,    /* an answer without */
    LOOK,    /* a look at the clocks */
    SLEEP,   /* the machine has slept for an hour: then a look */
};

/* What is known afterwards. */
enum known { RIGHT = 1, ASKS, OFF, OFF_AND_ASKS };

struct step {
    enum what what;
    int64_t off_ms; /* the clock is ahead of Convex's by so much */
    enum known known;
    int64_t took_ms; /* the call; 0: 20 ms */
};

enum { STEPS = 6 };

struct story {
    const char *name;
    struct step steps[STEPS];
};

#define S(s) (INT64_C(1000) * (s))
#define DAY S(24 * 3600)

static struct story stories[] = {
    {"a clock that is right", {{DATE, 0, RIGHT, 0}}},
    {"hardly less than 5 minutes ahead", {{DATE, S(298), RIGHT, 0}}},
    {"hardly less than 5 minutes behind", {{DATE, S(-298), RIGHT, 0}}},
    {"hardly more than 5 minutes ahead", {{DATE, S(302), OFF, 0}}},
    {"hardly more than 5 minutes behind", {{DATE, S(-302), OFF, 0}}},
    {"a day ahead", {{DATE, DAY, OFF, 0}}},
    {"since 1970", {{DATE, -20454 * DAY, OFF, 0}}},
    {"right again", {{DATE, S(400), OFF, 0}, {DATE, S(200), RIGHT, 0}}},
    {"right no more", {{DATE, 0, RIGHT, 0}, {DATE, S(-400), OFF, 0}}},
    {"5 minutes, where it was off", {{DATE, S(400), OFF, 0}, {DATE, S(300) + 500, OFF, 0}}},
    {"5 minutes, where it was right", {{DATE, 0, RIGHT, 0}, {DATE, S(300) - 500, RIGHT, 0}}},

    /* slow answers */
    {"half a minute, and right", {{DATE, 0, RIGHT, S(30)}}},
    {"half a minute, and nearly 5 minutes ahead", {{DATE, S(299), RIGHT, S(30)}}},
    {"half a minute, and nearly 5 minutes behind", {{DATE, S(-299), RIGHT, S(30)}}},
    {"half a minute, and off all the same", {{DATE, S(331), OFF, S(30)}}},
    {"half a minute, and behind all the same", {{DATE, S(-331), OFF, S(30)}}},
    {"half a minute, and still off", {{DATE, S(310), OFF, 0}, {DATE, S(310), OFF, S(30)}}},

    /* answers without a Date */
    {"no Date", {{BARE, DAY, RIGHT, 0}}},
    {"no Date, then one", {{BARE, 0, RIGHT, 0}, {DATE, DAY, OFF, 0}}},
    {"no Date while it is off", {{DATE, DAY, OFF, 0}, {BARE, DAY, OFF, 0}}},
    {"no Date while it is right", {{DATE, 0, RIGHT, 0}, {BARE, 0, RIGHT, 0}}},
    {"no Date after a leap back",
     {{DATE, DAY, OFF, 0}, {LOOK, 0, OFF_AND_ASKS, 0}, {BARE, 0, RIGHT, 0}}},
    {"a leap where there never was a Date", {{BARE, 0, RIGHT, 0}, {LOOK, DAY, RIGHT, 0}}},

    /* leaps */
    {"nothing leaps", {{DATE, 0, RIGHT, 0}, {LOOK, 0, RIGHT, 0}, {LOOK, 0, RIGHT, 0}}},
    {"a leap before anything is known", {{LOOK, DAY, ASKS, 0}, {DATE, DAY, OFF, 0}}},
    {"forth and back",
     {{DATE, 0, RIGHT, 0},
      {LOOK, DAY, ASKS, 0},
      {DATE, DAY, OFF, 0},
      {LOOK, 0, OFF_AND_ASKS, 0},
      {DATE, 0, RIGHT, 0}}},
    {"back and forth",
     {{DATE, 0, RIGHT, 0},
      {LOOK, -DAY, ASKS, 0},
      {DATE, -DAY, OFF, 0},
      {LOOK, 0, OFF_AND_ASKS, 0},
      {DATE, 0, RIGHT, 0}}},
    {"forth and back between two looks",
     {{DATE, 0, RIGHT, 0}, {LOOK, DAY, ASKS, 0}, {LOOK, 0, ASKS, 0}, {DATE, 0, RIGHT, 0}}},
    {"from wrong to wrong",
     {{DATE, DAY, OFF, 0}, {LOOK, -DAY, OFF_AND_ASKS, 0}, {DATE, -DAY, OFF, 0}}},
    {"a leap that is small", {{DATE, 0, RIGHT, 0}, {LOOK, S(60), RIGHT, 0}}},
    {"small leaps that add up",
     {{DATE, 0, RIGHT, 0}, {LOOK, S(200), RIGHT, 0}, {LOOK, S(302), ASKS, 0}}},
    {"a hand's breadth while it is off",
     {{DATE, DAY, OFF, 0}, {LOOK, DAY + 900, OFF, 0}, {LOOK, DAY + 1100, OFF_AND_ASKS, 0}}},
    {"a machine that has slept", {{DATE, 0, RIGHT, 0}, {SLEEP, 0, ASKS, 0}, {DATE, 0, RIGHT, 0}}},
};

struct tale {
    struct clock_check check;
    int64_t now_ms;    /* mono */
    int64_t convex_ms; /* Convex's clock less that one */
};

static void take_step(struct tale *tale, const struct step *step, int moment)
{
    int64_t took_ms = step->took_ms ? step->took_ms : 20, began_ms = tale->now_ms;

    if (step->what == DATE || step->what == BARE)
        tale->now_ms += took_ms;
    if (step->what == SLEEP)
        tale->convex_ms += S(3600);
    int64_t wall_ms = tale->now_ms + tale->convex_ms + step->off_ms;
    if (step->what == DATE) {
        int64_t said_ms = began_ms + took_ms * moment / 2 + tale->convex_ms;
        clock_check_date(&tale->check, said_ms - said_ms % 1000, began_ms, tale->now_ms, wall_ms);
    } else if (step->what == BARE) {
        clock_check_no_date(&tale->check);
    } else {
        clock_check_look(&tale->check, tale->now_ms, wall_ms);
    }
}

static void check_step(const struct clock_check *check, enum known known)
{
    assert_int_equal(check->asks, known == ASKS || known == OFF_AND_ASKS);
    assert_int_equal(check->off, known == OFF || known == OFF_AND_ASKS);
    assert_int_equal(clock_check_holds(check), known != RIGHT);
}

static void tell(const struct story *story, int64_t fraction_ms, int moment)
{
    struct tale tale = {.now_ms = S(5000), .convex_ms = S(1795000000) + fraction_ms};

    clock_check_init(&tale.check);
    check_step(&tale.check, ASKS);
    for (const struct step *step = story->steps;
         step < story->steps + STEPS && step->what != NOTHING; step++) {
        take_step(&tale, step, moment);
        check_step(&tale.check, step->known);
        tale.now_ms += S(10);
    }
}

static void story_is_told(void **state)
{
    static const int64_t fractions_ms[] = {0, 1, 499, 979, 980, 999};

    for (size_t i = 0; i < array_len(fractions_ms); i++)
        for (int moment = 0; moment <= 2; moment++)
            tell(*state, fractions_ms[i], moment);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(stories)];

    (void)rows_add(tests, 0, stories, story_is_told);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
