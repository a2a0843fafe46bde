/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/parcel_world.h"

#include "tests/unit/lib/fault_allocator.h"

struct service service;
struct sent sents[SENT_MAX];
size_t sents_len;

void begin_service(struct world *world)
{
    service = (struct service){
        .clock = &world->clock, .routes = world->routes, .inbox = relay_inbox(world->relay)};
    observe_init(&service.observed, world->loop);
    assert_int_equal(sync_batches_new(&service, world->loop, &service.batches), 0);
}

void end_service(struct world *world)
{
    relay_abandon(world->relay);
    service.batches = sync_batches_free(service.batches);
    observe_done(&service.observed);
}

struct world *begin_parcels(const struct world_options *options, world_convex_fn convex)
{
    struct world *world = begin(options, convex);

    begin_service(world);
    return world;
}

void restart(struct world *world)
{
    end_service(world);
    world_restart(world);
    begin_service(world);
}

int end_parcels(void **state)
{
    if (shared && service.batches)
        end_service(shared);
    fault_allocator_end();
    for (; sents_len > 0; sents_len--)
        buf_done(&sents[sents_len - 1].message);
    return end(state);
}

static void note_reply(struct request *request, enum reply reply, struct span message)
{
    struct sent *sent = container_of(request, struct sent, request);

    assert_false(sent->answered);
    sent->answered = true;
    sent->reply = reply;
    assert_int_equal(buf_append_span(&sent->message, message), 0);
}

struct sent *send_body(struct span body)
{
    struct sent *sent = &sents[sents_len++];

    assert_true(sents_len <= SENT_MAX);
    *sent = (struct sent){.request = {.reply = note_reply}};
    assert_int_equal(buf_append_span(&sent->request.body, body), 0);
    assert_int_equal(request_begin_body(&sent->request, REQUEST_PARCEL), 0);
    request_feed_body(&sent->request);
    sync_batch_handle(&service, &sent->request);
    return sent;
}

struct sent *send_text(const char *records)
{
    cleanup(buf_done) struct buf body = BUF_NULL;

    assert_int_equal(buf_printf(&body, "{\"model\":\"users\",\"records\":[%s]}", records), 0);
    return send_body(buf_span(&body));
}

struct sent *send_many(const char *model, int len, int records, int from, int padding)
{
    cleanup(buf_done) struct buf body = BUF_NULL;

    assert_int_equal(buf_printf(&body, "{\"model\":\"%s\",\"records\":[", model), 0);
    for (int i = 0; i < len; i++)
        assert_int_equal(buf_printf(&body,
                                    "%s{\"data\":{\"bladeId\":\"r%d\",\"n\":%d,\"p\":\"%*s\"},"
                                    "\"hiveId\":\"r%d\"}",
                                    i ? "," : "", i % records, from + i / records, padding, "",
                                    i % records),
                         0);
    assert_int_equal(buf_append_span(&body, SPAN("]}")), 0);
    return send_body(buf_span(&body));
}

void unpack(struct world *world)
{
    while (sync_batches_bytes(service.batches) > 0)
        assert_int_equal(loop_turn(world->loop), 0);
}

void finish(struct world *world)
{
    unpack(world);
    world_run_until(world, nothing_is_left, INT64_C(600) * 1000);
}

void assert_answer(const struct sent *sent, enum reply reply, const char *message)
{
    assert_true(sent->answered);
    assert_same_text(buf_span(&sent->message), span_of(message));
    assert_int_equal(sent->reply, reply);
}

size_t count_in(const struct sent *sent, const char *text)
{
    struct span all = buf_span(&sent->message);
    size_t n = 0;
    const char *at;

    while ((at = memmem(all.at, all.len, text, strlen(text))) != NULL) {
        n++;
        all = (struct span){at + 1, (size_t)(all.at + all.len - at - 1)};
    }
    return n;
}

struct world_answer is_away_for_two(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)path, (void)number;
    return record == 2 ? world_lost() : world_done();
}
