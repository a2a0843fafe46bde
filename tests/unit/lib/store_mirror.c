/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/store_mirror.h"

/* ---- Texts that outlive every row ---- */

struct span mirror_text(const char *prefix, uint64_t n)
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

struct span mirror_refused(struct span reason, struct span why)
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

struct span mirror_body(uint64_t n)
{
    static char bytes[MIRROR_BODY_MAX + 256];

    if (!bytes[0])
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (char)('!' + i % 89);
    return (struct span){bytes + n % 256, n % 8 ? n % 700 : n % MIRROR_BODY_MAX};
}

/* ---- The store as it should be ---- */

struct store_row *mirror_find(struct mirror *mirror, uint64_t id)
{
    for (size_t i = 0; i < mirror->len; i++)
        if (mirror->rows[i].id == id)
            return &mirror->rows[i];
    return NULL;
}

void mirror_remove(struct mirror *mirror, struct store_row *row)
{
    size_t i = (size_t)(row - mirror->rows);

    memmove(row, row + 1, (--mirror->len - i) * sizeof(*row));
}

void mirror_insert(struct mirror *mirror, struct store_row row)
{
    size_t i = mirror->len++;

    assert_true(i < MIRROR_ROWS);
    for (; i > 0 && mirror->rows[i - 1].id > row.id; i--)
        mirror->rows[i] = mirror->rows[i - 1];
    mirror->rows[i] = row;
    if (mirror->last_id < row.id)
        mirror->last_id = row.id;
}

void mirror_overtake(struct mirror *mirror, uint64_t id, struct span model, struct span record)
{
    for (size_t i = 0; i < mirror->len; i++) {
        struct store_row *row = &mirror->rows[i];
        if (row->state != STORE_PENDING && row->id < id && record.at && row->record.at &&
            span_eq(row->record, record) && span_eq(row->model, model))
            row->stale = true;
    }
}

struct mirror_sums *mirror_sums_of(struct mirror *mirror, struct span model)
{
    for (uint64_t i = 0; i < MIRROR_MODELS; i++)
        if (mirror->sums[i].named && model.at && span_eq(mirror_text("model", i), model))
            return &mirror->sums[i];
    return &mirror->sums[MIRROR_MODELS];
}

/* Fills in what follows from the rows. */
static void mirror_count(struct mirror *mirror)
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

struct tally_comparison {
    struct mirror *mirror;
    size_t len; /* of those that were told */
    struct mirror_sums all;
    bool same;
};

static bool same_span(struct span a, struct span b)
{
    return (a.at != NULL) == (b.at != NULL) && span_eq(a, b);
}

static int comparison_add(void *ctx, const struct store_row *row)
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

static int tally_comparison_add(void *ctx, struct span model, const struct store_tally *tally)
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

/* Whether the counts of each model agree with its rows. */
static bool mirror_counts_are(struct mirror *mirror, struct store *store)
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
           counts.dead == all->dead && (store->journal || counts.oldest_ms == mirror->oldest_ms);
}

bool mirror_is(struct mirror *mirror, struct store *store)
{
    const struct store_filter all = {.last = STORE_FORCED};
    struct comparison comparison = {.mirror = mirror, .same = true};
    uint64_t last_id;

    assert_int_equal(store->ops->id_mark(store, &last_id), 0);
    int r = store->ops->read(store, &all, comparison_add, &comparison);
    assert_true(r == 0 || r == 77);
    return comparison.same && comparison.len == mirror->len &&
           (store->journal || last_id == mirror->last_id) && mirror_counts_are(mirror, store);
}
