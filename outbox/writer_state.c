/* SPDX-License-Identifier: MIT */
/* What the writer knows of the store. */
#include "outbox/writer_state.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"

/* How long a failed reading shows in the status; most readings are tried again within a second. */
enum { STATE_UNREADABLE_MS = 5000 };

int writer_state_note_away(struct writer_state *state, int r)
{
    struct outbox_status *now = &state->now;
    const char *why = state->store->why_away;

    if (r != STORE_AWAY || (now->away && !state->renews))
        return r;
    state->renews = !now->away && state->store->renews;
    now->away = true;
    if (state->renews)
        return r;
    now->times_away++;
    (void)snprintf(now->why_away, sizeof(now->why_away), "%s", why ? why : "");
    return r;
}

int writer_state_note_reading(struct writer_state *state, int r)
{
    writer_state_note_away(state, r);
    if (r == STORE_BROKEN || r < 0) {
        state->now.unreadable = true;
        state->unreadable_at_ms = clock_mono_ms(&clock_system);
    }
    return r;
}

int writer_state_read_rows(struct writer_state *state, struct store_filter filter, store_row_fn fn,
                           void *ctx)
{
    enum store_state last = filter.last;
    int r = 0;

    for (; !r && filter.first <= last; filter.first++) {
        filter.last = filter.first;
        r = state->store->ops->read(state->store, &filter, fn, ctx);
    }
    return r;
}

/* The status of a store whose last change had that outcome. */
static int state_fault(int r)
{
    return r < 0 ? STORE_BROKEN : r;
}

void writer_state_note_change(struct writer_state *state, int r, bool appended)
{
    if (r == STORE_REFUSED) /* the row is at fault, and not the store */
        return;
    if (r)
        state->now.failing = state_fault(r);
    else if (state->now.failing != STORE_FULL || appended)
        state->now.failing = 0; /* a change without an append does not show that there is room */
}

void writer_state_read_counts(struct writer_state *state)
{
    if (writer_state_note_reading(
            state, outbox_tallies_read(&state->tallies, state->store, &state->now.counts)) == 0)
        state->tallied = true;
}

/* ---- Offers, letters, counts ---- */

static int state_stop_at_first(void *ctx, const struct store_row *row)
{
    (void)ctx;
    (void)row;
    return WRITER_ENOUGH;
}

void writer_state_find_offers(struct writer_state *state)
{
    const struct store_filter filter = {.first = STORE_OFFERED, .last = STORE_FORCED, .bare = true};
    int r = writer_state_note_reading(
        state, writer_state_read_rows(state, filter, state_stop_at_first, NULL));

    if (!r || r == WRITER_ENOUGH)
        state->now.offers = r == WRITER_ENOUGH;
}

static int state_add_letter(void *ctx, const struct store_row *row)
{
    struct writer_state *state = ctx;

    letter_filter_add(state->filter, row->model, row->record);
    return 0;
}

void writer_state_load_filter(struct writer_state *state)
{
    const struct store_filter filter = {.first = STORE_DEAD, .last = STORE_FORCED, .bare = true};

    if (state->store->journal)
        return;
    if (writer_state_note_reading(
            state, writer_state_read_rows(state, filter, state_add_letter, state)) == 0)
        letter_filter_set_loaded(state->filter, true);
}

int writer_state_load(struct writer_state *state)
{
    int r = state->store->ops->id_mark(state->store, &state->mark);

    if (!r)
        r = outbox_tallies_read(&state->tallies, state->store, &state->now.counts);
    if (writer_state_note_away(state, r))
        return r;
    state->tallied = state->now.known = true;
    writer_state_find_offers(state);
    state->news = state->now.offers;
    return 0;
}

/* ---- Without a job ---- */

/* Whether an event could be stored: appends one, and rolls back. */
static int state_probe(struct writer_state *state)
{
    struct store *store = state->store;
    struct store_row row = {.id = store->journal ? 0 : state->mark + 1, .body = SPAN("{}")};
    int r = store->ops->begin(store);

    if (r)
        return r;
    r = store->ops->append(store, &row);
    store->ops->rollback(store);
    if (!r)
        r = store->ops->begin(store);
    return r ? r : store->ops->commit(store);
}

void writer_state_tick(struct writer_state *state)
{
    struct store *store = state->store;
    bool changed = false, mended = false;
    int r = writer_state_note_away(state, store->ops->tend(store, &mended));
    bool damaged = r != 0;

    if (r == STORE_AWAY)
        return;
    state->now.unreadable =
        damaged || (state->now.unreadable &&
                    clock_mono_ms(&clock_system) - state->unreadable_at_ms < STATE_UNREADABLE_MS);
    if (state->now.failing) {
        r = writer_state_note_away(state, state_probe(state));
        if (r == STORE_AWAY)
            return;
        state->now.failing = state_fault(r);
    }
    if (!state->now.known && writer_state_note_reading(state, writer_state_load(state)))
        return;
    if (mended) /* mending makes letters of rows that it cannot read whole */
        letter_filter_set_loaded(state->filter, false);
    if (!letter_filter_is_loaded(state->filter))
        writer_state_load_filter(state);
    r = writer_state_note_reading(state, store->ops->changed(store, &changed));
    if (r && r != STORE_AWAY)
        state->now.failing = state_fault(r);
    if (changed) {
        writer_state_find_offers(state);
        state->news |= state->now.offers;
        writer_state_read_counts(state);
    }
}

void writer_state_leave(struct writer_state *state)
{
    struct store *store = state->store;

    if (state->last_id == 0 || state->last_id == state->mark || state->now.failing ||
        store->ops->begin(store))
        return;
    (void)store_end(store, store->ops->set_id_mark(store, state->last_id));
}
