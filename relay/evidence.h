/* SPDX-License-Identifier: MIT */
/*
 * Whose fault a failure is: everybody's, or the event's that was tried. It is judged by who has
 * failed and who has got through, and in which order; nothing here knows of time but as a number.
 *
 * An event that fails again although another one has got through since it failed first is itself to
 * blame, for good: what becomes of it says nothing about others. Events go one at a time per
 * record, so that several events are several records.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    EVIDENCE_SEVERAL = 5,           /* records that speak for all, where nobody gets through */
    EVIDENCE_MANY = 32,             /* and where others have, lately */
    EVIDENCE_LATELY_MS = 10 * 1000, /* before the attempt began */
};

enum evidence_of {
    EVIDENCE_OF_NOTHING, /* the next ones will tell */
    EVIDENCE_OF_ONE,     /* the event is to blame */
    EVIDENCE_OF_ALL,     /* nobody will get through */
};

struct evidence {
    uint64_t passed;   /* events that have got through */
    int64_t passed_ms; /* when the last one of them has */
    int failed;        /* events that have failed since, each counted once */
};

/* What is held against one event, embedded in it. All zero: nothing. */
struct blame {
    uint64_t first;   /* evidence.passed + 1 when it failed first; 0: it has not */
    uint64_t counted; /* the same when it was counted in evidence.failed last */
    bool own;
};

/* An event has got through. */
void evidence_pass(struct evidence *evidence, int64_t now_ms);

/*
 * An event has failed, in an attempt that began then. certain: in a way that one event's failure
 * speaks for all, unless others get through.
 */
enum evidence_of evidence_fail(struct evidence *evidence, struct blame *blame, bool certain,
                               int64_t began_ms);
