/* SPDX-License-Identifier: MIT */
/* Parcels in a world of the relay: requests to /convex/sync/batch without HTTP, and what a relay in
 * the test's hands makes of them. */
#pragma once

#include "tests/unit/lib/relay_cases.h"

#include "handlers/parcel_body.h"
#include "handlers/sync_batch.h"

enum { SENT_MAX = 128 };

/* A request to /convex/sync/batch, and its answer. */
struct sent {
    struct request request;
    bool answered;
    enum reply reply;
    struct buf message;
};

extern struct service service;
extern struct sent sents[SENT_MAX];
extern size_t sents_len;

/* The handlers' side of the world's relay, which begin_parcels() begins, too. */
void begin_service(struct world *world);
void end_service(struct world *world);
struct world *begin_parcels(const struct world_options *options, world_convex_fn convex);
int end_parcels(void **state);
#define parcel_test(test) cmocka_unit_test_teardown(test, end_parcels)

/* The relay and the handlers end as in a crash, and begin again. */
void restart(struct world *world);

struct sent *send_body(struct span body);
/* These records of users. */
struct sent *send_text(const char *records);
/* len events of so many records, each record's with numbers that rise from `from`. */
struct sent *send_many(const char *model, int len, int records, int from, int padding);

/* What has come is unpacked, which takes some turns of the loop. */
void unpack(struct world *world);
/* Until everything that was sent is settled. */
void finish(struct world *world);

void assert_answer(const struct sent *sent, enum reply reply, const char *message);
/* How often a text stands in an answer. */
size_t count_in(const struct sent *sent, const char *text);

/* Convex cannot be reached for record 2. */
struct world_answer is_away_for_two(struct world *world, const char *path, int record, int number);

/* Records, and answers about some. */
#define ONE "{\"data\":{\"bladeId\":\"r1\",\"n\":1},\"hiveId\":\"r1\"}"
#define TWO "{\"data\":{\"bladeId\":\"r2\",\"n\":1},\"hiveId\":\"r2\"}"
#define THREE "{\"data\":{\"bladeId\":\"r3\",\"n\":1},\"hiveId\":\"r3\"}"
#define RESULTS(good, bad, all, results)                                                           \
    "{\"success\":true,\"successful\":" #good ",\"failed\":" #bad ",\"total\":" #all               \
    ",\"results\":[" results "]}"
#define DONE "{\"success\":true}"
#define QUEUED "{\"success\":true,\"queued\":true}"
#define ERROR(text) "{\"error\":\"" text "\"}"
