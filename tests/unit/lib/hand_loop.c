/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/hand_loop.h"

static int64_t hand_loop_ms(struct clock *clock)
{
    return container_of(clock, struct hand_loop, clock)->now_ms;
}

static int hand_loop_never_wait(void *ctx)
{
    (void)ctx;
    return 0;
}

void hand_loop_open(struct hand_loop *hand)
{
    hand->clock = (struct clock){.mono_ms = hand_loop_ms, .wall_ms = hand_loop_ms};
    assert_int_equal(loop_new(&hand->clock, &hand->loop), 0);
    hand->never_wait.before_wait = hand_loop_never_wait;
    loop_hook_add(hand->loop, &hand->never_wait);
}

void hand_loop_close(struct hand_loop *hand)
{
    loop_hook_remove(hand->loop, &hand->never_wait);
    hand->loop = loop_free(hand->loop);
}
