/* SPDX-License-Identifier: MIT */
/*
 * A record's lane, and the id of an event's body.
 *
 * A body has the id of its event. Only bodies from version 1 of the tables keep their old ids, from
 * 1 on, while the ids of the events have risen by OUTBOX_IDS_EARLY: so the migration need not write
 * all bodies anew. No other body has an id that low.
 */
#include "outbox/sqlite_lane.h"

#include "outbox/lane_id.h"
#include "outbox/outbox_ids.h"

#define LANE_BODIES_EARLY (INT64_C(1) << 40) /* ids of version 1 are below */

int64_t sqlite_lane_of(struct span model, struct span record)
{
    return lane_id(model, record);
}

int64_t sqlite_lane_body(uint64_t id)
{
    bool early = id > OUTBOX_IDS_EARLY && id < OUTBOX_IDS_EARLY + LANE_BODIES_EARLY;

    return (int64_t)(early ? id - OUTBOX_IDS_EARLY : id);
}

uint64_t sqlite_lane_event(int64_t body)
{
    bool early = body > 0 && body < LANE_BODIES_EARLY;

    return early ? (uint64_t)body + OUTBOX_IDS_EARLY : (uint64_t)body;
}

static struct span lane_argument(sqlite3_value *value)
{
    const char *at = sqlite3_value_blob(value);

    return (struct span){at, (size_t)sqlite3_value_bytes(value)};
}

static void lane_sql_lane(sqlite3_context *context, int len, sqlite3_value **values)
{
    (void)len;
    if (sqlite3_value_type(values[1]) == SQLITE_NULL)
        sqlite3_result_null(context);
    else
        sqlite3_result_int64(context,
                             sqlite_lane_of(lane_argument(values[0]), lane_argument(values[1])));
}

static void lane_sql_body(sqlite3_context *context, int len, sqlite3_value **values)
{
    (void)len;
    sqlite3_result_int64(context, sqlite_lane_body((uint64_t)sqlite3_value_int64(values[0])));
}

int sqlite_lane_teach(sqlite3 *db)
{
    const int how = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    int rc = sqlite3_create_function(db, "lane_of", 2, how, NULL, lane_sql_lane, NULL, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_create_function(db, "body_of", 1, how, NULL, lane_sql_body, NULL, NULL);
    return rc;
}
