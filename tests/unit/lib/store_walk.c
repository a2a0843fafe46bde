/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/store_walk.h"

/* Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014. */
static uint64_t walk_roll(struct walk *walk, uint64_t sides)
{
    uint64_t z = (walk->dice += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % sides;
}

/* ---- One change to both: the mirror changes where the store has not failed ---- */

/* The id of a row, mostly; else any id. */
static uint64_t walk_id(struct walk *walk)
{
    if (walk->next.len == 0 || walk_roll(walk, 10) == 0)
        return walk_roll(walk, walk->next.last_id + 2);
    return walk->next.rows[walk_roll(walk, walk->next.len)].id;
}

/* What a change returns whose row is not there: a journal puts such changes off, and cannot tell.
 */
static int walk_missing(const struct walk *walk)
{
    return walk->store->journal ? 0 : STORE_MISSING;
}

static int walk_append(struct walk *walk)
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

static int walk_deliver(struct walk *walk, uint64_t id, bool unstored)
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
    assert_int_equal(r, row || unstored ? 0 : walk_missing(walk));
    bool counts = row || unstored;
    if (row)
        mirror_remove(&walk->next, row);
    mirror_overtake(&walk->next, id, gone.model, gone.record);
    if (counts)
        mirror_sums_of(&walk->next, gone.model)->delivered++;
    return 0;
}

static int walk_deliver_unstored(struct walk *walk)
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

/* A row for note_failure() and bury(). */
static struct store_row walk_failure(struct walk *walk, uint64_t id)
{
    return (struct store_row){
        .id = id,
        .model = mirror_text("model", walk_roll(walk, 3)),   /* counts where the event has no row */
        .record = mirror_text("record", walk_roll(walk, 8)), /* likewise */
        .body = mirror_body(walk_roll(walk, 1 << 20)),
        .arrived_ms = 5,
        .since_ms = 5,
        .attempts = (int)walk_roll(walk, 9),
        .tried_ms = (int64_t)walk_roll(walk, 1000),
        .reason = mirror_text("because", walk_roll(walk, 3)),
    };
}

static int walk_note_failure(struct walk *walk, uint64_t id)
{
    struct store_row *row = mirror_find(&walk->next, id);
    const struct store_row change = walk_failure(walk, id);
    int r = walk->store->ops->note_failure(walk->store, &change);

    if (r && r != STORE_MISSING)
        return r;
    bool pending = row && row->state == STORE_PENDING;
    assert_int_equal(r, pending ? 0 : walk_missing(walk));
    if (pending) {
        row->attempts = change.attempts;
        row->tried_ms = change.tried_ms;
        row->reason = change.reason;
    }
    return 0;
}

static int walk_bury(struct walk *walk, uint64_t id)
{
    struct store_row *row = mirror_find(&walk->next, id);
    struct store_row change = walk_failure(walk, id ? id : 1);

    if (!row && walk->next.len > MIRROR_ROWS - 8)
        return 0;
    if (row && walk->store->journal) { /* which relies on what the caller knows of the event */
        change.model = row->model;
        change.record = row->record;
    }
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

static int walk_replay(struct walk *walk, uint64_t id, bool force)
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

static bool walk_is_offer(const struct store_row *row)
{
    return row && row->state >= STORE_OFFERED;
}

static int walk_take(struct walk *walk, uint64_t id)
{
    struct store_row *row = mirror_find(&walk->next, id);
    bool forced = row && row->state == STORE_FORCED;
    uint64_t new_id = forced ? walk->next.last_id + 1 : id;
    int should = !walk_is_offer(row) ? STORE_MISSING : row->stale && !forced ? STORE_STALE : 0;
    int r = walk->store->ops->take_offer(walk->store, id, &new_id, 4000);

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

static int walk_refuse(struct walk *walk, uint64_t id)
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

static int walk_refuse_model(struct walk *walk)
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

static int walk_name(struct walk *walk)
{
    uint64_t which = walk_roll(walk, MIRROR_MODELS);
    int r = walk->store->ops->name(walk->store, mirror_text("model", which));

    if (!r)
        walk->next.sums[which].named = true;
    return r;
}

static int walk_discard(struct walk *walk, uint64_t id)
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

static int walk_change(struct walk *walk)
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

int walk_step(struct walk *walk)
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

void walk_check_after_crash(struct walk *walk)
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
