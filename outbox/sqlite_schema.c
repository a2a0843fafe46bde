/* SPDX-License-Identifier: MIT */
/*
 * The tables, their versions, and the statements.
 *
 * Bodies have a table of their own: a body may be large and is written once, while the rest of the
 * event changes with each attempt.
 *
 * Each index holds only the rows that statements look up by that index, so that most events
 * (pending, then delivered) cost two small entries. An index on model alone is in the order of
 * model and id, since SQLite ends each entry with the row's id.
 *
 * The row of the mark counts commits as well, so that each transaction changes something. SQLite
 * writes nothing where nothing changes, and such a commit would not show whether the disk is well.
 */
#include "outbox/sqlite_schema.h"

#include "base/error.h"
#include "outbox/sqlite_header.h"
#include "outbox/sqlite_lane.h"
#include "outbox/sqlite_row.h"

/* The migration from each version to the next. A released one must never change. */
static const char *const schema_migrations[] = {
    "CREATE TABLE event ("
    " id INTEGER PRIMARY KEY,"
    " state INTEGER NOT NULL," /* enum store_state */
    " stale INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " arrived_ms INTEGER NOT NULL,"
    " tried_ms INTEGER NOT NULL,"
    " died_ms INTEGER NOT NULL,"
    " model BLOB," /* blobs, since names may be WTF-8 and hold NUL */
    " record BLOB,"
    " reason BLOB"
    ") STRICT;"
    "CREATE TABLE body (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE tally ("
    " only INTEGER PRIMARY KEY CHECK (only = 1),"
    " accepted INTEGER NOT NULL,"
    " delivered INTEGER NOT NULL,"
    " discarded INTEGER NOT NULL,"
    " pending INTEGER NOT NULL,"
    " dead INTEGER NOT NULL,"
    " last_id INTEGER NOT NULL,"
    " commits INTEGER NOT NULL,"
    " CHECK (accepted = delivered + discarded + pending + dead)"
    ") STRICT;"
    "INSERT INTO tally VALUES (1, 0, 0, 0, 0, 0, 0, 0);"
    "CREATE INDEX event_pending ON event (model) WHERE state = 0;"
    "CREATE INDEX event_waiting ON event (arrived_ms) WHERE state <> 1;"
    "CREATE INDEX event_apart ON event (state) WHERE state > 0;"
    "CREATE INDEX event_record ON event (model, record) WHERE state > 0;",

    /*
     * 1 << 49 is OUTBOX_IDS_EARLY. Bodies keep their ids: sqlite_lane.c. Models with pending events
     * had routes, and get counts of their own; settled events are not known by model. The rows are
     * counted anew, in case damage has hit the old counts.
     */
    "DROP INDEX event_pending;"
    "DROP INDEX event_waiting;"
    "DROP INDEX event_apart;"
    "DROP INDEX event_record;"
    "ALTER TABLE event RENAME TO event_1;"
    "ALTER TABLE tally RENAME TO tally_1;"
    "CREATE TABLE event ("
    " id INTEGER PRIMARY KEY," /* outbox_ids.h */
    " state INTEGER NOT NULL,"
    " stale INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " arrived_ms INTEGER NOT NULL,"
    " since_ms INTEGER NOT NULL,"
    " tried_ms INTEGER NOT NULL,"
    " died_ms INTEGER NOT NULL,"
    " was INTEGER,"
    " sequence INTEGER,"
    " model BLOB,"
    " record BLOB,"
    " reason BLOB,"
    " request BLOB,"
    " import BLOB,"
    " lane INTEGER" /* lane_of(model, record) of letters and offers; NULL while pending */
    ") STRICT;"
    "CREATE TABLE mark ("
    " only INTEGER PRIMARY KEY CHECK (only = 1),"
    " last_id INTEGER NOT NULL," /* no higher one was ever given */
    " commits INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE tally ("
    " id INTEGER PRIMARY KEY," /* 0: all models that have no row */
    " model BLOB UNIQUE,"
    " delivered INTEGER NOT NULL,"
    " discarded INTEGER NOT NULL,"
    " pending INTEGER NOT NULL,"
    " dead INTEGER NOT NULL,"
    " buried INTEGER NOT NULL" /* how often one of them became a letter */
    ") STRICT;"
    "CREATE TABLE pause ("
    " model BLOB PRIMARY KEY,"
    " paused INTEGER NOT NULL,"
    " ended_ms INTEGER NOT NULL" /* 0: never */
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX event_pending ON event (model) WHERE state = 0;"
    "CREATE INDEX event_waiting ON event (since_ms) WHERE state = 0;"
    "CREATE INDEX event_apart ON event (state) WHERE state > 0;"
    "CREATE INDEX event_letter ON event (model) WHERE state = 1;"
    "CREATE INDEX event_offered ON event (model) WHERE state > 1;"
    "CREATE INDEX event_lane ON event (lane) WHERE lane IS NOT NULL AND stale = 0;"
    "INSERT INTO event (" SQLITE_EVENT_COLUMNS ", lane)"
    " SELECT id + (1 << 49), state, stale, attempts, arrived_ms, arrived_ms, tried_ms, died_ms,"
    " NULL, NULL, model, record, reason, NULL, NULL,"
    " CASE WHEN state <> 0 THEN lane_of(model, record) END FROM"
    /* A crash could leave an event pending that names no model, and so has no route. */
    " (SELECT id, iif(model IS NULL AND state <> 1, 1, state) AS state, stale, attempts,"
    "   arrived_ms, tried_ms, died_ms, model, record,"
    "   iif(model IS NULL AND state <> 1, CAST('There is no route for the model' AS BLOB), reason)"
    "   AS reason FROM event_1) ORDER BY id;"
    "INSERT INTO mark SELECT 1, last_id + ((1 << 49) * (last_id > 0)), commits FROM tally_1;"
    "INSERT INTO tally SELECT 0, NULL, max(delivered, 0), max(discarded, 0), 0, 0, 0 FROM tally_1;"
    "INSERT INTO tally (model, delivered, discarded, buried, pending, dead) SELECT model, 0, 0, 0,"
    "  (SELECT count(*) FROM event INDEXED BY event_pending WHERE state = 0 AND model = "
    "named.model)"
    "  + (SELECT count(*) FROM event INDEXED BY event_offered"
    "     WHERE state > 1 AND model = named.model),"
    "  (SELECT count(*) FROM event INDEXED BY event_letter WHERE state = 1 AND model = named.model)"
    " FROM (SELECT DISTINCT model FROM event INDEXED BY event_pending"
    "  WHERE state = 0 AND model IS NOT NULL AND model <> CAST('other' AS BLOB)) AS named;"
    "UPDATE tally SET"
    " dead = (SELECT count(*) FROM event INDEXED BY event_letter WHERE state = 1)"
    "  - (SELECT sum(dead) FROM tally),"
    " pending = (SELECT count(*) FROM event) - (SELECT sum(pending) FROM tally)"
    "  - (SELECT count(*) FROM event INDEXED BY event_letter WHERE state = 1)"
    " WHERE id = 0;"
    "UPDATE tally SET buried = dead;"
    "DROP TABLE event_1;"
    "DROP TABLE tally_1;",
};

enum { SCHEMA_VERSION = array_len(schema_migrations) };

/* Each statement names its index: SQLite must not choose to read a million rows for one. */
#define READ(index, where)                                                                         \
    "SELECT " SQLITE_EVENT_COLUMNS " FROM event " index " WHERE id > ?1 AND id <= ?2 AND " where   \
    " ORDER BY id LIMIT ?3"

#define COUNT(index, where) "SELECT count(*) FROM event INDEXED BY " index " WHERE " where

/*
 * What a letter died of, and behind that why its replay was refused last: an earlier refusal gives
 * way, so that the reason does not grow with each one.
 */
#define REFUSED "CAST('; replay refused: ' AS BLOB)"
#define REFUSED_REASON(why)                                                                        \
    "CAST(coalesce(substr(reason, 1, instr(CAST(reason || " REFUSED " AS BLOB), " REFUSED ") - 1)" \
    " || " REFUSED ", 'Replay refused: ') || " why " AS BLOB)"

static const char *const schema_statements[STMT_COUNT] = {
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",
    [STMT_ADD_EVENT] = "INSERT INTO event (" SQLITE_EVENT_COLUMNS ", lane) VALUES"
                       " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    [STMT_ADD_BODY] = "INSERT INTO body (id, bytes) VALUES (?1, ?2)",
    [STMT_FIND] = "SELECT state, stale, model FROM event WHERE id = ?1",
    [STMT_DROP_EVENT] = "DELETE FROM event WHERE id = ?1",
    [STMT_DROP_BODY] = "DELETE FROM body WHERE id = ?1",
    [STMT_MARK_STALE] = "UPDATE event INDEXED BY event_lane SET stale = 1 WHERE lane = ?2"
                        " AND lane IS NOT NULL AND stale = 0 AND id < ?1"
                        " AND model IS ?3 AND record = ?4",
    [STMT_NOTE_FAILURE] = "UPDATE event SET attempts = ?2, tried_ms = ?3, reason = ?4"
                          " WHERE id = ?1 AND state = 0",
    [STMT_SET_DEAD] =
        "UPDATE event SET attempts = ?2, tried_ms = ?3, reason = ?4, died_ms = ?5,"
        " stale = max(stale, ?6), state = 1, lane = lane_of(model, record) WHERE id = ?1",
    [STMT_SET_STATE] = "UPDATE event SET state = ?2 WHERE id = ?1",
    [STMT_TAKE_OFFER] =
        "UPDATE event SET id = ?2, state = 0, stale = 0, attempts = 0, tried_ms = 0,"
        " since_ms = ?3, reason = NULL, lane = NULL, was = iif(?2 = id, was, id)"
        " WHERE id = ?1",
    [STMT_MOVE_BODY] = "UPDATE body SET id = ?2 WHERE id = ?1",
    [STMT_REFUSE] = "UPDATE event SET state = 1, reason = " REFUSED_REASON("?2") " WHERE id = ?1",
    [STMT_REFUSE_MODEL] = "UPDATE event SET state = 1, reason = " REFUSED_REASON(
        "?3") " WHERE id IN"
              " (SELECT id FROM event INDEXED BY event_offered WHERE state > 1"
              " AND model IS ?1 ORDER BY id LIMIT ?2)",
    [STMT_BODY] = "SELECT bytes FROM body WHERE id = ?1",
    [STMT_READ_ALL] = READ("NOT INDEXED", "state BETWEEN ?4 AND ?5"),
    [STMT_READ_MODEL] = READ("NOT INDEXED", "state BETWEEN ?4 AND ?5 AND model = ?6"),
    [STMT_READ_STATE] = READ("INDEXED BY event_apart", "state > 0 AND state = ?4 AND ?5 >= ?4"),
    [STMT_READ_APART] = READ("INDEXED BY event_apart", "state > 0 AND state BETWEEN ?4 AND ?5"),
    [STMT_READ_PENDING] = READ("INDEXED BY event_pending", "state = 0 AND model = ?6"),
    [STMT_READ_LETTERS] = READ("INDEXED BY event_letter", "state = 1 AND model = ?6"),
    [STMT_READ_OFFERS] =
        READ("INDEXED BY event_offered", "state > 1 AND state BETWEEN ?4 AND ?5 AND model = ?6"),
    [STMT_NEXT_OFFERED] = "SELECT model FROM event INDEXED BY event_offered WHERE state > 1"
                          " AND model > ?1 ORDER BY model LIMIT 1",
    [STMT_TALLIES] = "SELECT id, model, delivered + discarded + pending + dead, delivered,"
                     " discarded, pending, dead, buried FROM tally ORDER BY id",
    [STMT_ADD_TALLY] =
        "UPDATE tally SET delivered = delivered + ?2, discarded = discarded + ?3,"
        " pending = pending + ?4, dead = dead + ?5, buried = buried + ?6 WHERE id = ?1",
    [STMT_NAME_TALLY] = "INSERT INTO tally (model, delivered, discarded, pending, dead, buried)"
                        " VALUES (?1, 0, 0, 0, 0, 0)",
    [STMT_ID_MARK] = "SELECT last_id FROM mark WHERE only = 1",
    [STMT_SET_ID_MARK] = "UPDATE mark SET last_id = iif(?2 > 0, ?2, max(last_id, ?1)),"
                         " commits = commits + 1 WHERE only = 1",
    [STMT_OLDEST] = "SELECT coalesce((SELECT min(since_ms) FROM event INDEXED BY event_waiting"
                    " WHERE state = 0), 0)",
    [STMT_PENDING_OF] = COUNT("event_pending", "state = 0 AND model = ?1"),
    [STMT_LETTERS_OF] = COUNT("event_letter", "state = 1 AND model = ?1"),
    [STMT_OFFERED_OF] = COUNT("event_offered", "state > 1 AND model = ?1"),
    [STMT_PAGES] = "PRAGMA page_count",
    [STMT_FREE_PAGES] = "PRAGMA freelist_count",
    [STMT_DATA_VERSION] = "PRAGMA data_version",
};

/* ---- Whose file it is ---- */

int sqlite_schema_number(sqlite3 *db, const char *sql, int64_t *value)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int sqlite_schema_identify(sqlite3 *db, bool may_migrate, const char **text)
{
    int64_t application = 0, version = 0, tables = 0;
    int rc = sqlite_schema_number(db, "PRAGMA application_id", &application);

    if (rc == SQLITE_OK)
        rc = sqlite_schema_number(db, "PRAGMA user_version", &version);
    bool ours = application == SQLITE_APPLICATION || application == SQLITE_APPLICATION_BACKUP;
    if (rc == SQLITE_OK && !ours)
        rc = sqlite_schema_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
        return SQLITE_SCHEMA_DAMAGED;
    if (rc != SQLITE_OK)
        return STORE_BROKEN;
    if (!ours && (application != 0 || version != 0 || tables != 0)) {
        *text = "is an SQLite database of something else; choose another file";
        return STORE_REFUSED;
    }
    if (version > SCHEMA_VERSION) {
        *text = "was written by a newer version of convex-relay; use that one, or another file";
        return STORE_REFUSED;
    }
    if (ours && version > 0 && version < SCHEMA_VERSION && !may_migrate) {
        *text = "was written by an older version of convex-relay; start this one's relay once, "
                "which brings it up to date";
        return STORE_REFUSED;
    }
    return 0;
}

/* ---- Tables ---- */

/* A backup stays marked as one. */
static int schema_set_version(sqlite3 *db)
{
    char sql[96];
    int64_t application = 0;
    int rc = sqlite_schema_number(db, "PRAGMA application_id", &application);

    if (rc != SQLITE_OK)
        return rc;
    if (application == 0)
        application = SQLITE_APPLICATION;
    (void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                           (int)application, SCHEMA_VERSION);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int sqlite_schema_migrate(sqlite3 *db)
{
    int64_t version = 0;
    int rc = sqlite_lane_teach(db);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite_schema_number(db, "PRAGMA user_version", &version);
    if (rc == SQLITE_OK && version < SCHEMA_VERSION) {
        for (int64_t i = version; i < SCHEMA_VERSION && rc == SQLITE_OK; i++)
            rc = sqlite3_exec(db, schema_migrations[i], NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = schema_set_version(db);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK && !sqlite3_get_autocommit(db))
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* For each version: whether its tables agree with each other, which SQLite does not check. 1 << 56
 * is SQLITE_NUMBERS_END; 1 << 53 is OUTBOX_IDS_END, and a mark beyond that leaves no id to give. */
static const char *const schema_agreement[SCHEMA_VERSION] = {
    "SELECT pending + dead = (SELECT count(*) FROM event)"
    " AND dead = (SELECT count(*) FROM event WHERE state = 1)"
    " AND min(accepted, delivered, discarded, pending, dead) >= 0"
    " AND last_id >= (SELECT coalesce(max(id), 0) FROM event) AND last_id < 1 << 56"
    " AND NOT EXISTS (SELECT 1 FROM event WHERE id < 1 OR state NOT BETWEEN 0 AND 3"
    "  OR id NOT IN (SELECT id FROM body))"
    " AND NOT EXISTS (SELECT 1 FROM body WHERE id NOT IN (SELECT id FROM event))"
    " FROM tally WHERE only = 1",

    "SELECT last_id >= (SELECT coalesce(max(id), 0) FROM event)"
    " AND last_id < max(1 << 53, (SELECT coalesce(max(id), 0) + 1 FROM event))"
    " AND EXISTS (SELECT 1 FROM tally WHERE id = 0 AND model IS NULL)"
    " AND NOT EXISTS (SELECT 1 FROM tally LEFT JOIN"
    "  (SELECT coalesce(tally.id, 0) AS of, sum(state <> 1) AS pending, sum(state = 1) AS dead"
    "   FROM event LEFT JOIN tally USING (model) GROUP BY 1) AS there ON of = tally.id"
    "  WHERE tally.pending <> coalesce(there.pending, 0) OR tally.dead <> coalesce(there.dead, 0)"
    "  OR min(delivered, discarded) < 0 OR (model IS NULL AND tally.id <> 0))"
    " AND NOT EXISTS (SELECT 1 FROM event WHERE id < 1 OR state NOT BETWEEN 0 AND 3"
    "  OR lane IS NOT CASE WHEN state <> 0 THEN lane_of(model, record) END"
    "  OR body_of(id) NOT IN (SELECT id FROM body))"
    " AND (SELECT count(*) FROM body) = (SELECT count(*) FROM event)"
    " FROM mark WHERE only = 1",
};

/* *sound: whether the first column of a query's first row is the text `well`. */
static int schema_ask(sqlite3 *db, const char *sql, const char *well, bool *sound)
{
    sqlite3_stmt *check = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &check, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(check);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        *sound = rc == SQLITE_ROW && span_eq(sqlite_row_span(check, 0), span_of(well));
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(check);
    return rc;
}

int sqlite_schema_check(sqlite3 *db, bool *sound)
{
    int64_t version = 0;
    int rc = schema_ask(db, "PRAGMA integrity_check(1)", "ok", sound);

    if (rc == SQLITE_OK)
        rc = sqlite_schema_number(db, "PRAGMA user_version", &version);
    if (rc == SQLITE_OK)
        rc = sqlite_lane_teach(db);
    if (rc == SQLITE_OK && *sound && version > 0 && version <= SCHEMA_VERSION)
        rc = schema_ask(db, schema_agreement[version - 1], "1", sound);
    return rc;
}

int sqlite_schema_prepare(struct sqlite_core *self)
{
    int rc = sqlite_lane_teach(self->db);

    for (size_t i = 0; i < STMT_COUNT && rc == SQLITE_OK; i++)
        rc = sqlite3_prepare_v3(self->db, schema_statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &self->statements[i], NULL);
    return rc;
}
