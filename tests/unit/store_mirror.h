/* SPDX-License-Identifier: MIT */
/*
 * A store as it should be, in memory, and a walk that does the same random changes to it and to a
 * real one.
 */
#pragma once

#include "store_world.h"

enum { MIRROR_ROWS = 96, MIRROR_MODELS = 3, MIRROR_BODY_MAX = 20000, WALK_DOUBTS = 32 };

/* Counts of a model that was named, or of all others. */
struct mirror_sums {
    bool named;
    uint64_t delivered, discarded;
    uint64_t pending, dead; /* which follow from the rows */
};

struct mirror {
    struct store_row rows[MIRROR_ROWS]; /* by rising id; their texts are constants */
    size_t len;
    struct mirror_sums sums[MIRROR_MODELS + 1]; /* by model, and in the end of all others */
    int64_t oldest_ms;
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

/* The reason of a letter that had that one, maybe none, and whose replay is refused. */
static inline struct span mirror_refused(struct span reason, struct span why)
{
    static struct buf made[64];
    static const struct span join = TEXT("; replay refused: ");
    struct buf text = BUF_NULL;
    const char *cut = reason.at ? memmem(reason.at, reason.len, join.at, join.len) : NULL;
    struct span first = {reason.at, cut ? (size_t)(cut - reason.at) : reason.len};
    size_t i = 0;

    assert_int_equal(buf_append_span(&text, reason.len ? first : SPAN("Replay refused: ")), 0);
    assert_int_equal(buf_append_span(&text, reason.len ? join : SPAN_NULL), 0);
    assert_int_equal(buf_append_span(&text, why), 0);
    while (made[i].len > 0 && !span_eq(buf_span(&made[i]), buf_span(&text)))
        assert_true(++i < array_len(made));
    if (made[i].len > 0)
        buf_done(&text);
    else
        made[i] = text;
    return buf_span(&made[i]);
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

/* Where what happens to events of the model counts. */
static inline struct mirror_sums *mirror_sums_of(struct mirror *mirror, struct span model)
{
    for (uint64_t i = 0; i < MIRROR_MODELS; i++)
        if (mirror->sums[i].named && model.at && span_eq(mirror_text("model", i), model))
            return &mirror->sums[i];
    return &mirror->sums[MIRROR_MODELS];
}

/* Fills in what follows from the rows. */
static inline void mirror_count(struct mirror *mirror)
{
    for (size_t i = 0; i <= MIRROR_MODELS; i++)
        mirror->sums[i].pending = mirror->sums[i].dead = 0;
    mirror->oldest_ms = 0;
    for (size_t i = 0; i < mirror->len; i++) {
        const struct store_row *row = &mirror->rows[i];
        struct mirror_sums *sums = mirror_sums_of(mirror, row->model);
        *(row->state == STORE_DEAD ? &sums->dead : &sums->pending) += 1;
        if (row->state == STORE_PENDING &&
            (!mirror->oldest_ms || row->since_ms < mirror->oldest_ms))
            mirror->oldest_ms = row->since_ms;
    }
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
                       row->since_ms == should->since_ms && row->was == should->was &&
                       row->attempts == should->attempts && row->tried_ms == should->tried_ms &&
                       row->died_ms == should->died_ms && row->stale == should->stale &&
                       same_span(row->model, should->model) &&
                       same_span(row->record, should->record) &&
                       same_span(row->reason, should->reason) && same_span(row->body, should->body);
    return comparison->same ? 0 : 77;
}

struct tally_comparison {
    struct mirror *mirror;
    size_t len; /* of those that were told */
    struct mirror_sums all;
    bool same;
};

static inline int tally_comparison_add(void *ctx, struct span model,
                                       const struct store_tally *tally)
{
    struct tally_comparison *comparison = ctx;
    const struct mirror_sums *should = mirror_sums_of(comparison->mirror, model);

    assert_int_equal(model.at == NULL, comparison->len++ == 0); /* all others come first */
    comparison->same &= tally->pending == should->pending && tally->dead == should->dead &&
                        tally->delivered == should->delivered &&
                        tally->discarded == should->discarded && should->named == !!model.at;
    assert_int_equal(tally->accepted,
                     tally->pending + tally->dead + tally->delivered + tally->discarded);
    comparison->all.pending += should->pending;
    comparison->all.dead += should->dead;
    comparison->all.delivered += should->delivered;
    comparison->all.discarded += should->discarded;
    return 0;
}

/* Whether the counts of each model are those of its rows. */
static inline bool mirror_counts_are(struct mirror *mirror, struct store *store)
{
    struct tally_comparison comparison = {.mirror = mirror, .same = true};
    const struct mirror_sums *all = &comparison.all;
    struct store_counts counts = counts_of(store);
    size_t named = 0;

    mirror_count(mirror);
    assert_int_equal(store->ops->tallies(store, tally_comparison_add, &comparison), 0);
    for (size_t i = 0; i < MIRROR_MODELS; i++)
        named += mirror->sums[i].named;
    return comparison.same && comparison.len == named + 1 && counts.delivered == all->delivered &&
           counts.discarded == all->discarded && counts.pending == all->pending &&
           counts.dead == all->dead && counts.oldest_ms == mirror->oldest_ms;
}

/* Whether the store holds just what the mirror does. */
static inline bool mirror_is(struct mirror *mirror, struct store *store)
{
    const struct store_filter all = {.last = STORE_FORCED};
    struct comparison comparison = {.mirror = mirror, .same = true};
    uint64_t last_id;

    assert_int_equal(store->ops->last_id(store, &last_id), 0);
    int r = store->ops->read(store, &all, comparison_add, &comparison);
    assert_true(r == 0 || r == 77);
    return comparison.same && comparison.len == mirror->len && last_id == mirror->last_id &&
           mirror_counts_are(mirror, store);
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

    row.since_ms = row.arrived_ms;
    if (row.state == STORE_DEAD)
        row.died_ms = 7;
    int r = walk->store->ops->append(walk->store, &row);
    if (!r)
        mirror_insert(&walk->next, row);
    return r;
}

static inline int walk_deliver(struct walk *walk, uint64_t id, bool unstored)
{
    struct store_row *row = mirror_find(&walk->next, id);
    const struct store_row gone =
        row ? *row
            : (struct store_row){.id = id,
                                 .model = mirror_text("model", walk_roll(walk, 3)),
                                 .record = mirror_text("record", walk_roll(walk, 8))};
    int r = walk->store->ops->deliver(walk->store, &gone, unstored);

    if (r && r != STORE_MISSING)
        return r;
    assert_int_equal(r, row || unstored ? 0 : STORE_MISSING);
    if (row)
        mirror_remove(&walk->next, row);
    mirror_overtake(&walk->next, id, gone.model, gone.record);
    if (!r)
        mirror_sums_of(&walk->next, gone.model)->delivered++;
    return 0;
}

static inline int walk_deliver_unstored(struct walk *walk)
{
    struct store *store = walk->store;
    uint64_t id = walk_roll(walk, walk->next.last_id + 2);
    struct span model = mirror_text("model", walk_roll(walk, 3));
    struct span record = mirror_text("record", walk_roll(walk, 8));
    int r = store->ops->count_delivered(store, model, 2);

    if (!r)
        r = store->ops->mark_stale(store, id, model, record);
    if (r)
        return r;
    mirror_sums_of(&walk->next, model)->delivered += 2;
    mirror_overtake(&walk->next, id, model, record);
    return 0;
}

/* What a failure leaves behind. */
static inline struct store_row walk_failure(struct walk *walk, uint64_t id)
{
    return (struct store_row){
        .id = id,
        .model = mirror_text("model", walk_roll(walk, 3)), /* both where it has no row */
        .record = mirror_text("record", walk_roll(walk, 8)),
        .body = mirror_body(walk_roll(walk, 1 << 20)),
        .arrived_ms = 5,
        .since_ms = 5,
        .attempts = (int)walk_roll(walk, 9),
        .tried_ms = (int64_t)walk_roll(walk, 1000),
        .reason = mirror_text("because", walk_roll(walk, 3)),
    };
}

static inline int walk_note_failure(struct walk *walk, uint64_t id)
{
    struct store_row *row = mirror_find(&walk->next, id);
    const struct store_row change = walk_failure(walk, id);
    int r = walk->store->ops->note_failure(walk->store, &change);

    if (r && r != STORE_MISSING)
        return r;
    assert_int_equal(r, row && row->state == STORE_PENDING ? 0 : STORE_MISSING);
    if (!r) {
        row->attempts = change.attempts;
        row->tried_ms = change.tried_ms;
        row->reason = change.reason;
    }
    return 0;
}

static inline int walk_bury(struct walk *walk, uint64_t id)
{
    struct store_row *row = mirror_find(&walk->next, id);
    struct store_row change = walk_failure(walk, id ? id : 1);

    if (!row && walk->next.len > MIRROR_ROWS - 8)
        return 0;
    change.died_ms = 9;
    change.stale = walk_roll(walk, 2) != 0;
    int r = walk->store->ops->bury(walk->store, &change);
    if (r)
        return r;
    change.state = STORE_DEAD;
    if (!row) {
        mirror_insert(&walk->next, change);
        return 0;
    }
    row->attempts = change.attempts;
    row->tried_ms = change.tried_ms;
    row->reason = change.reason;
    row->died_ms = change.died_ms;
    row->stale = row->stale || change.stale;
    row->state = STORE_DEAD;
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

static inline bool walk_is_offer(const struct store_row *row)
{
    return row && row->state >= STORE_OFFERED;
}

static inline int walk_take(struct walk *walk, uint64_t id)
{
    struct store_row *row = mirror_find(&walk->next, id);
    bool forced = row && row->state == STORE_FORCED;
    uint64_t new_id = forced ? walk->next.last_id + 1 : id;
    int should = !walk_is_offer(row) ? STORE_MISSING : row->stale && !forced ? STORE_STALE : 0;
    int r = walk->store->ops->take_offer(walk->store, id, new_id, 4000);

    if (r && r != STORE_MISSING && r != STORE_STALE)
        return r;
    assert_int_equal(r, should);
    if (r == STORE_STALE)
        row->state = STORE_DEAD;
    if (r)
        return 0;
    struct store_row taken = *row;
    taken.id = new_id;
    taken.state = STORE_PENDING;
    taken.stale = false;
    taken.attempts = 0;
    taken.tried_ms = 0;
    taken.since_ms = 4000;
    taken.reason = SPAN_NULL;
    taken.was = forced ? id : row->was;
    mirror_remove(&walk->next, row);
    mirror_insert(&walk->next, taken);
    return 0;
}

static inline int walk_refuse(struct walk *walk, uint64_t id)
{
    struct store_row *row = mirror_find(&walk->next, id);
    struct span why = mirror_text("because", walk_roll(walk, 3));
    int r = walk->store->ops->refuse(walk->store, id, why);

    if (r && r != STORE_MISSING)
        return r;
    assert_int_equal(r, walk_is_offer(row) ? 0 : STORE_MISSING);
    if (!r) {
        row->state = STORE_DEAD;
        row->reason = mirror_refused(row->reason, why);
    }
    return 0;
}

static inline int walk_refuse_model(struct walk *walk)
{
    struct span model = mirror_text("model", walk_roll(walk, 3));
    struct span why = mirror_text("because", walk_roll(walk, 3));
    const uint64_t rows_max = 1 + walk_roll(walk, 3);
    uint64_t refused = 77, should = 0;
    int r = walk->store->ops->refuse_model(walk->store, model, why, rows_max, &refused);

    if (r)
        return r;
    for (size_t i = 0; i < walk->next.len && should < rows_max; i++) {
        struct store_row *row = &walk->next.rows[i];
        if (!walk_is_offer(row) || !row->model.at || !span_eq(row->model, model))
            continue;
        row->state = STORE_DEAD;
        row->reason = mirror_refused(row->reason, why);
        should++;
    }
    assert_int_equal(refused, should);
    return 0;
}

static inline int walk_name(struct walk *walk)
{
    uint64_t which = walk_roll(walk, MIRROR_MODELS);
    int r = walk->store->ops->name(walk->store, mirror_text("model", which));

    if (!r)
        walk->next.sums[which].named = true;
    return r;
}

static inline int walk_discard(struct walk *walk, uint64_t id)
{
    struct store_row *row = mirror_find(&walk->next, id);
    int r = walk->store->ops->discard(walk->store, id);

    if (r && r != STORE_MISSING)
        return r;
    assert_int_equal(r, row && row->state == STORE_DEAD ? 0 : STORE_MISSING);
    if (!r) {
        mirror_sums_of(&walk->next, row->model)->discarded++;
        mirror_remove(&walk->next, row);
    }
    return 0;
}

static inline int walk_change(struct walk *walk)
{
    switch (walk->next.len > MIRROR_ROWS - 8 ? 3 + walk_roll(walk, 18) : walk_roll(walk, 21)) {
    case 0:
    case 1:
    case 2:
        return walk_append(walk);
    case 3:
        return walk_deliver_unstored(walk);
    case 4:
        return walk_note_failure(walk, walk_id(walk));
    case 5:
    case 6:
        return walk_bury(walk, walk_id(walk));
    case 7:
        return walk_replay(walk, walk_id(walk), false);
    case 8:
        return walk_replay(walk, walk_id(walk), true);
    case 9:
    case 10:
        return walk_take(walk, walk_id(walk));
    case 11:
        return walk_discard(walk, walk_id(walk));
    case 12:
    case 13:
        return walk_refuse(walk, walk_id(walk));
    case 14:
        return walk_refuse_model(walk);
    case 15:
        return walk_roll(walk, 3) ? 0 : walk_name(walk);
    case 16:
        return walk_deliver(walk, walk_id(walk), true);
    default:
        return walk_deliver(walk, walk_id(walk), false);
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
