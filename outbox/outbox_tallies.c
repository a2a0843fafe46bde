/* SPDX-License-Identifier: MIT */
/* Tallies. */
#include "outbox/outbox_tallies.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

void outbox_tallies_done(struct outbox_tallies *tallies)
{
    for (size_t i = 0; i < tallies->len; i++)
        free(tallies->at[i].model);
    free(tallies->at);
    *tallies = (struct outbox_tallies){0};
}

/* ---- From the store ---- */

struct tallies_read {
    struct outbox_tallies *tallies;
    size_t len; /* how many tallies were read so far */
    struct store_counts *counts;
};

static int tallies_rename(struct outbox_tally *tally, struct span model)
{
    free(tally->model);
    tally->model = model.at ? malloc(model.len + 1) : NULL;
    if (!tally->model)
        return model.at ? error_origin(-ENOMEM) : 0;
    memcpy(tally->model, model.at, model.len);
    tally->model[model.len] = '\0';
    return 0;
}

static int tallies_grow(struct outbox_tallies *tallies)
{
    struct outbox_tally *at = realloc(tallies->at, (tallies->len + 1) * sizeof(*at));

    if (!at)
        return error_origin(-ENOMEM);
    at[tallies->len++] = (struct outbox_tally){0};
    tallies->at = at;
    return 0;
}

/* The store gives models in the same order each time: mostly only numbers are written anew. */
static int tallies_take(void *ctx, struct span model, const struct store_tally *counts)
{
    struct tallies_read *read = ctx;
    int r = read->len == read->tallies->len ? tallies_grow(read->tallies) : 0;

    if (r)
        return r;
    struct outbox_tally *tally = &read->tallies->at[read->len++];
    if (!span_same(span_of(tally->model), model))
        r = tallies_rename(tally, model);
    tally->counts = *counts;
    store_counts_add(read->counts, counts);
    return r;
}

int outbox_tallies_read(struct outbox_tallies *tallies, struct store *store,
                        struct store_counts *out)
{
    struct store_counts counts;
    struct tallies_read read = {.tallies = tallies, .counts = &counts};
    int r = store->ops->counts(store, &counts);

    if (r)
        return r;
    counts.accepted = counts.delivered = counts.discarded = counts.pending = counts.dead = 0;
    r = store->ops->tallies(store, tallies_take, &read);
    if (r)
        return r;
    while (tallies->len > read.len) /* a mended store may have fewer models */
        free(tallies->at[--tallies->len].model);
    *out = counts;
    return 0;
}

/* ---- For the loop ---- */

int outbox_tallies_copy(const struct outbox_tallies *tallies, struct outbox_tallies *out)
{
    struct outbox_tallies copy = {0};

    copy.at = calloc(tallies->len + 1, sizeof(*copy.at)); /* + 1: NULL means no memory */
    if (!copy.at)
        return error_origin(-ENOMEM);
    for (size_t i = 0; i < tallies->len; i++) {
        const struct outbox_tally *tally = &tallies->at[i];
        int r = tallies_rename(&copy.at[copy.len++], span_of(tally->model));
        if (r) {
            outbox_tallies_done(&copy);
            return r;
        }
        copy.at[i].counts = tally->counts;
    }
    *out = copy;
    return 0;
}

void outbox_tallies_add(struct outbox_tallies *tallies, struct span model, uint64_t delivered)
{
    size_t i = tallies->len;

    if (i == 0)
        return;
    while (--i > 0 && !span_same(span_of(tallies->at[i].model), model))
        ;
    tallies->at[i].counts.accepted += delivered;
    tallies->at[i].counts.delivered += delivered;
}
