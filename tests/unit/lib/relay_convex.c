/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/relay_convex.h"

#include <time.h>

#include "base/json.h"
#include "tests/unit/lib/relay_world.h"

/* ---- answers ---- */

struct world_answer world_http(int status, const char *body)
{
    return (struct world_answer){
        .after_ms = 20,
        .answer = {.kind = ANSWER_HTTP,
                   .status = status,
                   .body = span_of(body),
                   .retry_after_ms = -1},
    };
}

struct world_answer world_done(void)
{
    return world_http(200, "{\"status\":\"success\",\"value\":null}");
}

struct world_answer world_rejected(void)
{
    return world_http(200, "{\"status\":\"error\",\"errorMessage\":\"Uncaught Error: no\"}");
}

struct world_answer world_no_function(void)
{
    return world_http(200,
                      "{\"status\":\"error\",\"errorMessage\":\"Could not find public function "
                      "for 'posts:syncFromBlade'.\"}");
}

struct world_answer world_unreachable(void)
{
    return (struct world_answer){
        .after_ms = 1,
        .answer = {.kind = ANSWER_NOT_SENT, .retry_after_ms = -1, .why = "connection refused"},
    };
}

struct world_answer world_lost(void)
{
    return (struct world_answer){
        .after_ms = 20,
        .answer = {.kind = ANSWER_LOST, .retry_after_ms = -1, .why = "reset"},
    };
}

/* ---- what was sent ---- */

/* The number behind a name: data is {"bladeId":"r<n>","n":<n>}, of a removal {"bladeId":"r<n>"}.
 * -1: there is no such name. */
static int convex_number(struct span text, const char *before)
{
    const char *at = memmem(text.at, text.len, before, strlen(before));

    if (!at)
        return -1;
    return atoi(at + strlen(before)); /* a byte that is no digit follows */
}

/* Convex takes the last of a repeated member. */
static uint64_t convex_sequence(struct span data)
{
    static const char name[] = "\"syncSeq\":";
    uint64_t sequence = 0;

    for (const char *at = data.at;
         (at = memmem(at, data.len - (size_t)(at - data.at), name, strlen(name)));) {
        at += strlen(name);
        sequence = strtoull(at, NULL, 10);
    }
    return sequence;
}

static struct world_item convex_item(struct span data)
{
    struct world_item item = {.record = convex_number(data, "\"bladeId\":\"r"),
                              .number = convex_number(data, "\"n\":"),
                              .sequence = convex_sequence(data)};

    assert_in_range(item.record, 0, WORLD_RECORDS - 1);
    return item;
}

/* The whole body of a call, and what it says. */
static void convex_read(struct world_call *made, const struct call *call)
{
    cleanup(buf_done) struct buf body = BUF_NULL;
    struct span key, data;

    for (size_t i = 0; i < array_len(call->body); i++)
        assert_int_equal(buf_append_span(&body, call->body[i]), 0);
    assert_int_equal(sscanf(buf_string(&body), "{\"path\":\"%63[^\"]", made->path), 1);
    struct span args = json_find(buf_span(&body), SPAN("args"));
    struct json_walk walk = json_walk(args);
    assert_true(json_next(&walk, &key, &args));
    made->batch = strstr(made->path, "Batch") != NULL;
    if (!made->batch) {
        made->items[made->count++] = convex_item(args);
        return;
    }
    walk = json_walk(args);
    assert_true(json_next(&walk, &key, &args));
    walk = json_walk(args);
    while (json_next(&walk, &key, &data)) {
        assert_true(made->count < WORLD_ITEMS_MAX);
        made->items[made->count++] = convex_item(data);
    }
    assert_true(made->count > 1);
}

/* ---- a batch function that loops over the single mutation, as the examples' do ---- */

static bool convex_is_envelope(const struct world_answer *answer)
{
    return answer->answer.kind == ANSWER_HTTP && answer->answer.status == 200;
}

/* An entry for the answer of the single mutation. */
static void convex_add_entry(struct world_call *made, int i, struct span answer)
{
    struct span message = json_find(answer, SPAN("errorMessage"));

    made->items[i].undone = message.at != NULL;
    assert_int_equal(buf_append_span(&made->body, i ? SPAN(",") : SPAN("[")), 0);
    if (!message.at) {
        assert_int_equal(buf_append_span(&made->body, SPAN("null")), 0);
        return;
    }
    assert_int_equal(buf_append_span(&made->body, SPAN("{\"error\":")), 0);
    assert_int_equal(buf_append_span(&made->body, message), 0);
    assert_int_equal(buf_append_char(&made->body, '}'), 0);
}

struct world_answer relay_convex_loop(struct world *world, struct world_call *made)
{
    char single[80];
    struct world_answer answer = {0};

    (void)snprintf(single, sizeof(single), "%.*s:syncFromBlade", (int)strcspn(made->path, ":"),
                   made->path);
    assert_int_equal(buf_append_span(&made->body, SPAN("{\"status\":\"success\",\"value\":")), 0);
    for (int i = 0; i < made->count; i++) {
        answer = world->convex(world, single, made->items[i].record, made->items[i].number);
        if (!convex_is_envelope(&answer))
            break;
        convex_add_entry(made, i, answer.answer.body);
    }
    if (convex_is_envelope(&answer)) {
        assert_int_equal(buf_append_span(&made->body, SPAN("]}")), 0);
        answer.answer.body = buf_span(&made->body);
    }
    return answer;
}

/* ---- the transport ---- */

static void convex_begin(struct world_call *made)
{
    struct world *world = made->world;

    if (world->saw)
        world->saw(made);
    if (made->batch && world->batch)
        made->answer = world->batch(world, made);
    else if (made->batch)
        made->answer = relay_convex_loop(world, made);
    else
        made->answer =
            world->convex(world, made->path, made->items[0].record, made->items[0].number);
    for (int i = 0; i < made->count; i++) {
        world->overlaps += world->busy[made->items[i].record];
        world->busy[made->items[i].record] = true;
    }
    world->attempts++;
    world->batches += made->batch;
    if (made->count > world->batch_max)
        world->batch_max = made->count;
    if (++world->flying > world->flying_max)
        world->flying_max = world->flying;
}

static void convex_note_done(struct world *world, const struct world_item *item)
{
    world->done++;
    if (item->number < 0)
        return;
    if (item->number < world->newest[item->record])
        world->disorders++;
    else
        world->newest[item->record] = item->number;
}

static void convex_end(struct world_call *made, bool success)
{
    struct world *world = made->world;

    TAILQ_REMOVE(&world->calls, made, link);
    world->flying -= !made->for_date;
    for (int i = 0; i < made->count; i++) {
        world->busy[made->items[i].record] = false;
        if (success && !made->items[i].undone)
            convex_note_done(world, &made->items[i]);
    }
}

static void convex_say_date(struct world *world, struct answer *answer)
{
    time_t now = (time_t)((world->now_ms + WORLD_DAY_MS + world->set_ms) / 1000);
    struct tm tm;

    if (!world->says_date || !answer->status)
        return;
    assert_non_null(gmtime_r(&now, &tm));
    size_t len = strftime(world->date, sizeof(world->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    answer->date = (struct span){world->date, len};
}

static void convex_answered(void *ctx)
{
    struct world_call *made = ctx;
    struct call *call = made->call;
    struct answer answer = made->answer.answer;

    convex_end(made, answer.status == 200 &&
                         memmem(answer.body.at, answer.body.len, "success", strlen("success")));
    convex_say_date(made->world, &answer);
    call->done(call, &answer);
    buf_done(&made->body);
    free(made);
}

static int convex_start(struct transport *transport, struct call *call)
{
    struct world *world = container_of(transport, struct world, transport);
    struct world_call *made = calloc(1, sizeof(*made));

    assert_non_null(made);
    made->world = world;
    made->call = call;
    made->for_date = call->for_date;
    if (call->for_date) {
        world->asks++;
        made->answer = world->asked ? world->asked(world) : world_http(200, "{\"ts\":\"\"}");
    } else {
        convex_read(made, call);
        convex_begin(made);
    }
    call->handle = made;
    made->timer = (struct loop_timer){.fn = convex_answered, .ctx = made};
    TAILQ_INSERT_TAIL(&world->calls, made, link);
    loop_timer_set(world->loop, &made->timer, world->now_ms + made->answer.after_ms);
    return 0;
}

static void convex_cancel(struct transport *transport, struct call *call)
{
    struct world *world = container_of(transport, struct world, transport);
    struct world_call *made = call->handle;

    loop_timer_clear(world->loop, &made->timer);
    convex_end(made, false);
    buf_done(&made->body);
    free(made);
}

const struct transport_ops relay_convex_ops = {
    .start = convex_start,
    .cancel = convex_cancel,
};
