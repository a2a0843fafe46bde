/* SPDX-License-Identifier: MIT */
/* Which failures of which records speak for all, and which only for the event. */
#include "tests/unit/lib/rows.h"

#include <ctype.h>
#include <string.h>

#include "base/util.h"
#include "relay/evidence.h"

/*
 * Who was tried, and how it ended, in pairs: "a+" got through, "ax" failed in a certain way, such
 * as a refusal, "au" in another, such as a 500. "~" is an hour.
 */
struct row {
    const char *name;
    const char *story;
    enum evidence_of last; /* what the last failure is evidence of */
};

#define MANY_BUT_ONE                                                                               \
    "gx hx ix jx kx lx mx nx ox px qx rx sx tx ux vx wx xx yx zx Ax Bx Cx Dx Ex Fx Gx Hx Ix Jx "   \
    "Kx "

static const struct row rows[] = {
    /* nobody has got through yet */
    {"a refusal", "ax", EVIDENCE_OF_ALL},
    {"a failure", "au", EVIDENCE_OF_NOTHING},
    {"one event again and again", "au au au au au au au au", EVIDENCE_OF_NOTHING},
    {"four records", "au bu cu du", EVIDENCE_OF_NOTHING},
    {"five records", "au bu cu du eu", EVIDENCE_OF_ALL},
    {"five failures of two records", "au bu au bu au", EVIDENCE_OF_NOTHING},
    {"failures, then a refusal", "au bu ax", EVIDENCE_OF_ALL},

    /* others get through */
    {"a refusal beside others", "b+ ax", EVIDENCE_OF_NOTHING},
    {"refused again, nobody between", "b+ ax ax ax", EVIDENCE_OF_NOTHING},
    {"refused again, others between", "ax b+ ax", EVIDENCE_OF_ONE},
    {"fails again, others between", "au b+ au", EVIDENCE_OF_ONE},
    {"fails, then is refused, others between", "au b+ ax", EVIDENCE_OF_ONE},
    {"to blame for good", "ax b+ ax ~ ~ ax", EVIDENCE_OF_ONE},
    {"to blame for good, nobody between", "ax b+ ax ax ax ax ax ax ax ax", EVIDENCE_OF_ONE},
    {"those to blame do not add up", "ax bx cx dx ex z+ ax bx cx dx ex ~ fu", EVIDENCE_OF_NOTHING},
    {"somebody new, beside those to blame", "ax bx z+ ax bx cx", EVIDENCE_OF_NOTHING},
    {"a success begins the count anew", "au bu cu du z+ ~ eu", EVIDENCE_OF_NOTHING},
    {"five records, others before", "z+ au bu cu du eu", EVIDENCE_OF_NOTHING},
    {"31 records, others before", "z+ " MANY_BUT_ONE, EVIDENCE_OF_NOTHING},
    {"32 records, others before", "z+ " MANY_BUT_ONE "Lx", EVIDENCE_OF_ALL},
    {"32 refusals of 31 records", "z+ " MANY_BUT_ONE "gx", EVIDENCE_OF_NOTHING},

    /* others have got through, long ago */
    {"a refusal, long after", "b+ ~ ax", EVIDENCE_OF_ALL},
    {"a failure, long after", "b+ ~ au", EVIDENCE_OF_NOTHING},
    {"five records, long after", "z+ ~ au bu cu du eu", EVIDENCE_OF_ALL},
    {"a second outage", "ax b+ ~ cx", EVIDENCE_OF_ALL},
};

static void check_row(void **state)
{
    const struct row *row = *state;
    struct evidence evidence = {0};
    struct blame blames[128] = {0};
    int64_t now_ms = 1000;
    enum evidence_of of = EVIDENCE_OF_NOTHING;

    for (const char *at = row->story; *at; at++) {
        if (*at == '~') {
            now_ms += 3600 * 1000;
        } else if (isalpha((unsigned char)*at)) {
            struct blame *blame = &blames[(unsigned char)*at++];
            now_ms += 10;
            if (*at == '+')
                evidence_pass(&evidence, now_ms);
            else
                of = evidence_fail(&evidence, blame, *at == 'x', now_ms - 5);
        }
    }
    assert_int_equal(of, row->last);
}

/* An attempt that took long: what counts is who got through since shortly before it began. */
static void check_a_long_attempt(void **state)
{
    struct evidence evidence = {0};
    struct blame blame = {0};

    (void)state;
    evidence_pass(&evidence, 1000);
    assert_int_equal(evidence_fail(&evidence, &blame, true, 1000 + EVIDENCE_LATELY_MS),
                     EVIDENCE_OF_NOTHING);
    blame = (struct blame){0};
    assert_int_equal(evidence_fail(&evidence, &blame, true, 1001 + EVIDENCE_LATELY_MS),
                     EVIDENCE_OF_ALL);
}

int main(void)
{
    struct CMUnitTest tests[array_len(rows) + 1];

    for (size_t i = 0; i < array_len(rows); i++)
        tests[i] = (struct CMUnitTest){
            .name = rows[i].name,
            .test_func = check_row,
            .initial_state = (void *)(uintptr_t)&rows[i],
        };
    tests[array_len(rows)] = (struct CMUnitTest)cmocka_unit_test(check_a_long_attempt);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
