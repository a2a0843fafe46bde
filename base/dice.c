/* SPDX-License-Identifier: MIT */
/* The dice: chance behind a seam. */
#include "base/dice.h"

#include <sys/random.h>

static uint64_t dice_system_roll(struct dice *dice, uint64_t sides)
{
    uint64_t n = 0;

    (void)dice;
    /* Once the system is up, getrandom(2) has eight bytes at any time. Before that every roll is 0,
     * which is allowed, too. */
    (void)!getrandom(&n, sizeof(n), GRND_NONBLOCK);
    return n % sides;
}

struct dice dice_system = {dice_system_roll};
