/* SPDX-License-Identifier: MIT */
/* What the tests of the relay share: a world at hand, Convexes, and commands beside the relay. */
#pragma once

#include "tests/unit/lib/relay_world.h"

#include "outbox/outbox_ids.h"

/* The world of the test at hand, for end(). */
extern struct world *shared;

/* How most worlds are made. */
extern const struct world_options plain;

/* Makes a world; end() frees it, as a teardown, also where the test fails half-way. */
struct world *begin(const struct world_options *options, world_convex_fn convex);
/* Where much time passes: a step of the world is so long. */
struct world *begin_in_steps(int64_t step_ms, world_convex_fn convex);
int end(void **state);

/* As rows_add(), of tests that begin a world. */
#define cases_add(tests, len, rows, test)                                                          \
    end_each((tests), (len), rows_add((tests), (len), rows, test))
/* After each of the tests between the two places comes end(). Returns to. */
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
/* How many rows are in these states. */
int rows_in(struct world *world, enum store_state first, enum store_state last);
/* The id of the n-th event since the outbox was made: the world's clock is a slow one. */
uint64_t id_of(uint64_t n);

/* ---- commands beside the relay ---- */

/* Does something to the n-th event's row from outside. */
void change_beside(struct world *world, int (*change)(struct store *store, uint64_t id),
                   uint64_t n);

/* What can be done: 0, or the store's refusal. */
int replay_row(struct store *store, uint64_t id);
int force_row(struct store *store, uint64_t id);
int discard_row(struct store *store, uint64_t id);
/* No command does this. */
int bury_row(struct store *store, uint64_t id);
/* 0 where a replay is refused since a newer event of the record was delivered. */
int replay_is_stale(struct store *store, uint64_t id);
/* Replays all events up to that one, which are letters. */
int replay_all(struct store *store, uint64_t last_id);

/* Replays those letters for which wanted() says so, by one command. */
void replay_letters(struct world *world, bool (*wanted)(void));

bool no_offer_waits(struct world *world);
/* The outbox looks for what other processes have done once a second of its own, real time. */
void await_offers(struct world *world);

/* ---- many ---- */

enum {
    MANY_ROUTES = 64, /* "m0", "m1" ... */
    MANY_WINDOW = 64, /* places of each in memory */
    BACKLOG = 5000,   /* the window of two routes holds fewer */
    BACKLOG_RECORDS = 50,
};

/* So that the window is small, and few events fill it. */
const char *many_routes(void);
void send_backlog(struct world *world, const char *model);
