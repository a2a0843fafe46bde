/* SPDX-License-Identifier: MIT */
/* What the tests of the relay share: a world at hand, Convexes, and commands beside the relay. */
#pragma once

#include "tests/unit/lib/relay_world.h"

#include "outbox/outbox_ids.h"

/* The world of the test at hand, for end(). */
extern struct world *shared;

/* How most worlds are made. */
extern const struct world_options plain;

/* Makes a world, which end() frees: a teardown, so that a test which fails half-way leaves none. */
struct world *begin(const struct world_options *options, world_convex_fn convex);
/* The same for a test in which much time passes: the world goes in steps of step_ms. */
struct world *begin_in_steps(int64_t step_ms, world_convex_fn convex);
int end(void **state);

/* As rows_add(), for tests that begin a world. */
#define cases_add(tests, len, rows, test)                                                          \
    end_each((tests), (len), rows_add((tests), (len), rows, test))
/* Makes end() the teardown of the tests from `from` up to `to`. Returns to. */
size_t end_each(struct CMUnitTest *tests, size_t from, size_t to);

/* ---- Convexes ---- */

struct world_answer takes_all(struct world *world, const char *path, int record, int number);
struct world_answer rejects_all(struct world *world, const char *path, int record, int number);
struct world_answer is_away(struct world *world, const char *path, int record, int number);
struct world_answer has_no_posts(struct world *world, const char *path, int record, int number);

/* One more answer. */
struct world_answer world_conflict(void);

/* ---- what there is ---- */

bool nothing_is_left(struct world *world);
/* The store's counts, and the sums of the relay's. */
void assert_counts(uint64_t delivered, uint64_t dead, uint64_t pending);
/* What /status says that a model waits for; NULL: nothing. */
const char *held_of(struct world *world, const char *model);
/* How many rows are in these states. */
int rows_in(struct world *world, enum store_state first, enum store_state last);
/* The id of the n-th event since the outbox was made. The world's clock stands long before the year
 * 2005, so ids count on from OUTBOX_IDS_FROM. */
uint64_t id_of(uint64_t n);

/* ---- commands beside the relay ---- */

/* Does something to the n-th event's row from outside. */
void change_beside(struct world *world, int (*change)(struct store *store, uint64_t id),
                   uint64_t n);

/* What change_beside() can do to a row. 0, or the store's refusal. */
int replay_row(struct store *store, uint64_t id);
int force_row(struct store *store, uint64_t id);
int discard_row(struct store *store, uint64_t id);
/* Buries the row's event, as no command does. */
int bury_row(struct store *store, uint64_t id);
/* 0 where the store refuses the replay as stale, as the test expects. */
int replay_is_stale(struct store *store, uint64_t id);
/* Replays all events up to that one, which are letters. */
int replay_all(struct store *store, uint64_t last_id);

/* Replays those letters for which wanted() says so, by one command. */
void replay_letters(struct world *world, bool (*wanted)(void));
void force_letters(struct world *world, bool (*wanted)(void));

bool no_offer_waits(struct world *world);
/* Waits, in real time, until the outbox has looked for the changes of other processes, which it
 * does once a second. */
void await_offers(struct world *world);

/* ---- more events than the relay holds in memory ---- */

enum {
    MANY_ROUTES = 64, /* "m0", "m1" ... */
    MANY_WINDOW = 64, /* places of each in memory */
    BACKLOG = 5000,   /* the window of two routes holds fewer */
    BACKLOG_RECORDS = 50,
};

/* Routes of MANY_ROUTES models, as JSON: the window of each is so small that few events fill it. */
const char *many_routes(void);
/* The same, with batches and sequence. */
const char *batching_routes(void);
void send_backlog(struct world *world, const char *model);
