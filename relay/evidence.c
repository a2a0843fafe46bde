/* SPDX-License-Identifier: MIT */
/* Evidence: counts of events that failed and that got through. */
#include "relay/evidence.h"

void evidence_pass(struct evidence *evidence, int64_t now_ms)
{
    evidence->passed++;
    evidence->passed_ms = now_ms;
    evidence->failed = 0;
}

/* How many events must have failed since one got through, to speak for all. */
static int evidence_needed(const struct evidence *evidence, bool certain, int64_t began_ms)
{
    if (evidence->passed > 0 && evidence->passed_ms >= began_ms - EVIDENCE_LATELY_MS)
        return EVIDENCE_MANY;
    return certain ? 1 : EVIDENCE_SEVERAL;
}

enum evidence_of evidence_fail(struct evidence *evidence, struct blame *blame, bool certain,
                               int64_t began_ms)
{
    uint64_t now = evidence->passed + 1;

    if (!blame->first)
        blame->first = now;
    blame->own = blame->own || blame->first < now;
    if (blame->own)
        return EVIDENCE_OF_ONE;
    if (blame->counted != now)
        evidence->failed++;
    blame->counted = now;
    return evidence->failed >= evidence_needed(evidence, certain, began_ms) ? EVIDENCE_OF_ALL
                                                                            : EVIDENCE_OF_NOTHING;
}
