/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/relay_world.h"

#include "tests/unit/lib/fault_allocator.h"
#include "tests/unit/lib/relay_convex.h"

/* ---- time ---- */

static int64_t world_mono_ms(struct clock *clock)
{
    return container_of(clock, struct world, clock)->now_ms;
}

static int64_t world_wall_ms(struct clock *clock)
{
    return container_of(clock, struct world, clock)->now_ms + WORLD_DAY_MS +
           container_of(clock, struct world, clock)->leapt_ms;
}

/* Always throws half of the sides, so that each backoff is half of what its table says. */
static uint64_t world_roll(struct dice *dice, uint64_t sides)
{
    (void)dice;
    return sides / 2;
}

/* Lets the loop wait for the outbox's thread alone, which wakes the loop. Spinning instead would
 * take the processor from that thread. */
static int world_wait_ms(void *ctx)
{
    const struct world *world = ctx;

    return world->awaits_disk ? WORLD_DISK_WAIT_MS : 0;
}

static void world_pass_barrier(struct outbox_read *read, struct outbox_rows *rows, bool more, int r)
{
    (void)more, (void)r;
    assert_true(TAILQ_EMPTY(rows));
    container_of(read, struct world, barrier)->barrier_set = false;
}

static void world_set_barrier(struct world *world)
{
    world->barrier_set = true;
    world->barrier = (struct outbox_read){
        .model = SPAN("no such model"), .rows_max = 1, .bytes_max = 1, .done = world_pass_barrier};
    outbox_submit_read(world->outbox, &world->barrier);
}

static void world_await_barrier(struct world *world)
{
    world->awaits_disk = true;
    while (world->barrier_set && !atomic_load(&world->journal.away))
        assert_int_equal(loop_turn(world->loop), 0);
    world->awaits_disk = false;
}

void world_wait_for_disk(struct world *world)
{
    if (!world->outbox)
        return;
    world_await_barrier(world); /* of a time when the journal was away */
    if (world->barrier_set)
        return;
    world_set_barrier(world);
    world_await_barrier(world);
}

void world_go_away(struct world *world, enum journal_end end)
{
    journal_store_go(&world->journal, end);
    if (end != JOURNAL_GOES)
        return;
    if (!world->barrier_set)
        world_set_barrier(world);
    while (!outbox_is_away(world->outbox))
        assert_int_equal(loop_turn(world->loop), 0);
}

void world_come_back(struct world *world)
{
    journal_store_come_back(&world->journal);
    world_wait_for_disk(world);
}

const struct snapshot_route *world_look(struct world *world, struct snapshot *snapshot,
                                        const char *model)
{
    struct inbox *inbox = relay_inbox(world->relay);

    assert_int_equal(inbox->fill_snapshot(inbox, snapshot), 0);
    for (size_t i = 0; i < snapshot->routes_len; i++)
        if (strcmp(snapshot->routes[i].model, model) == 0)
            return &snapshot->routes[i];
    return NULL;
}

struct event_counts world_sum(struct world *world)
{
    cleanup(snapshot_done) struct snapshot snapshot = {0};

    (void)world_look(world, &snapshot, "");
    struct event_counts sum = snapshot.other;
    for (size_t i = 0; i < snapshot.routes_len; i++) {
        const struct event_counts *counts = snapshot.routes[i].counts;
        if (!counts)
            continue;
        sum.accepted += counts->accepted;
        sum.delivered += counts->delivered;
        sum.discarded += counts->discarded;
        sum.buried += counts->buried;
        sum.pending += counts->pending;
        sum.dead += counts->dead;
    }
    assert_int_equal(sum.accepted, sum.delivered + sum.discarded + sum.pending + sum.dead);
    return sum;
}

void world_step(struct world *world)
{
    if (world->steps++ % WORLD_LOOK_STEPS == 0)
        (void)world_sum(world);
    world_wait_for_disk(world);
    world->now_ms += world->options.step_ms;
    assert_int_equal(loop_turn(world->loop), 0);
}

void world_run(struct world *world, int64_t ms)
{
    for (int64_t end_ms = world->now_ms + ms; world->now_ms < end_ms;)
        world_step(world);
}

void world_run_past_disk(struct world *world, int64_t ms)
{
    for (int64_t end_ms = world->now_ms + ms; world->now_ms < end_ms;) {
        assert_int_equal(loop_turn(world->loop), 0); /* the outbox hands over at a turn's end */
        world->now_ms += world->options.step_ms;
        assert_int_equal(loop_turn(world->loop), 0);
    }
}

void world_run_until(struct world *world, bool (*holds)(struct world *world), int64_t at_most_ms)
{
    for (int64_t end_ms = world->now_ms + at_most_ms; !holds(world);) {
        assert_true(world->now_ms < end_ms);
        world_step(world);
    }
}

/* ---- the relay ---- */

struct store *world_open(struct world *world, enum store_mode mode)
{
    char path[128];
    cleanup(buf_done) struct buf why = BUF_NULL;
    struct store_options options = {.path = path, .mode = mode, .why = &why};
    struct store *store = NULL;

    (void)snprintf(path, sizeof(path), "%s/outbox.db", world->folder);
    int r = store_sqlite_open(&options, &store);
    if (r)
        fail_msg("the outbox does not open: %s", buf_string(&why));
    return store;
}

void world_start(struct world *world)
{
    struct relay_options options = {
        .concurrency = world->options.concurrency,
        .sync_wait_ms = world->options.sync_wait_ms,
        .max_age_ms = 3 * WORLD_DAY_MS,
        .dice = &world->dice,
        .allocator = &fault_allocator_relay.allocator,
    };

    assert_int_equal(loop_new(&world->clock, &world->loop), 0);
    world->hook = (struct loop_hook){.before_wait = world_wait_ms, .ctx = world};
    loop_hook_add(world->loop, &world->hook);
    if (!world->options.keeps_nothing) {
        struct store *store = world_open(world, STORE_SERVE);
        if (world->options.journal) {
            assert_int_equal(journal_store_init(&world->journal, store), 0);
            store = &world->journal.store;
            if (world->options.away)
                journal_store_go(&world->journal, JOURNAL_GOES);
        }
        world->barrier_set = false;
        fault_store_init(&world->disk, store);
        assert_int_equal(outbox_new(world->loop, &world->disk.store,
                                    &fault_allocator_outbox.allocator, &world->outbox),
                         0);
    }
    assert_int_equal(
        relay_new(world->loop, &world->transport, world->outbox, &options, &world->relay), 0);
    assert_int_equal(relay_set_routes(world->relay, world->routes), 0);
    while (relay_loading(world->relay))
        assert_int_equal(loop_turn(world->loop), 0);
}

void world_stop(struct world *world)
{
    relay_abandon(world->relay);
    if (atomic_load(&world->disk.held)) /* by a test that has failed */
        fault_store_let_go(&world->disk);
    world->outbox = outbox_free(world->outbox);
    world->relay = relay_free(world->relay);
    world->loop = loop_free(world->loop);
}

void world_load_routes(struct world *world, const char *json)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    char file[128];

    (void)snprintf(file, sizeof(file), "%s/routes.json", world->folder);
    if (json) {
        FILE *out = fopen(file, "w");
        assert_non_null(out);
        assert_true(fputs(json, out) >= 0);
        assert_int_equal(fclose(out), 0);
    }
    world->routes = routes_unref(world->routes);
    assert_int_equal(routes_load(json ? file : NULL, &world->routes, &why), 0);
}

void world_reload(struct world *world, const char *json)
{
    world_load_routes(world, json);
    assert_int_equal(relay_set_routes(world->relay, world->routes), 0);
}

struct world *world_new(const struct world_options *options)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    world->clock = (struct clock){world_mono_ms, world_wall_ms};
    world->now_ms = WORLD_START_MS;
    world->dice.roll = world_roll;
    world->options = *options;
    if (getenv("RELAY_ON_A_JOURNAL"))
        world->options.journal = true;
    if (!world->options.concurrency)
        world->options.concurrency = 16;
    if (!world->options.step_ms)
        world->options.step_ms = 1;
    if (!world->options.sync_wait_ms)
        world->options.sync_wait_ms = 10000;
    world->transport.ops = &relay_convex_ops;
    TAILQ_INIT(&world->calls);
    (void)snprintf(world->folder, sizeof(world->folder), "/tmp/relay-world-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    world_load_routes(world, options->routes);
    world_start(world);
    return world;
}

static void world_free_senders(struct world *world)
{
    struct sender *sender;

    while ((sender = SLIST_FIRST(&world->senders))) {
        SLIST_REMOVE_HEAD(&world->senders, link);
        buf_done(&sender->request.body);
        buf_done(&sender->message);
        free(sender);
    }
}

void world_free(struct world *world)
{
    static const char *const files[] = {"outbox.db", "outbox.db-wal", "outbox.db-shm",
                                        "outbox.db.lock", "routes.json"};
    char file[128];

    world_stop(world);
    world_free_senders(world);
    routes_unref(world->routes);
    for (size_t i = 0; i < array_len(files); i++) {
        (void)snprintf(file, sizeof(file), "%s/%s", world->folder, files[i]);
        (void)unlink(file);
    }
    assert_int_equal(rmdir(world->folder), 0);
    free(world);
}

void world_restart(struct world *world)
{
    world_stop(world);
    world_start(world);
}

/* ---- senders ---- */

static void sender_reply(struct request *request, enum reply reply, struct span message)
{
    struct sender *sender = container_of(request, struct sender, request);

    assert_false(sender->answered);
    sender->answered = true;
    sender->reply = reply;
    assert_int_equal(buf_append_span(&sender->message, message), 0);
}

struct sender *world_post(struct world *world, const char *body)
{
    struct sender *sender = calloc(1, sizeof(*sender));
    struct service service = {
        .clock = &world->clock, .routes = world->routes, .inbox = relay_inbox(world->relay)};

    assert_non_null(sender);
    SLIST_INSERT_HEAD(&world->senders, sender, link);
    sender->request.reply = sender_reply;
    assert_int_equal(buf_append_span(&sender->request.body, span_of(body)), 0);
    envelope_init(&sender->request.envelope);
    envelope_feed(&sender->request.envelope, buf_span(&sender->request.body));
    sync_handle(&service, &sender->request);
    return sender;
}

struct sender *world_send_large(struct world *world, const char *model, int record, int number,
                                int bytes)
{
    cleanup(buf_done) struct buf body = BUF_NULL;

    assert_int_equal(buf_printf(&body,
                                "{\"model\":\"%s\",\"operation\":\"set\",\"data\":{\"bladeId\":"
                                "\"r%d\",\"n\":%d,\"padding\":\"%*s\"},\"hiveId\":\"r%d\"}",
                                model, record, number, bytes, "", record),
                     0);
    return world_post(world, buf_string(&body));
}

struct sender *world_send(struct world *world, const char *model, int record, int number)
{
    return world_send_large(world, model, record, number, 0);
}

struct store_counts world_counts(struct world *world)
{
    struct store *store = world_open(world, STORE_BESIDE);
    struct store_counts counts = {0};

    assert_int_equal(store->ops->counts(store, &counts), 0);
    store->ops->close(store);
    assert_int_equal(counts.accepted,
                     counts.delivered + counts.discarded + counts.dead + counts.pending);
    return counts;
}
