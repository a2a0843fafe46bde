/* SPDX-License-Identifier: MIT */
/* Chance behind a seam, so that tests can load the dice. */
#pragma once

#include <stdint.h>

struct dice {
    uint64_t (*roll)(struct dice *dice, uint64_t sides); /* 0..sides-1; sides > 0 */
};

/* The machine's. */
extern struct dice dice_system;

static inline uint64_t dice_roll(struct dice *dice, uint64_t sides)
{
    return dice->roll(dice, sides);
}
