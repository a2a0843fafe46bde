/* SPDX-License-Identifier: MIT */
/* A loop whose calls a test reads back, in their order. */
#pragma once

#include "base/loop.h"
#include "base/util.h"

/* A loop on a clock that a test moves, and a log of the callbacks. */
struct loop_world {
    struct clock clock;
    int64_t now_ms;
    struct loop *loop;
    char calls[64];
};

int loop_world_setup(void **state);
int loop_world_teardown(void **state);
#define loop_test(fn) cmocka_unit_test_setup_teardown(fn, loop_world_setup, loop_world_teardown)

/* Notes a call. */
void loop_world_log(struct loop_world *world, char call);
/* Turns the loop once, at that time: the turn makes exactly these calls. */
void assert_turn(struct loop_world *world, int64_t now_ms, const char *calls);

/* A timer, a descriptor or a hook of a test. Each logs its name, and may act on another thing. */
struct thing {
    struct loop_world *world;
    char name;
    struct loop_timer timer;
    struct loop_fd source;
    struct loop_hook hook;
    int runs;
    int write_fd; /* the other end of source */
    int wait_ms;  /* what the hook returns */
    void (*act)(struct thing *thing);
    struct thing *other;
};

void thing_init(struct thing *thing, struct loop_world *world, char name);
/* Inits things whose names are "a", "b" ... */
void things_init(struct thing *things, size_t len, struct loop_world *world);
/* What a timer does: logs the name, and acts. */
void thing_call(void *ctx);
/* Makes the hook end each sleep of the loop after a moment, whatever the timers say. */
void do_not_wait(struct thing *hook, struct loop_world *world);
