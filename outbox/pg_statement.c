/* SPDX-License-Identifier: MIT */
/*
 * The texts of the statements.
 *
 * The queue's table is nearly empty whenever somebody looks at it, and VACUUM tells the planner so:
 * a plan that reads the table, or its index, from end to end then looks cheap, and visits each
 * deleted row. So statements leave the planner no choice. Each row of event is looked up by its key
 * alone (LATERAL with OFFSET 0, which cannot be pulled up) and then changed by its ctid, which is
 * safe since no row of event ever changes. Rows of letter do change, beside a command: a statement
 * finds them by their id, so that PostgreSQL looks again at a row for which it had to wait.
 *
 * Counts are inserted, never updated, in the same transaction: a row of ledger for each statement
 * and model. The number of a model is looked up in the statement, behind the fence (pg_name.c).
 */
#include "outbox/pg_statement.h"

#define SUMS "model, delivered, discarded, pending, dead, buried, bytes"
#define SUMS_OF(l)                                                                                 \
    l ".model::int8, " l ".delivered::int8, " l ".discarded::int8, " l ".pending::int8, " l        \
      ".dead::int8, " l ".buried::int8, " l ".bytes::int8"
#define INTO_LEDGER " INSERT INTO @ledger (member, cycle, " SUMS ")"
#define NUMBERED(alias) " LEFT JOIN @total t ON t.name = " alias ".model"

/* What an event counts for in the quota. */
#define BYTES_OF(e)                                                                                \
    "(octet_length(" e ".body) + coalesce(octet_length(" e ".model), 0)"                           \
    " + coalesce(octet_length(" e ".record), 0))::int8"

/* The places of events, whose members and ids are two parameters. */
#define PLACES(table, members, ids)                                                                \
    "ctid = ANY (ARRAY (SELECT e.ctid FROM unnest(" members "::int8[], " ids                       \
    "::int8[]) u(member, id) CROSS JOIN LATERAL (SELECT e.ctid FROM " table                        \
    " e WHERE e.member = u.member AND e.id = u.id OFFSET 0) e))"

#define EVENT_COLUMNS                                                                              \
    "id, arrived_ms, since_ms, died_ms, was, sequence, model, record, request, import, body"
#define LETTER_COLUMNS EVENT_COLUMNS ", state, stale, attempts, tried_ms, reason, lane"

/*
 * What a letter died of, and behind that why its replay was refused last: an earlier refusal gives
 * way, so that the reason does not grow with each one.
 */
#define REFUSED "convert_to('; replay refused: ', 'UTF8')"
#define REFUSED_REASON(why)                                                                        \
    "coalesce(substring(nullif(reason, '') FROM 1 FOR position(" REFUSED " IN reason || " REFUSED  \
    ") - 1) || " REFUSED ", convert_to('Replay refused: ', 'UTF8')) || coalesce(" why              \
    "::bytea, '')"

/* ---- Pages: $1 after, $2 upto, $3 model or NULL, $4 rows, $5 bytes, $6 and $7 states (of letters)
 * ---- */

#define PAGE_PENDING                                                                               \
    "SELECT e.* FROM @member m CROSS JOIN LATERAL"                                                 \
    " (SELECT e.* FROM @event e WHERE e.member = m.member AND e.id > $1::int8 AND e.id <= "        \
    "$2::int8"                                                                                     \
    " AND ($3::bytea IS NULL OR e.model = $3::bytea) ORDER BY e.id LIMIT $4::int8) e"              \
    " ORDER BY e.id LIMIT $4::int8"
#define PAGE_LETTERS(where)                                                                        \
    "SELECT l.* FROM @letter l WHERE l.id > $1::int8 AND l.id <= $2::int8 AND " where              \
    " l.state BETWEEN $6::int8 AND $7::int8 AND ($3::bytea IS NULL OR l.model = $3::bytea)"        \
    " ORDER BY l.id LIMIT $4::int8"

#define PENDING_ROWS                                                                               \
    "SELECT e.id, 0::int8 AS state, false AS stale, coalesce(t.attempts, 0)::int8 AS attempts,"    \
    " e.arrived_ms, e.since_ms, coalesce(t.tried_ms, 0)::int8 AS tried_ms, e.died_ms, e.was,"      \
    " e.sequence, e.model, e.record, t.reason, e.request, e.import, e.body"                        \
    " FROM (" PAGE_PENDING ") e LEFT JOIN LATERAL"                                                 \
    " (SELECT t.* FROM @trouble t WHERE t.member = e.member AND t.id = e.id OFFSET 0) t ON true"
#define LETTER_ROWS(where)                                                                         \
    "SELECT l.id, l.state::int8 AS state, l.stale, l.attempts::int8 AS attempts, l.arrived_ms,"    \
    " l.since_ms, l.tried_ms, l.died_ms, l.was, l.sequence, l.model, l.record, l.reason,"          \
    " l.request, l.import, l.body FROM (" PAGE_LETTERS(where) ") l"

/* Of the rows as many as have so many bytes together, and one at least; $5 0: without bodies. */
#define PAGE(rows)                                                                                 \
    "SELECT p.id, p.state, p.stale::int4, p.attempts, p.arrived_ms, p.since_ms, p.tried_ms,"       \
    " coalesce(p.died_ms, 0)::int8, coalesce(p.was, 0)::int8, coalesce(p.sequence, 0)::int8,"      \
    " p.model, p.record, p.reason, p.request, p.import,"                                           \
    " CASE WHEN $5::int8 > 0 THEN p.body END"                                                      \
    " FROM (SELECT r.*, sum(octet_length(r.body)) OVER (ORDER BY r.id ROWS UNBOUNDED PRECEDING)"   \
    " - octet_length(r.body) AS before FROM (" rows ") r) p"                                       \
    " WHERE $5::int8 = 0 OR p.before < $5::int8 ORDER BY p.id LIMIT $4::int8"

/* ---- All ---- */

static const char *const statement_texts[PG_STATEMENTS] = {
    [PG_BEGIN] = "BEGIN",
    [PG_COMMIT] = "COMMIT",
    [PG_ROLLBACK] = "ROLLBACK",

    /*
     * The first statement of each transaction: locks what must not change until its end, leaves a
     * row by which the transaction can be looked up, and fails where this member was closed, by a
     * division by zero, which aborts all that follows.
     */
    [PG_FENCE_SENDER] =
        "WITH ok AS MATERIALIZED (SELECT m.member FROM @member m, @sender s"
        " WHERE m.member = $1::int8 AND m.state < 2 AND s.one = 1 AND s.member = $1::int8"
        " AND s.epoch = $3::int8 FOR SHARE),"
        " i AS (INSERT INTO @ledger (member, cycle, model) SELECT $1::int8, $2::int8, 0 FROM ok"
        " RETURNING 1) SELECT 1 / (SELECT count(*) FROM i)",
    [PG_FENCE_MEMBER] =
        "WITH ok AS MATERIALIZED (SELECT m.member FROM @member m"
        " WHERE m.member = $1::int8 AND m.state < 2 AND $3::int8 = 0 FOR SHARE),"
        " i AS (INSERT INTO @ledger (member, cycle, model) SELECT $1::int8, $2::int8, 0 FROM ok"
        " RETURNING 1) SELECT 1 / (SELECT count(*) FROM i)",

    [PG_APPEND] =
        "WITH b AS MATERIALIZED (SELECT nextval('@batch') * 1024 AS base),"
        " e AS (INSERT INTO @event (member, " EVENT_COLUMNS ")"
        " SELECT $1::int8, CASE WHEN u.id = 0 THEN b.base + u.place - 1 ELSE u.id END,"
        " u.arrived_ms, u.since_ms, u.died_ms, u.was, u.sequence, u.model, u.record, u.request,"
        " u.import, u.body FROM b, unnest($3::int8[], $4::int8[], $5::int8[], $6::int8[],"
        " $7::int8[], $8::int8[], $9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[],"
        " $13::bytea[]) WITH ORDINALITY"
        " u(" EVENT_COLUMNS ", place)),"
        " l AS (INSERT INTO @ledger (member, cycle, model, base, pending, bytes)"
        " SELECT $1::int8, $2::int8, coalesce(t.model, 0), b.base, c.n, c.bytes"
        " FROM b, unnest($14::bytea[], $15::int8[], $16::int8[]) c(model, n, bytes)" NUMBERED(
            "c") " RETURNING *)"
                 " SELECT l.base, " SUMS_OF("l") " FROM l",

    [PG_NOTE] = "INSERT INTO @trouble (member, id, attempts, tried_ms, reason)"
                " SELECT u.member, u.id, u.attempts, u.tried_ms, u.reason"
                " FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::bytea[])"
                " u(member, id, attempts, tried_ms, reason) CROSS JOIN LATERAL"
                " (SELECT 1 FROM @event e WHERE e.member = u.member AND e.id = u.id OFFSET 0) e"
                " ON CONFLICT (member, id) DO UPDATE SET attempts = excluded.attempts,"
                " tried_ms = excluded.tried_ms, reason = excluded.reason",

    /* Nothing changes these letters before the transaction ends, so that the next statement can
     * count by what it reads. */
    [PG_LOCK_LETTERS] = "SELECT 1 FROM @letter WHERE id = ANY ($1::int8[]) ORDER BY id FOR UPDATE",

    /* $3 and $4: places to look at; an id of 0 in $5: a new letter, whose id is given here. */
    [PG_BURY] =
        "WITH u AS MATERIALIZED (SELECT * FROM unnest($5::int8[], $6::int8[], $7::int8[],"
        " $8::int8[], $9::int8[], $10::int8[], $11::bytea[], $12::bytea[], $13::bytea[],"
        " $14::bytea[], $15::bytea[], $16::bool[], $17::int8[], $18::int8[], $19::bytea[],"
        " $20::int8[]) WITH ORDINALITY"
        " u(" EVENT_COLUMNS ", stale, attempts, tried_ms, reason, lane, place)),"
        " b AS MATERIALIZED (SELECT nextval('@batch') * 1024 AS base"
        " WHERE EXISTS (SELECT 1 FROM u WHERE u.id = 0)),"
        " gone AS (DELETE FROM @event WHERE " PLACES(
            "@event", "$3",
            "$4") " RETURNING *),"
                  " calm AS (DELETE FROM @trouble WHERE " PLACES(
                      "@trouble", "$3",
                      "$4") "),"
                            " old AS MATERIALIZED (SELECT l.id, l.state, l.model FROM @letter l"
                            "  WHERE l.id = ANY ($5::int8[])),"
                            " again AS (UPDATE @letter l SET state = 1, attempts = u.attempts, "
                            "tried_ms = u.tried_ms,"
                            "  reason = u.reason, died_ms = u.died_ms, stale = l.stale OR u.stale"
                            "  FROM u WHERE l.id = ANY ($5::int8[]) AND l.id = u.id),"
                            " moved AS (INSERT INTO @letter (" LETTER_COLUMNS ")"
                            "  SELECT g.id, g.arrived_ms, g.since_ms, u.died_ms, g.was, "
                            "g.sequence, g.model, g.record,"
                            "  g.request, g.import, g.body, 1, u.stale, u.attempts, u.tried_ms, "
                            "u.reason, u.lane"
                            "  FROM gone g JOIN u ON u.id = g.id),"
                            " new AS (INSERT INTO @letter (" LETTER_COLUMNS ")"
                            "  SELECT CASE WHEN u.id = 0 THEN b.base + u.place - 1 ELSE u.id END, "
                            "u.arrived_ms,"
                            "  u.since_ms, u.died_ms, u.was, u.sequence, u.model, u.record, "
                            "u.request, u.import,"
                            "  u.body, 1, u.stale, u.attempts, u.tried_ms, u.reason, u.lane"
                            "  FROM u LEFT JOIN b ON true WHERE NOT EXISTS (SELECT 1 FROM gone g "
                            "WHERE g.id = u.id)"
                            "  AND NOT EXISTS (SELECT 1 FROM old o WHERE o.id = u.id) RETURNING "
                            "model, body, record),"
                            " c AS (SELECT model, -1 AS pending, 1 AS dead, 1 AS buried, 0::int8 "
                            "AS bytes FROM gone"
                            "  UNION ALL SELECT model, -1, 1, 1, 0 FROM old WHERE state > 1"
                            "  UNION ALL SELECT model, 0, 1, 1, " BYTES_OF(
                                "new") " FROM new),"
                                       " l AS (INSERT INTO @ledger (member, cycle, model, base, "
                                       "pending, dead, buried, bytes)"
                                       "  SELECT $1::int8, $2::int8, coalesce(t.model, 0), (SELECT "
                                       "base FROM b), sum(c.pending),"
                                       "  sum(c.dead), sum(c.buried), sum(c.bytes) FROM c" NUMBERED(
                                           "c") " GROUP BY t.model"
                                                " RETURNING *)"
                                                " SELECT coalesce(l.base, 0), " SUMS_OF(
                                                    "l") " FROM l",

    [PG_SETTLE] = "WITH gone AS (DELETE FROM @event e WHERE " PLACES(
        "@event", "$3",
        "$4") " RETURNING e.model, " BYTES_OF("e") " AS bytes),"
                                                   " calm AS (DELETE FROM @trouble WHERE " PLACES(
                                                       "@trouble", "$3",
                                                       "$4") "),"
                                                             " dead AS (DELETE FROM @letter l "
                                                             "WHERE l.id = ANY ($5::int8[])"
                                                             "  RETURNING l.model, "
                                                             "l.state, " BYTES_OF(
                                                                 "l") " AS bytes),"
                                                                      " c AS (SELECT model, 1 AS "
                                                                      "pending, 0 AS dead, bytes "
                                                                      "FROM gone"
                                                                      "  UNION ALL SELECT model, "
                                                                      "(state > 1)::int4, (state = "
                                                                      "1)::int4, bytes FROM dead),"
                                                                      " l AS (INSERT INTO @ledger "
                                                                      "(member, cycle, model, "
                                                                      "delivered, pending, dead, "
                                                                      "bytes)"
                                                                      "  SELECT $1::int8, "
                                                                      "$2::int8, coalesce(t.model, "
                                                                      "0), count(*), "
                                                                      "-sum(c.pending),"
                                                                      "  -sum(c.dead), "
                                                                      "-sum(c.bytes) FROM "
                                                                      "c" NUMBERED(
                                                                          "c") " GROUP BY t.model "
                                                                               "RETURNING *)"
                                                                               " SELECT "
                                                                               "0::int8, " SUMS_OF(
                                                                                   "l") " FROM l",

    /* "NOT stale" outside would let the planner read all of letter_lane. */
    [PG_STALE] =
        "UPDATE @letter SET stale = true WHERE id = ANY (ARRAY (SELECT l.id"
        " FROM unnest($1::int8[], $2::int8[], $3::bytea[], $4::bytea[]) u(lane, id, model, record)"
        " CROSS JOIN LATERAL (SELECT l.id FROM @letter l WHERE l.lane = u.lane AND NOT l.stale"
        " AND l.id < u.id AND l.model IS NOT DISTINCT FROM u.model AND l.record = u.record"
        " OFFSET 0) l))",

    [PG_COUNT] = "WITH l AS (INSERT INTO @ledger (member, cycle, model, delivered)"
                 " SELECT $1::int8, $2::int8, coalesce(t.model, 0), c.n"
                 " FROM unnest($3::bytea[], $4::int8[]) c(model, n)" NUMBERED(
                     "c") " RETURNING *)"
                          " SELECT 0::int8, " SUMS_OF("l") " FROM l",

    [PG_LOCK_LETTER] =
        "SELECT state::int8, stale::int4 FROM @letter WHERE id = $1::int8 FOR UPDATE",

    [PG_OFFER] = "WITH u AS (UPDATE @letter SET state = $4::int8 WHERE id = $3::int8 AND state = 1"
                 " AND (NOT stale OR $4::int8 = 3) RETURNING model),"
                 " l AS (INSERT INTO @ledger (member, cycle, model, pending, dead)"
                 " SELECT $1::int8, $2::int8, coalesce(t.model, 0), 1, -1 FROM u" NUMBERED(
                     "u") " RETURNING *)"
                          " SELECT 0::int8, " SUMS_OF("l") " FROM l",

    /* The number: the event's id from now on; -1: it was stale, and is a letter again. */
    [PG_TAKE] =
        "WITH gone AS (DELETE FROM @letter WHERE id = $3::int8"
        "  AND (state = 3 OR state = 2 AND NOT stale) RETURNING *),"
        " n AS MATERIALIZED (SELECT CASE WHEN state = 2 THEN id WHEN $4::int8 <> 0 THEN $4::int8"
        "  ELSE nextval('@batch') * 1024 END AS new_id, * FROM gone),"
        " e AS (INSERT INTO @event (member, " EVENT_COLUMNS ")"
        "  SELECT $1::int8, new_id, arrived_ms, $5::int8, died_ms,"
        "  CASE WHEN new_id <> id THEN id ELSE was END, sequence, model, record, request, import,"
        "  body FROM n),"
        " back AS (UPDATE @letter SET state = 1 WHERE id = $3::int8 AND state = 2 AND stale"
        "  RETURNING model),"
        " l AS (INSERT INTO @ledger (member, cycle, model, pending, dead)"
        "  SELECT $1::int8, $2::int8, coalesce(t.model, 0), -1, 1 FROM back" NUMBERED(
            "back") "  RETURNING *)"
                    " SELECT new_id, 0::int8, 0::int8, 0::int8, 0::int8, 0::int8, 0::int8, 0::int8 "
                    "FROM n"
                    " UNION ALL SELECT -1::int8, " SUMS_OF("l") " FROM l",

    [PG_REFUSE] = "WITH u AS (UPDATE @letter SET state = 1, reason = " REFUSED_REASON(
        "$4") " WHERE id = $3::int8 AND state > 1 RETURNING model),"
              " l AS (INSERT INTO @ledger (member, cycle, model, pending, dead)"
              " SELECT $1::int8, $2::int8, coalesce(t.model, 0), -1, 1 FROM u" NUMBERED(
                  "u") " RETURNING *)"
                       " SELECT 0::int8, " SUMS_OF("l") " FROM l",

    [PG_REFUSE_MODEL] = "WITH u AS (UPDATE @letter SET state = 1, reason = " REFUSED_REASON(
        "$4") " WHERE id = ANY (ARRAY (SELECT l.id FROM @letter l WHERE l.state > 1"
              "  AND l.model IS NOT DISTINCT FROM $3::bytea ORDER BY l.id LIMIT $5::int8 FOR "
              "UPDATE))"
              " RETURNING model),"
              " l AS (INSERT INTO @ledger (member, cycle, model, pending, dead)"
              " SELECT $1::int8, $2::int8, coalesce(t.model, 0), -count(*), count(*) FROM "
              "u" NUMBERED("u") " GROUP BY t.model RETURNING *)"
                                " SELECT l.dead::int8, " SUMS_OF("l") " FROM l",

    [PG_DISCARD] =
        "WITH u AS (DELETE FROM @letter l WHERE l.id = $3::int8 AND l.state = 1"
        " RETURNING l.model, " BYTES_OF(
            "l") " AS bytes),"
                 " l AS (INSERT INTO @ledger (member, cycle, model, discarded, dead, bytes)"
                 " SELECT $1::int8, $2::int8, coalesce(t.model, 0), 1, -1, -u.bytes FROM "
                 "u" NUMBERED("u") " RETURNING *)"
                                   " SELECT 0::int8, " SUMS_OF("l") " FROM l",

    [PG_LOCK_META] = "SELECT 1 FROM @meta FOR UPDATE",
    [PG_LOCK_MEMBERS] = "SELECT 1 FROM @member WHERE member <> $1::int8 ORDER BY member FOR UPDATE",
    [PG_NAME] =
        "WITH n AS (INSERT INTO @total (model, name) SELECT max(model) + 1, $3::bytea FROM @total"
        "  HAVING NOT EXISTS (SELECT 1 FROM @total WHERE name = $3::bytea) RETURNING model),"
        " p AS (SELECT count(*) AS n FROM @event WHERE model = $3::bytea),"
        " o AS (SELECT count(*) FILTER (WHERE state > 1) AS offers,"
        "  count(*) FILTER (WHERE state = 1) AS dead FROM @letter WHERE model = $3::bytea),"
        " l AS (INSERT INTO @ledger (member, cycle, model, pending, dead)"
        "  SELECT $1::int8, $2::int8, n.model, p.n + o.offers, o.dead FROM n, p, o"
        "  UNION ALL SELECT $1::int8, $2::int8, 0, -p.n - o.offers, -o.dead FROM n, p, o"
        "  RETURNING *)"
        " SELECT 0::int8, " SUMS_OF("l") " FROM l",

    [PG_READ_PENDING] = PAGE(PENDING_ROWS),
    [PG_READ_LETTERS] = PAGE(LETTER_ROWS("")),
    [PG_READ_OFFERS] = PAGE(LETTER_ROWS(" l.state > 1 AND ")),
    [PG_READ_ALL] =
        PAGE("(" PENDING_ROWS ") UNION ALL (" LETTER_ROWS("") ")"
                                                              " ORDER BY id LIMIT $4::int8"),
    [PG_NEXT_OFFERED] = "SELECT model FROM @letter WHERE state > 1 AND model IS NOT NULL"
                        " AND ($1::bytea IS NULL OR model > $1::bytea) ORDER BY model LIMIT 1",
    [PG_TOTALS] =
        "SELECT t.model::int8, t.name, (t.delivered + coalesce(l.delivered, 0))::int8,"
        " (t.discarded + coalesce(l.discarded, 0))::int8,"
        " (t.pending + coalesce(l.pending, 0))::int8, (t.dead + coalesce(l.dead, 0))::int8,"
        " (t.buried + coalesce(l.buried, 0))::int8, (t.bytes + coalesce(l.bytes, 0))::int8,"
        " (SELECT count(*) FROM @ledger WHERE member <> $1::int8)::int8"
        " FROM @total t LEFT JOIN (SELECT model, sum(delivered) AS delivered,"
        " sum(discarded) AS discarded, sum(pending) AS pending, sum(dead) AS dead,"
        " sum(buried) AS buried, sum(bytes) AS bytes FROM @ledger GROUP BY model) l"
        " ON l.model = t.model ORDER BY t.model",

    /*
     * The lowest since_ms, and the lowest id. An event that was never a letter stands in line by
     * its since_ms. So the oldest one is the first of these in a stream, or stands in front of it.
     */
    [PG_OLDEST] =
        "SELECT coalesce(min(o.since_ms), 0)::int8, coalesce(min(o.id), 0)::int8 FROM @member m"
        " CROSS JOIN LATERAL (SELECT min(e.since_ms) AS since_ms, min(e.id) AS id FROM @event e"
        " WHERE e.member = m.member AND e.id >= $1::int8 AND e.id <= coalesce((SELECT f.id"
        " FROM @event f WHERE f.member = m.member AND f.id >= $1::int8"
        " AND f.since_ms = f.arrived_ms ORDER BY f.id LIMIT 1), 9223372036854775807)"
        " OFFSET 0) o",

    [PG_ID_MARK] = "SELECT ((last_value + 1) * 1024 - 1)::int8 FROM @batch",
    [PG_STREAMS] = "SELECT m.member, coalesce((SELECT e.id FROM @event e WHERE e.member = m.member"
                   " ORDER BY e.id LIMIT 1), 0), coalesce((SELECT e.id FROM @event e"
                   " WHERE e.member = m.member ORDER BY e.id DESC LIMIT 1), 0) FROM @member m",

    /* The latest row of another member stays as long as the member does: a transaction whose
     * outcome is unknown is looked up there. */
    [PG_FOLD] =
        "WITH gone AS (DELETE FROM @ledger l WHERE (l.member = $1::int8 AND l.cycle <= $2::int8)"
        "  OR (l.member <> $1::int8 AND (l.cycle < (SELECT max(x.cycle) FROM @ledger x"
        "  WHERE x.member = l.member) OR NOT EXISTS (SELECT 1 FROM @member m"
        "  WHERE m.member = l.member))) RETURNING *),"
        " s AS (SELECT model, sum(delivered) AS delivered, sum(discarded) AS discarded,"
        "  sum(pending) AS pending, sum(dead) AS dead, sum(buried) AS buried, sum(bytes) AS bytes"
        "  FROM gone GROUP BY model),"
        " u AS (UPDATE @total t SET delivered = t.delivered + s.delivered,"
        "  discarded = t.discarded + s.discarded, pending = t.pending + s.pending,"
        "  dead = t.dead + s.dead, buried = t.buried + s.buried, bytes = t.bytes + s.bytes"
        "  FROM s WHERE t.model = s.model)"
        " SELECT count(*) FILTER (WHERE member <> $1::int8)::int8 FROM gone",
    [PG_BEAT] = "UPDATE @beat SET beat = beat + 1 WHERE member = $1::int8",
    [PG_RAISE] =
        "SELECT setval('@batch', n) FROM (SELECT floor(extract(epoch FROM clock_timestamp())"
        " * 1000000 / 1024)::int8 AS n) c WHERE n - (SELECT last_value FROM @batch) > 100000",
};

const char *pg_statement_text(enum pg_statement which)
{
    return statement_texts[which];
}
