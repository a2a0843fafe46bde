/* SPDX-License-Identifier: MIT */
/* The dice: chance behind a seam, so that tests can load them. */
#pragma once

#include <stdint.h>

struct dice {
    uint64_t (*roll)(struct dice *dice, uint64_t sides); /* 0..sides-1; sides > 0 */
};

/* The machine's source of chance. */
extern struct dice dice_system;

static inline uint64_t dice_roll(struct dice *dice, uint64_t sides)
{
    return dice->roll(dice, sides);
}
