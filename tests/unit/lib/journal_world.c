/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/journal_world.h"

#define ROUTES                                                                                     \
    "{\"users\":{\"mutation\":\"users:syncFromBlade\",\"sequence\":\"syncSeq\"},"                  \
    "\"posts\":{\"mutation\":\"posts:syncFromBlade\"}}"

const struct world_options journal = {.sync_wait_ms = 10000, .journal = true, .routes = ROUTES};
const char journal_unstored[] = "The event could not be stored";

void assert_told(const struct sender *sender, enum reply reply, const char *message)
{
    assert_true(sender->answered);
    assert_int_equal(sender->reply, reply);
    assert_string_equal(buf_string((struct buf *)&sender->message), message);
}
