/* SPDX-License-Identifier: MIT */
/* A relay whose outbox is a journal. */
#pragma once

#include "tests/unit/lib/parcel_world.h"
#include "tests/unit/lib/seen_world.h"

extern const struct world_options journal;

/* What a sender is told of an event that could not be stored. */
extern const char journal_unstored[];

void assert_told(const struct sender *sender, enum reply reply, const char *message);

/* The body of an event of the record r1. */
#define EVENT(model, data)                                                                         \
    "{\"model\":\"" model "\",\"operation\":\"set\",\"data\":" data ",\"hiveId\":\"r1\"}"
#define DATA "{\"bladeId\":\"r1\",\"n\":1}"
