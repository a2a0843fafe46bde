/* SPDX-License-Identifier: MIT */
/* Chance behind a seam. */
#include "base/dice.h"

#include <sys/random.h>

static uint64_t dice_system_roll(struct dice *dice, uint64_t sides)
{
    uint64_t n = 0;

    (void)dice;
    /* Eight bytes never block once the system is up; without them every roll is 0, and still fair
     * game. */
    (void)!getrandom(&n, sizeof(n), GRND_NONBLOCK);
    return n % sides;
}

struct dice dice_system = {dice_system_roll};
