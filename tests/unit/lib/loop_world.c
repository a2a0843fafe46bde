/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/loop_world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "tests/unit/lib/rows.h"

static int64_t loop_world_ms(struct clock *clock)
{
    return container_of(clock, struct loop_world, clock)->now_ms;
}

int loop_world_setup(void **state)
{
    struct loop_world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    world->clock = (struct clock){.mono_ms = loop_world_ms, .wall_ms = loop_world_ms};
    world->now_ms = 1000;
    assert_int_equal(loop_new(&world->clock, &world->loop), 0);
    *state = world;
    return 0;
}

int loop_world_teardown(void **state)
{
    struct loop_world *world = *state;

    world->loop = loop_free(world->loop);
    free(world);
    return 0;
}

void loop_world_log(struct loop_world *world, char call)
{
    size_t len = strlen(world->calls);

    assert_true(len + 1 < sizeof(world->calls));
    world->calls[len] = call;
}

void assert_turn(struct loop_world *world, int64_t now_ms, const char *calls)
{
    memset(world->calls, 0, sizeof(world->calls));
    world->now_ms = now_ms;
    assert_int_equal(loop_turn(world->loop), 0);
    assert_string_equal(world->calls, calls);
}

void thing_call(void *ctx)
{
    struct thing *thing = ctx;

    loop_world_log(thing->world, thing->name);
    if (thing->act)
        thing->act(thing);
}

static void thing_readable(void *ctx, uint32_t events)
{
    assert_true(events & EPOLLIN);
    thing_call(ctx);
}

static int thing_before_wait(void *ctx)
{
    struct thing *thing = ctx;

    thing_call(thing);
    return thing->wait_ms;
}

void thing_init(struct thing *thing, struct loop_world *world, char name)
{
    *thing = (struct thing){.world = world, .name = name, .write_fd = -1};
    thing->timer = (struct loop_timer){.fn = thing_call, .ctx = thing};
    thing->source = (struct loop_fd){.fd = -1, .fn = thing_readable, .ctx = thing};
    thing->hook = (struct loop_hook){.before_wait = thing_before_wait, .ctx = thing};
}

void things_init(struct thing *things, size_t len, struct loop_world *world)
{
    for (size_t i = 0; i < len; i++)
        thing_init(&things[i], world, (char)('a' + i));
}

void do_not_wait(struct thing *hook, struct loop_world *world)
{
    thing_init(hook, world, '.');
    loop_hook_add(world->loop, &hook->hook);
}
