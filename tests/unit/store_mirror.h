/* SPDX-License-Identifier: MIT */
/*
 * A store as it should be, in memory, and a walk that does the same random changes to it and to a
 * real one.
 */
#pragma once

#include "store_world.h"

enum { MIRROR_ROWS = 96, MIRROR_BODY_MAX = 20000, WALK_DOUBTS = 32 };

struct mirror {
    struct store_row rows[MIRROR_ROWS]; /* by rising id; their texts are constants */
    size_t len;
    struct store_counts counts;
    uint64_t last_id;
};

struct walk {
    struct store *store;
    uint64_t dice;
    struct mirror now;  /* as of the last commit */
    struct mirror next; /* with the transaction at hand */
    /* With one of those that failed since: what a failed sync has left may turn up after a crash.
     */
    struct mirror doubtful[WALK_DOUBTS];
    size_t doubts;
    long commits;
};

/* Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014. */
static inline uint64_t walk_roll(struct walk *walk, uint64_t sides)
{
    uint64_t z = (walk->dice += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % sides;
}

/* ---- Texts that outlive every row ---- */

static inline struct span mirror_text(const char *prefix, uint64_t n)
{
    static const struct span models[] = {TEXT("users"), TEXT("posts"), TEXT("a\0b")};
    static const struct span records[] = {TEXT("r0"), TEXT("r1"), TEXT("r2"), TEXT("r3"),
                                          TEXT(""),   TEXT("r5"), TEXT("r6")};
    static const struct span reasons[] = {TEXT("overloaded"), TEXT("no\0route"), TEXT("")};

    if (*prefix == 'm')
        return models[n % array_len(models)];
    if (*prefix == 'r')
        return n == array_len(records) ? SPAN_NULL : records[n];
    return reasons[n % array_len(reasons)];
}

/* Bodies of many lengths: some fit a page, some need others. */
static inline struct span mirror_body(uint64_t n)
{
    static char bytes[MIRROR_BODY_MAX + 256];

    if (!bytes[0])
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (char)('!' + i % 89);
    return (struct span){bytes + n % 256, n % 8 ? n % 700 : n % MIRROR_BODY_MAX};
}

/* ---- The store as it should be ---- */

static inline struct store_row *mirror_find(struct mirror *mirror, uint64_t id)
{
    for (size_t i = 0; i < mirror->len; i++)
        if (mirror->rows[i].id == id)
            return &mirror->rows[i];
    return NULL;
}

static inline void mirror_remove(struct mirror *mirror, struct store_row *row)
{
    size_t i = (size_t)(row - mirror->rows);

    memmove(row, row + 1, (--mirror->len - i) * sizeof(*row));
}

/* Puts a row where its id wants it. */
static inline void mirror_insert(struct mirror *mirror, struct store_row row)
{
    size_t i = mirror->len++;

    assert_true(i < MIRROR_ROWS);
    for (; i > 0 && mirror->rows[i - 1].id > row.id; i--)
        mirror->rows[i] = mirror->rows[i - 1];
    mirror->rows[i] = row;
    if (mirror->last_id < row.id)
        mirror->last_id = row.id;
}

static inline void mirror_overtake(struct mirror *mirror, uint64_t id, struct span model,
                                   struct span record)
{
    for (size_t i = 0; i < mirror->len; i++) {
        struct store_row *row = &mirror->rows[i];
        if (row->state != STORE_PENDING && row->id < id && record.at && row->record.at &&
            span_eq(row->record, record) && span_eq(row->model, model))
            row->stale = true;
    }
}

/* Fills the numbers of the counts in that follow from the rows. */
static inline void mirror_count(struct mirror *mirror)
{
    struct store_counts *counts = &mirror->counts;

    counts->pending = counts->dead = 0;
    counts->oldest_ms = 0;
    for (size_t i = 0; i < mirror->len; i++) {
        const struct store_row *row = &mirror->rows[i];
        if (row->state == STORE_DEAD) {
            counts->dead++;
            continue;
        }
        counts->pending++;
        if (!counts->oldest_ms || row->arrived_ms < counts->oldest_ms)
            counts->oldest_ms = row->arrived_ms;
    }
    counts->accepted = counts->delivered + counts->discarded + counts->pending + counts->dead;
}

/* ---- Comparing ---- */

struct comparison {
    const struct mirror *mirror;
    size_t len;
    bool same;
};

static inline bool same_span(struct span a, struct span b)
{
    return (a.at != NULL) == (b.at != NULL) && span_eq(a, b);
}

static inline int comparison_add(void *ctx, const struct store_row *row)
{
    struct comparison *comparison = ctx;
    const struct store_row *should = &comparison->mirror->rows[comparison->len];

    comparison->same = comparison->len++ < comparison->mirror->len && row->id == should->id &&
                       row->state == should->state && row->arrived_ms == should->arrived_ms &&
                       row->attempts == should->attempts && row->tried_ms == should->tried_ms &&
                       row->died_ms == should->died_ms && row->stale == should->stale &&
                       same_span(row->model, should->model) &&
                       same_span(row->record, should->record) &&
                       same_span(row->reason, should->reason) && same_span(row->body, should->body);
    return comparison->same ? 0 : 77;
}

/* Whether the store holds just what the mirror does. */
static inline bool mirror_is(struct mirror *mirror, struct store *store)
{
    const struct store_filter all = {.last = STORE_FORCED};
    struct comparison comparison = {.mirror = mirror, .same = true};
    struct store_counts counts = counts_of(store);
    uint64_t last_id;

    assert_int_equal(store->ops->last_id(store, &last_id), 0);
    int r = store->ops->read(store, &all, comparison_add, &comparison);
    assert_true(r == 0 || r == 77);
    mirror_count(mirror);
    return comparison.same && comparison.len == mirror->len && last_id == mirror->last_id &&
           counts.accepted == mirror->counts.accepted &&
           counts.delivered == mirror->counts.delivered &&
           counts.discarded == mirror->counts.discarded &&
           counts.pending == mirror->counts.pending && counts.dead == mirror->counts.dead &&
           counts.oldest_ms == mirror->counts.oldest_ms;
}

/* After a crash: what was committed is there, and of the rest nothing or one transaction. */
static inline void walk_check_after_crash(struct walk *walk)
{
    for (size_t i = 0; i < walk->doubts; i++) {
        if (mirror_is(&walk->doubtful[i], walk->store)) {
            walk->now = walk->doubtful[i];
            break;
        }
    }
    walk->doubts = 0;
    assert_true(mirror_is(&walk->now, walk->store));
}

/* ---- One change to both. The store's outcome; the mirror's where that is no failure ---- */

/* Of one that exists, mostly. */
static inline uint64_t walk_id(struct walk *walk)
{
    if (walk->next.len == 0 || walk_roll(walk, 10) == 0)
        return walk_roll(walk, walk->next.last_id + 2);
    return walk->next.rows[walk_roll(walk, walk->next.len)].id;
}

static inline int walk_append(struct walk *walk)
{
    uint64_t n = walk_roll(walk, 1 << 20);
    struct store_row row = {
        .id = walk->next.last_id + 1 + walk_roll(walk, 3),
        .state = walk_roll(walk, 4) ? STORE_PENDING : STORE_DEAD,
        .model = mirror_text("model", walk_roll(walk, 3)),
        .record = mirror_text("record", walk_roll(walk, 8)),
        .body = mirror_body(n),
        .arrived_ms = 1 + (int64_t)walk_roll(walk, 1000),
    };

    if (row.state == STORE_DEAD)
        row.died_ms = 7;
    int r = walk->store->ops->append(walk->store, &row);
    if (!r)
        mirror_insert(&walk->next, row);
    return r;
}

static inline int walk_deliver(struct walk *walk, uint64_t id)
{
    struct store_row *row = mirror_find(&walk->next, id);
    int r = walk->store->ops->delivered(walk->store, id);

    if (r && r != STORE_MISSING)
        return r;
    assert_int_equal(r, row && row->state == STORE_PENDING ? 0 : STORE_MISSING);
    if (!r) {
        struct store_row gone = *row;
        mirror_remove(&walk->next, row);
        mirror_overtake(&walk->next, id, gone.model, gone.record);
        walk->next.counts.delivered++;
    }
    return 0;
}

static inline int walk_deliver_unstored(struct walk *walk)
{
    struct store *store = walk->store;
    uint64_t id = walk_roll(walk, walk->next.last_id + 2);
    struct span model = mirror_text("model", walk_roll(walk, 3));
    struct span record = mirror_text("record", walk_roll(walk, 8));
    int r = store->ops->count_delivered(store, SPAN_NULL, 2);

    if (!r)
        r = store->ops->overtaken(store, id, model, record);
    if (r)
        return r;
    walk->next.counts.delivered += 2;
    mirror_overtake(&walk->next, id, model, record);
    return 0;
}

static inline int walk_fail(struct walk *walk, uint64_t id, bool bury)
{
    struct store *store = walk->store;
    struct store_row *row = mirror_find(&walk->next, id);
    struct store_row change = {
        .id = id,
        .attempts = (int)walk_roll(walk, 9),
        .tried_ms = (int64_t)walk_roll(walk, 1000),
        .reason = mirror_text("because", walk_roll(walk, 3)),
        .died_ms = bury ? 9 : 0,
        .stale = bury && walk_roll(walk, 2) != 0,
    };
    int r = bury ? store->ops->bury(store, &change) : store->ops->postpone(store, &change);

    if (r && r != STORE_MISSING)
        return r;
    assert_int_equal(r, row && row->state == STORE_PENDING ? 0 : STORE_MISSING);
    if (!r) {
        row->attempts = change.attempts;
        row->tried_ms = change.tried_ms;
        row->reason = change.reason;
        row->died_ms = bury ? change.died_ms : row->died_ms;
        row->stale = change.stale;
        row->state = bury ? STORE_DEAD : STORE_PENDING;
    }
    return 0;
}

static inline int walk_count_row(void *ctx, const struct store_row *row)
{
    assert_int_equal(row->state, STORE_DEAD);
    ++*(size_t *)ctx;
    return 0;
}

static inline int walk_bury_model(struct walk *walk)
{
    const struct store_row letter = {
        .model = mirror_text("model", walk_roll(walk, 2)), .reason = SPAN("astray"), .died_ms = 9};
    const uint64_t rows_max = 1 + walk_roll(walk, 3);
    size_t buried = 0, should = 0;
    int r = walk->store->ops->bury_model(walk->store, &letter, rows_max, walk_count_row, &buried);

    if (r)
        return r;
    for (size_t i = 0; i < walk->next.len && should < rows_max; i++) {
        struct store_row *row = &walk->next.rows[i];
        if (row->state != STORE_PENDING || !row->model.at || !span_eq(row->model, letter.model))
            continue;
        row->state = STORE_DEAD;
        row->reason = letter.reason;
        row->died_ms = letter.died_ms;
        should++;
    }
    assert_int_equal(buried, should);
    return 0;
}

static inline int walk_replay(struct walk *walk, uint64_t id, bool force)
{
    struct store_row *row = mirror_find(&walk->next, id);
    int should = !row || row->state != STORE_DEAD ? STORE_MISSING
                 : row->stale && !force           ? STORE_STALE
                                                  : 0;
    int r = walk->store->ops->offer(walk->store, id, force);

    if (r && r != STORE_MISSING && r != STORE_STALE)
        return r;
    assert_int_equal(r, should);
    if (!r)
        row->state = force ? STORE_FORCED : STORE_OFFERED;
    return 0;
}

static inline int walk_resume(struct walk *walk, uint64_t id)
{
    struct store_row *row = mirror_find(&walk->next, id);
    bool forced = row && row->state == STORE_FORCED;
    uint64_t new_id = forced ? walk->next.last_id + 1 : id;
    int should = !row || row->state < STORE_OFFERED ? STORE_MISSING
                 : row->stale && !forced            ? STORE_STALE
                                                    : 0;
    int r = walk->store->ops->resume(walk->store, id, new_id);

    if (r && r != STORE_MISSING && r != STORE_STALE)
        return r;
    assert_int_equal(r, should);
    if (r == STORE_STALE)
        row->state = STORE_DEAD;
    if (r)
        return 0;
    struct store_row resumed = {.id = new_id,
                                .model = row->model,
                                .record = row->record,
                                .body = row->body,
                                .arrived_ms = row->arrived_ms,
                                .died_ms = row->died_ms};
    mirror_remove(&walk->next, row);
    mirror_insert(&walk->next, resumed);
    return 0;
}

static inline int walk_discard(struct walk *walk, uint64_t id)
{
    struct store_row *row = mirror_find(&walk->next, id);
    int r = walk->store->ops->discard(walk->store, id);

    if (r && r != STORE_MISSING)
        return r;
    assert_int_equal(r, row && row->state == STORE_DEAD ? 0 : STORE_MISSING);
    if (!r) {
        mirror_remove(&walk->next, row);
        walk->next.counts.discarded++;
    }
    return 0;
}

static inline int walk_change(struct walk *walk)
{
    switch (walk->next.len > MIRROR_ROWS - 8 ? 3 + walk_roll(walk, 14) : walk_roll(walk, 17)) {
    case 0:
    case 1:
    case 2:
        return walk_append(walk);
    case 3:
        return walk_deliver_unstored(walk);
    case 4:
        return walk_fail(walk, walk_id(walk), false);
    case 5:
    case 6:
        return walk_fail(walk, walk_id(walk), true);
    case 7:
        return walk_replay(walk, walk_id(walk), false);
    case 8:
        return walk_replay(walk, walk_id(walk), true);
    case 9:
    case 10:
        return walk_resume(walk, walk_id(walk));
    case 11:
        return walk_discard(walk, walk_id(walk));
    case 12:
        return walk_bury_model(walk);
    default:
        return walk_deliver(walk, walk_id(walk));
    }
}

/* A transaction of a few changes. 0: it is committed. */
static inline int walk_step(struct walk *walk)
{
    struct store *store = walk->store;
    int r = store->ops->begin(store);

    if (r)
        return r;
    walk->next = walk->now;
    for (uint64_t left = 1 + walk_roll(walk, 5); left > 0 && !r; left--)
        r = walk_change(walk);
    if (!r && walk_roll(walk, 10) == 0) {
        store->ops->rollback(store);
        return 0;
    }
    r = store->ops->commit(store);
    if (r) {
        assert_true(walk->doubts < WALK_DOUBTS);
        walk->doubtful[walk->doubts++] = walk->next;
        return r;
    }
    walk->now = walk->next;
    walk->doubts = 0;
    walk->commits++;
    return 0;
}
