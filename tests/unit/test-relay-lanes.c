/* SPDX-License-Identifier: MIT */
/* Who may go next. */
#include "tests/unit/lib/rows.h"

#include <stdio.h>

#include "base/allocator.h"
#include "relay/lanes.h"

enum { GROUPS = 3, RECORDS = 8, PLACES = 64 };

#define IDLE_RANK (UINT64_C(1) << 63) /* behind all that are live */

/* A place, and what a plain reading of the rules knows of it. */
struct item {
    struct lane_place place;
    int group, record; /* record -1: none */
    bool idle;
    uint64_t rank;
    enum { OUT, WAITS, FLIES, ALONG, RESTS } state; /* ALONG: flies, and takes no room */
};

struct stage {
    struct lanes lanes;
    struct lane_group groups[GROUPS];
    struct item items[PLACES];
    uint64_t next_id;
    int limit, group_limits[GROUPS];
};

static void stage_init(struct stage *stage, int limit, int group_limit)
{
    memset(stage, 0, sizeof(*stage));
    assert_int_equal(lanes_init(&stage->lanes, limit, &allocator_system), 0);
    stage->limit = limit;
    for (int i = 0; i < GROUPS; i++) {
        lane_group_init(&stage->groups[i], group_limit);
        stage->group_limits[i] = group_limit;
    }
}

static void set_group_limit(struct stage *stage, int group, int limit)
{
    lanes_set_group_limit(&stage->lanes, &stage->groups[group], limit);
    stage->group_limits[group] = limit;
}

static struct item *join_for(struct stage *stage, int group, int record, uint64_t id,
                             enum lanes_haste haste, int outcome)
{
    char name[16] = "";
    struct item *item = stage->items;

    while (item->state != OUT)
        item++;
    (void)snprintf(name, sizeof(name), "r%d", record);
    int r = lanes_join(&stage->lanes, &stage->groups[group], &item->place, id,
                       record < 0 ? SPAN_NULL : span_of(name), haste);
    assert_int_equal(r, outcome);
    if (r == 0) {
        item->group = group;
        item->record = record;
        item->idle = haste == LANES_IDLE;
        item->rank = haste == LANES_IDLE ? IDLE_RANK | id : id;
        item->state = WAITS;
    }
    return item;
}

static struct item *join_at(struct stage *stage, int group, int record, uint64_t id, int outcome)
{
    return join_for(stage, group, record, id, LANES_LIVE, outcome);
}

static struct item *join(struct stage *stage, int group, int record)
{
    return join_at(stage, group, record, ++stage->next_id, 0);
}

static struct item *start(struct stage *stage)
{
    struct lane_place *place = lanes_start(&stage->lanes);

    if (!place)
        return NULL;
    struct item *item = container_of(place, struct item, place);
    item->state = FLIES;
    return item;
}

static void leave(struct stage *stage, struct item *item)
{
    lanes_leave(&stage->lanes, &item->place);
    item->state = OUT;
}

static void stage_done(struct stage *stage)
{
    for (int i = 0; i < PLACES; i++) {
        if (stage->items[i].state != OUT)
            leave(stage, &stage->items[i]);
    }
    assert_int_equal(stage->lanes.in_flight, 0);
    lanes_done(&stage->lanes);
}

static void test_one_record_one_at_a_time(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage, 16, 16);
    struct item *first = join(&stage, 0, 1), *second = join(&stage, 0, 1);
    assert_ptr_equal(start(&stage), first);
    assert_null(start(&stage));
    leave(&stage, first);
    assert_ptr_equal(start(&stage), second);
    stage_done(&stage);
}

static void test_the_same_record_of_another_group_is_another(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage, 16, 16);
    struct item *a = join(&stage, 0, 1), *b = join(&stage, 1, 1);
    assert_ptr_equal(start(&stage), a);
    assert_ptr_equal(start(&stage), b);
    stage_done(&stage);
}

static void test_without_a_record_there_is_no_order(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage, 16, 16);
    for (int i = 0; i < 4; i++)
        (void)join(&stage, 0, -1);
    for (int i = 0; i < 4; i++)
        assert_non_null(start(&stage));
    stage_done(&stage);
}

static void test_first_in_first_out_across_groups(void **state)
{
    (void)state;
    struct stage stage;
    struct item *items[6];

    stage_init(&stage, 1, 16);
    for (int i = 0; i < 6; i++)
        items[i] = join(&stage, i % GROUPS, i);
    for (int i = 0; i < 6; i++) {
        assert_ptr_equal(start(&stage), items[i]);
        assert_null(start(&stage)); /* the whole has no more room */
        leave(&stage, items[i]);
    }
    stage_done(&stage);
}

static void test_a_full_group_lets_others_pass(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage, 16, 1);
    struct item *a = join(&stage, 0, 1), *b = join(&stage, 0, 2), *c = join(&stage, 1, 3);
    assert_ptr_equal(start(&stage), a);
    assert_ptr_equal(start(&stage), c);
    assert_null(start(&stage));
    lanes_set_group_limit(&stage.lanes, &stage.groups[0], 2);
    assert_ptr_equal(start(&stage), b);
    stage_done(&stage);
}

static void test_a_held_group_waits(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage, 16, 16);
    struct item *a = join(&stage, 0, 1);
    lanes_set_group_limit(&stage.lanes, &stage.groups[0], 0);
    assert_null(start(&stage));
    lanes_set_group_limit(&stage.lanes, &stage.groups[0], 1);
    assert_ptr_equal(start(&stage), a);
    stage_done(&stage);
}

static void test_one_that_rests_blocks_its_lane_alone(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage, 1, 16);
    struct item *a = join(&stage, 0, 1), *b = join(&stage, 0, 1), *c = join(&stage, 0, 2);
    assert_ptr_equal(start(&stage), a);
    lanes_rest(&stage.lanes, &a->place);
    assert_ptr_equal(start(&stage), c); /* its room is free again */
    leave(&stage, c);
    assert_null(start(&stage));
    lanes_ready(&stage.lanes, &b->place); /* not the head: nothing */
    assert_null(start(&stage));
    lanes_ready(&stage.lanes, &a->place);
    assert_ptr_equal(start(&stage), a);
    stage_done(&stage);
}

static void test_one_that_has_rested_comes_last(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage, 1, 16);
    struct item *a = join(&stage, 0, 1), *b = join(&stage, 0, 2);
    assert_ptr_equal(start(&stage), a);
    lanes_rest(&stage.lanes, &a->place);
    lanes_ready(&stage.lanes, &a->place);
    assert_ptr_equal(start(&stage), b);
    lanes_rest(&stage.lanes, &b->place);
    struct item *c = join(&stage, 1, 3);
    lanes_ready(&stage.lanes, &b->place);
    assert_ptr_equal(start(&stage), a); /* it came before c, and b has rested since */
    leave(&stage, a);
    assert_ptr_equal(start(&stage), c);
    leave(&stage, c);
    assert_ptr_equal(start(&stage), b);
    stage_done(&stage);
}

static void test_ids_of_a_lane_rise(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage, 16, 16);
    struct item *newer = join_at(&stage, 0, 1, 10, 0);
    (void)join_at(&stage, 0, 1, 5, LANES_OVERTAKEN);
    (void)join_at(&stage, 0, 1, 10, LANES_OVERTAKEN);
    (void)join_at(&stage, 0, 2, 5, 0); /* another record */
    (void)join_at(&stage, 1, 1, 5, 0); /* another group */
    struct item *newest = join_at(&stage, 0, 1, 11, 0);
    leave(&stage, newer);
    (void)join_at(&stage, 0, 1, 10, LANES_OVERTAKEN);
    leave(&stage, newest);
    (void)join_at(&stage, 0, 1, 10, 0); /* nobody is there any more */
    stage_done(&stage);
}

static void test_idle_ones_wait_for_whoever_is_live(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage, 1, 16);
    struct item *idle = join_for(&stage, 0, 1, 1, LANES_IDLE, 0);
    struct item *live = join_at(&stage, 1, 2, 2, 0);
    assert_ptr_equal(start(&stage), live);
    lanes_rest(&stage.lanes, &live->place);
    assert_ptr_equal(start(&stage), idle);
    lanes_rest(&stage.lanes, &idle->place);
    lanes_ready(&stage.lanes, &idle->place);
    lanes_ready(&stage.lanes, &live->place); /* it has rested later, and goes first all the same */
    assert_ptr_equal(start(&stage), live);
    stage_done(&stage);
}

static void test_a_live_one_hurries_the_idle_ones_before_it(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage, 1, 16);
    struct item *first = join_for(&stage, 0, 1, 1, LANES_IDLE, 0);
    struct item *second = join_for(&stage, 0, 1, 2, LANES_IDLE, 0);
    struct item *behind = join_at(&stage, 0, 1, 3, 0);
    struct item *other = join_at(&stage, 0, 2, 4, 0);
    struct item *const order[] = {first, second, behind, other};
    for (size_t i = 0; i < array_len(order); i++) {
        assert_ptr_equal(start(&stage), order[i]);
        leave(&stage, order[i]);
    }
    stage_done(&stage);
}

static void test_how_many_are_free(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage, 3, 2);
    assert_int_equal(lanes_free(&stage.lanes, &stage.groups[0]), 2);
    (void)join(&stage, 0, 1);
    (void)join(&stage, 1, 1);
    (void)start(&stage);
    (void)start(&stage);
    assert_int_equal(lanes_free(&stage.lanes, &stage.groups[2]), 1);
    lanes_set_group_limit(&stage.lanes, &stage.groups[0], 0);
    assert_int_equal(lanes_free(&stage.lanes, &stage.groups[0]), 0);
    stage_done(&stage);
}

/* ---- at random, against a plain reading of the rules ---- */

static bool is_head(const struct stage *stage, const struct item *item)
{
    for (int i = 0; i < PLACES; i++) {
        const struct item *other = &stage->items[i];
        if (other->state != OUT && other != item && item->record >= 0 &&
            other->record == item->record && other->group == item->group &&
            other->place.id < item->place.id)
            return false;
    }
    return true;
}

static int count(const struct stage *stage, int group, int state)
{
    int n = 0;

    for (int i = 0; i < PLACES; i++)
        n += (int)stage->items[i].state == state && (group < 0 || stage->items[i].group == group);
    return n;
}

/* A live item that stands behind another one of the lane lends it haste. */
static uint64_t rank_of(const struct stage *stage, const struct item *item)
{
    for (int i = 0; i < PLACES; i++) {
        const struct item *other = &stage->items[i];
        if (other->state != OUT && item->record >= 0 && other->record == item->record &&
            other->group == item->group && other->place.id > item->place.id && !other->idle)
            return item->rank & ~IDLE_RANK;
    }
    return item->rank;
}

static bool is_before(const struct stage *stage, const struct item *a, const struct item *b)
{
    uint64_t x = rank_of(stage, a), y = rank_of(stage, b);

    return x != y ? x < y : a->place.id < b->place.id;
}

static bool has_room(const struct stage *stage, int group)
{
    return count(stage, group, FLIES) < stage->group_limits[group];
}

/* The first to have come among the items that could go; rested ones come behind all others, and
 * idle ones last. group: of that one, whatever room there is; -1: of all with room. */
static struct item *first_ready(struct stage *stage, int group)
{
    struct item *best = NULL;

    for (int i = 0; i < PLACES; i++) {
        struct item *item = &stage->items[i];
        if (item->state == WAITS && is_head(stage, item) &&
            (group < 0 ? has_room(stage, item->group) : item->group == group) &&
            (!best || is_before(stage, item, best)))
            best = item;
    }
    return best;
}

static struct item *expected(struct stage *stage)
{
    return count(stage, -1, FLIES) < stage->limit ? first_ready(stage, -1) : NULL;
}

static void go_along(struct stage *stage, int group)
{
    struct item *best = first_ready(stage, group);
    struct lane_place *place = lanes_next(&stage->groups[group]);

    assert_ptr_equal(place, best ? &best->place : NULL);
    if (!best)
        return;
    lanes_go_along(&stage->lanes, place);
    best->state = ALONG;
}

static struct item *pick(struct stage *stage, int state, unsigned *seed)
{
    int from = rand_r(seed) % PLACES;

    for (int i = 0; i < PLACES; i++) {
        struct item *item = &stage->items[(from + i) % PLACES];
        if ((int)item->state == state && is_head(stage, item))
            return item;
    }
    return NULL;
}

static void step(struct stage *stage, unsigned *seed)
{
    struct item *item, *best;

    switch (rand_r(seed) % 9) {
    case 0:
    case 1:
    case 2:
        if (count(stage, -1, OUT) > 0)
            (void)join_for(stage, rand_r(seed) % GROUPS, rand_r(seed) % (RECORDS + 1) - 1,
                           ++stage->next_id, rand_r(seed) % 3 ? LANES_LIVE : LANES_IDLE, 0);
        break;
    case 3:
    case 4:
        best = expected(stage);
        assert_ptr_equal(start(stage), best);
        break;
    case 5:
        item = pick(stage, rand_r(seed) % 2 ? FLIES : ALONG, seed);
        if (item && rand_r(seed) % 2) {
            leave(stage, item);
        } else if (item) {
            lanes_rest(&stage->lanes, &item->place);
            item->state = RESTS;
        }
        break;
    case 6:
        item = pick(stage, RESTS, seed);
        if (item) {
            lanes_ready(&stage->lanes, &item->place);
            item->rank = (rank_of(stage, item) & IDLE_RANK) | (stage->next_id + 1);
            item->state = WAITS;
        }
        break;
    case 7:
        go_along(stage, rand_r(seed) % GROUPS);
        break;
    default:
        set_group_limit(stage, rand_r(seed) % GROUPS, rand_r(seed) % 4);
    }
    assert_int_equal(stage->lanes.in_flight, count(stage, -1, FLIES));
}

static void test_at_random(void **state)
{
    (void)state;
    for (unsigned round = 1; round <= 50; round++) {
        unsigned seed = round;
        struct stage stage;
        stage_init(&stage, (int)round % 6, 2);
        for (int i = 0; i < 2000; i++)
            step(&stage, &seed);
        stage_done(&stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_record_one_at_a_time),
        cmocka_unit_test(test_the_same_record_of_another_group_is_another),
        cmocka_unit_test(test_without_a_record_there_is_no_order),
        cmocka_unit_test(test_first_in_first_out_across_groups),
        cmocka_unit_test(test_a_full_group_lets_others_pass),
        cmocka_unit_test(test_a_held_group_waits),
        cmocka_unit_test(test_one_that_rests_blocks_its_lane_alone),
        cmocka_unit_test(test_one_that_has_rested_comes_last),
        cmocka_unit_test(test_ids_of_a_lane_rise),
        cmocka_unit_test(test_idle_ones_wait_for_whoever_is_live),
        cmocka_unit_test(test_a_live_one_hurries_the_idle_ones_before_it),
        cmocka_unit_test(test_how_many_are_free),
        cmocka_unit_test(test_at_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
