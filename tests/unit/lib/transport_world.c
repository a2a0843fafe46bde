/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/transport_world.h"

static void world_guard(void *ctx)
{
    ((struct world *)ctx)->late = true;
}

static void attempt_done(struct call *call, const struct answer *answer)
{
    struct attempt *attempt = container_of(call, struct attempt, call);

    attempt->told++;
    attempt->world->told++;
    attempt->answer = *answer;
    if (attempt->then)
        attempt->then(attempt); /* before the body is looked at */
    assert_int_equal(buf_append_span(&attempt->body, answer->body), 0);
    if (answer->why)
        assert_int_equal(buf_append_span(&attempt->why, span_of(answer->why)), 0);
}

struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    world->server.listener = -1;
    assert_int_equal(loop_new(&clock_system, &world->loop), 0);
    world->guard = (struct loop_timer){.fn = world_guard, .ctx = world};
    for (int i = 0; i < CALLS_MAX; i++) {
        struct attempt *attempt = &world->attempts[i];
        attempt->world = world;
        attempt->call.done = attempt_done;
        attempt->call.body[0] = SPAN("{\"path\":\"users:x\",\"args\":[");
        attempt->call.body[1] = SPAN("{}");
        attempt->call.body[2] = SPAN("]}");
    }
    return world;
}

void world_open_at(struct world *world, const char *url, struct transport_options options)
{
    options.convex_url = url;
    options.path = "/api/mutation";
    options.version = "1.2.3";
    if (!options.timeout_ms)
        options.timeout_ms = GUARD_MS;
    if (!options.concurrency)
        options.concurrency = 4;
    assert_int_equal(transport_direct_new(world->loop, &options, &world->transport), 0);
}

void world_open(struct world *world, const char *host, const char *path,
                struct transport_options options)
{
    char url[512];

    (void)snprintf(url, sizeof(url), "%s:%d%s", host, world->server.port, path);
    world_open_at(world, url, options);
}

struct world *world_serve(void (*script)(struct server *server), struct transport_options options)
{
    struct world *world = world_new();

    server_start(&world->server, script, world);
    world_open(world, "http://127.0.0.1", "", options);
    return world;
}

int world_start(struct world *world, int i)
{
    int told = world->told;
    int r = transport_start(world->transport, &world->attempts[i].call);

    assert_int_equal(world->told, told);
    return r;
}

void world_wait(struct world *world, int told)
{
    loop_timer_set(world->loop, &world->guard, clock_mono_ms(&clock_system) + GUARD_MS);
    while (world->told < told && !world->late)
        assert_int_equal(loop_turn(world->loop), 0);
    loop_timer_clear(world->loop, &world->guard);
    assert_false(world->late);
}

int world_turn_for(struct world *world, int ms)
{
    int turns = 0;

    loop_timer_set(world->loop, &world->guard, clock_mono_ms(&clock_system) + ms);
    for (; !world->late; turns++)
        assert_int_equal(loop_turn(world->loop), 0);
    world->late = false;
    return turns;
}

struct attempt *world_call(struct world *world, int i)
{
    assert_int_equal(world_start(world, i), 0);
    world_wait(world, world->told + 1);
    return &world->attempts[i];
}

void world_close(struct world *world)
{
    world->transport = transport_free(world->transport);
    server_join(&world->server);
}

void world_free(struct world *world)
{
    world->transport = transport_free(world->transport);
    server_join(&world->server);
    server_done(&world->server);
    loop_free(world->loop);
    for (int i = 0; i < CALLS_MAX; i++) {
        buf_done(&world->attempts[i].body);
        buf_done(&world->attempts[i].why);
    }
    free(world);
}

void expect_answer(struct attempt *attempt, int status, const char *body)
{
    assert_int_equal(attempt->told, 1);
    assert_string_equal(buf_string(&attempt->why), "");
    assert_int_equal(attempt->answer.kind, ANSWER_HTTP);
    assert_int_equal(attempt->answer.status, status);
    assert_string_equal(buf_string(&attempt->body), body);
}

void expect_failure(struct attempt *attempt, enum answer_kind kind)
{
    assert_int_equal(attempt->told, 1);
    assert_int_equal(attempt->answer.kind, kind);
    assert_int_equal(attempt->body.len, 0);
    assert_true(attempt->why.len > 0);
    assert_null(strchr(buf_string(&attempt->why), '\n'));
}
