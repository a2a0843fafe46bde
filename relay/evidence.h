/* SPDX-License-Identifier: MIT */
/*
 * Evidence: whether a failure is the event's own fault, or says that all events would fail. The
 * judgement follows from which events failed and which got through, and in which order.
 *
 * An event is itself to blame, for good, if the event fails again although another one has got
 * through since the first failure. What becomes of such an event says nothing about others. The
 * events of one record go one at a time, so that several events are several records.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    EVIDENCE_SEVERAL = 5,           /* events that must fail to speak for all */
    EVIDENCE_MANY = 32,             /* the same, if another event has got through lately */
    EVIDENCE_LATELY_MS = 10 * 1000, /* lately: since so long before the attempt began */
};

enum evidence_of {
    EVIDENCE_OF_NOTHING, /* not enough is known yet */
    EVIDENCE_OF_ONE,     /* the event is to blame */
    EVIDENCE_OF_ALL,     /* no event will get through */
};

struct evidence {
    uint64_t passed;   /* events that have got through */
    int64_t passed_ms; /* mono; when the latest event got through */
    int failed;        /* events that have failed since passed_ms, each counted once */
};

/* What is held against one event, embedded in it. All zero: nothing. */
struct blame {
    uint64_t first;   /* evidence.passed + 1 at the event's first failure; 0: none so far */
    uint64_t counted; /* evidence.passed + 1 when evidence.failed last counted the event */
    bool own;         /* the event itself is to blame */
};

/* An event has got through. */
void evidence_pass(struct evidence *evidence, int64_t now_ms);

/*
 * An event has failed, in an attempt that began at began_ms. certain: the failure is of a kind that
 * would meet every event, so that one is enough, unless others have got through lately.
 */
enum evidence_of evidence_fail(struct evidence *evidence, struct blame *blame, bool certain,
                               int64_t began_ms);
