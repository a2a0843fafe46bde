/* SPDX-License-Identifier: MIT */
/*
 * The texts of the statements.
 *
 * The queue's table is nearly empty whenever somebody looks at it, and VACUUM tells the planner so:
 * a plan that reads the table, or an index, from end to end then looks cheap, and visits each
 * deleted row. So statements leave the planner no choice. Each row of event is looked up by its key
 * alone (LATERAL with OFFSET 0, which cannot be pulled up) and then changed by its ctid, which is
 * safe since no row of event ever changes. Rows of letter do change, beside a command: a statement
 * finds them by their id, so that PostgreSQL looks again at a row for which it had to wait.
 *
 * Counts are inserted, never updated, in the same transaction: a row of ledger for each statement
 * and model. The number of a model is looked up by the statement, behind the fence (pg_tally.c).
 */
#include "outbox/pg_statement.h"

/* ---- Parts ---- */

/* The end of a statement that counts: what to_ledger has inserted, with a number in front. */
#define TOLD                                                                                       \
    "l.model::int8, l.delivered::int8, l.discarded::int8, l.pending::int8, l.dead::int8,"          \
    " l.buried::int8, l.bytes::int8"
#define TELL " RETURNING *) SELECT 0::int8, " TOLD " FROM to_ledger l"

/* Which number a model has, for counts that are called c. */
#define NUMBERED " LEFT JOIN @total t ON t.name = c.model"
#define NUMBER "$1::int8, $2::int8, coalesce(t.model, 0)"

/* What an event counts for in the quota. */
#define BYTES                                                                                      \
    "(octet_length(body) + coalesce(octet_length(model), 0)"                                       \
    " + coalesce(octet_length(record), 0))::int8"

/* The places of events: $3 and $4 are members and ids. */
#define PLACES_FROM "ctid = ANY (ARRAY (SELECT e.ctid FROM unnest($3::int8[], $4::int8[])"
#define PLACES_EVENT                                                                               \
    PLACES_FROM " u(member, id) CROSS JOIN LATERAL (SELECT e.ctid FROM @event e"                   \
                " WHERE e.member = u.member AND e.id = u.id OFFSET 0) e))"
#define PLACES_TROUBLE                                                                             \
    PLACES_FROM " u(member, id) CROSS JOIN LATERAL (SELECT e.ctid FROM @trouble e"                 \
                " WHERE e.member = u.member AND e.id = u.id OFFSET 0) e))"

#define EVENT_COLUMNS                                                                              \
    "id, arrived_ms, since_ms, died_ms, was, sequence, model, record, request, import, body"
#define LETTER_COLUMNS EVENT_COLUMNS ", state, stale, attempts, tried_ms, reason, lane"

/*
 * What a letter died of, and behind that why its replay was refused last ($4): an earlier refusal
 * gives way, so that the reason does not grow with each one.
 */
#define REFUSED "convert_to('; replay refused: ', 'UTF8')"
#define REFUSED_REASON                                                                             \
    "coalesce(substring(nullif(reason, '') FROM 1 FOR position(" REFUSED " IN reason || " REFUSED  \
    ") - 1) || " REFUSED ", convert_to('Replay refused: ', 'UTF8')) || coalesce($4::bytea, '')"

/* ---- The fence ---- */

/*
 * The first statement of each transaction: locks what must not change until its end, leaves a row
 * by which the transaction can be looked up, and fails where this member was closed, by a division
 * by zero, which aborts all that follows.
 */
#define FENCE                                                                                      \
    " FOR SHARE), i AS (INSERT INTO @ledger (member, cycle, model) SELECT $1::int8, $2::int8, 0"   \
    " FROM ok RETURNING 1) SELECT 1 / (SELECT count(*) FROM i)"

static const char fence_sender[] =
    "WITH ok AS MATERIALIZED (SELECT m.member FROM @member m, @sender s"
    " WHERE m.member = $1::int8 AND m.state < 2 AND s.one = 1 AND s.member = $1::int8"
    " AND s.epoch = $3::int8" FENCE;

static const char fence_member[] =
    "WITH ok AS MATERIALIZED (SELECT m.member FROM @member m"
    " WHERE m.member = $1::int8 AND m.state < 2 AND $3::int8 = 0" FENCE;

/* ---- Changes that are gathered ---- */

static const char append[] =
    "WITH b AS MATERIALIZED (SELECT nextval('@batch') * 1024 AS base),"
    " e AS (INSERT INTO @event (member, " EVENT_COLUMNS ")"
    "  SELECT $1::int8, CASE WHEN u.id = 0 THEN b.base + u.place - 1 ELSE u.id END, u.arrived_ms,"
    "  u.since_ms, u.died_ms, u.was, u.sequence, u.model, u.record, u.request, u.import, u.body"
    "  FROM b, unnest($3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[],"
    "  $9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[], $13::bytea[])"
    "  WITH ORDINALITY u(" EVENT_COLUMNS ", place)),"
    " to_ledger AS (INSERT INTO @ledger (member, cycle, model, base, pending, bytes)"
    "  SELECT " NUMBER ", b.base, c.n, c.bytes"
    "  FROM b, unnest($14::bytea[], $15::int8[], $16::int8[]) c(model, n, bytes)" NUMBERED
    "  RETURNING *)"
    " SELECT l.base, " TOLD " FROM to_ledger l";

static const char note[] =
    "INSERT INTO @trouble (member, id, attempts, tried_ms, reason)"
    " SELECT u.member, u.id, u.attempts, u.tried_ms, u.reason"
    " FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::bytea[])"
    " u(member, id, attempts, tried_ms, reason) CROSS JOIN LATERAL"
    " (SELECT 1 FROM @event e WHERE e.member = u.member AND e.id = u.id OFFSET 0) e"
    " ON CONFLICT (member, id) DO UPDATE SET attempts = excluded.attempts,"
    " tried_ms = excluded.tried_ms, reason = excluded.reason";

/* From here on nothing changes these letters before the transaction ends, so that bury[] can count
 * by what it reads. */
static const char lock_letters[] =
    "SELECT 1 FROM @letter WHERE id = ANY ($1::int8[]) ORDER BY id FOR UPDATE";

/* An id of 0 in $5: a new letter, whose id is given here. */
static const char bury[] =
    "WITH u AS MATERIALIZED (SELECT * FROM unnest($5::int8[], $6::int8[], $7::int8[],"
    "  $8::int8[], $9::int8[], $10::int8[], $11::bytea[], $12::bytea[], $13::bytea[],"
    "  $14::bytea[], $15::bytea[], $16::bool[], $17::int8[], $18::int8[], $19::bytea[],"
    "  $20::int8[]) WITH ORDINALITY"
    "  u(" EVENT_COLUMNS ", stale, attempts, tried_ms, reason, lane, place)),"
    " b AS MATERIALIZED (SELECT nextval('@batch') * 1024 AS base"
    "  WHERE EXISTS (SELECT 1 FROM u WHERE u.id = 0)),"
    " gone AS (DELETE FROM @event WHERE " PLACES_EVENT " RETURNING *),"
    " calm AS (DELETE FROM @trouble WHERE " PLACES_TROUBLE "),"
    " old AS MATERIALIZED (SELECT l.id, l.state, l.model FROM @letter l"
    "  WHERE l.id = ANY ($5::int8[])),"
    " again AS (UPDATE @letter l SET state = 1, attempts = u.attempts, tried_ms = u.tried_ms,"
    "  reason = u.reason, died_ms = u.died_ms, stale = l.stale OR u.stale"
    "  FROM u WHERE l.id = ANY ($5::int8[]) AND l.id = u.id),"
    " moved AS (INSERT INTO @letter (" LETTER_COLUMNS ")"
    "  SELECT g.id, g.arrived_ms, g.since_ms, u.died_ms, g.was, g.sequence, g.model, g.record,"
    "  g.request, g.import, g.body, 1, u.stale, u.attempts, u.tried_ms, u.reason, u.lane"
    "  FROM gone g JOIN u ON u.id = g.id),"
    " new AS (INSERT INTO @letter (" LETTER_COLUMNS ")"
    "  SELECT CASE WHEN u.id = 0 THEN b.base + u.place - 1 ELSE u.id END, u.arrived_ms,"
    "  u.since_ms, u.died_ms, u.was, u.sequence, u.model, u.record, u.request, u.import, u.body,"
    "  1, u.stale, u.attempts, u.tried_ms, u.reason, u.lane"
    "  FROM u LEFT JOIN b ON true WHERE NOT EXISTS (SELECT 1 FROM gone g WHERE g.id = u.id)"
    "  AND NOT EXISTS (SELECT 1 FROM old o WHERE o.id = u.id) RETURNING model, record, body),"
    " each AS (SELECT model, -1 AS pending, 1 AS dead, 1 AS buried, 0::int8 AS bytes FROM gone"
    "  UNION ALL SELECT model, -1, 1, 1, 0 FROM old WHERE state > 1"
    "  UNION ALL SELECT model, 0, 1, 1, " BYTES " FROM new),"
    " c AS (SELECT model, sum(pending) AS pending, sum(dead) AS dead, sum(buried) AS buried,"
    "  sum(bytes) AS bytes FROM each GROUP BY model),"
    " to_ledger AS (INSERT INTO @ledger (member, cycle, model, base, pending, dead, buried, bytes)"
    "  SELECT " NUMBER ", (SELECT base FROM b), c.pending, c.dead, c.buried, c.bytes"
    "  FROM c" NUMBERED " RETURNING *)"
    " SELECT coalesce(l.base, 0), " TOLD " FROM to_ledger l";

/* Rows end, wherever they are, and count as what column says. */
#define SETTLE(column)                                                                             \
    "WITH gone AS (DELETE FROM @event WHERE " PLACES_EVENT                                         \
    "  RETURNING model, 1 AS pending, 0 AS dead, " BYTES " AS bytes),"                             \
    " calm AS (DELETE FROM @trouble WHERE " PLACES_TROUBLE "),"                                    \
    " dead AS (DELETE FROM @letter WHERE id = ANY ($5::int8[])"                                    \
    "  RETURNING model, (state > 1)::int4 AS pending, (state = 1)::int4 AS dead, " BYTES           \
    "  AS bytes),"                                                                                 \
    " each AS (SELECT * FROM gone UNION ALL SELECT * FROM dead),"                                  \
    " c AS (SELECT model, count(*) AS n, sum(pending) AS pending, sum(dead) AS dead,"              \
    "  sum(bytes) AS bytes FROM each GROUP BY model),"                                             \
    " to_ledger AS (INSERT INTO @ledger (member, cycle, model, " column ", pending, dead, bytes)"  \
    "  SELECT " NUMBER ", c.n, -c.pending, -c.dead, -c.bytes FROM c" NUMBERED TELL

static const char settle[] = SETTLE("delivered");
static const char spoil[] = SETTLE("discarded");

/* The same where no letter and no trouble is anywhere. */
static const char settle_alone[] =
    "WITH gone AS (DELETE FROM @event WHERE " PLACES_EVENT " RETURNING model, " BYTES " AS bytes),"
    " c AS (SELECT model, count(*) AS n, sum(bytes) AS bytes FROM gone GROUP BY model),"
    " to_ledger AS (INSERT INTO @ledger (member, cycle, model, delivered, pending, bytes)"
    "  SELECT " NUMBER ", c.n, -c.n, -c.bytes FROM c" NUMBERED TELL;

/* "NOT stale" outside would let the planner read all of letter_lane. */
static const char stale[] =
    "UPDATE @letter SET stale = true WHERE id = ANY (ARRAY (SELECT l.id"
    " FROM unnest($1::int8[], $2::int8[], $3::bytea[], $4::bytea[]) u(lane, id, model, record)"
    " CROSS JOIN LATERAL (SELECT l.id FROM @letter l WHERE l.lane = u.lane AND NOT l.stale"
    " AND l.id < u.id AND l.model IS NOT DISTINCT FROM u.model AND l.record = u.record"
    " OFFSET 0) l))";

static const char count[] =
    "WITH to_ledger AS (INSERT INTO @ledger (member, cycle, model, delivered)"
    " SELECT " NUMBER ", c.n FROM unnest($3::bytea[], $4::int8[]) c(model, n)" NUMBERED TELL;

/* ---- Changes with an answer ---- */

static const char lock_letter[] =
    "SELECT state::int8, stale::int4 FROM @letter WHERE id = $1::int8 FOR UPDATE";

static const char offer[] =
    "WITH c AS (UPDATE @letter SET state = $4::int8 WHERE id = $3::int8 AND state = 1"
    "  AND (NOT stale OR $4::int8 = 3) RETURNING model),"
    " to_ledger AS (INSERT INTO @ledger (member, cycle, model, pending, dead)"
    "  SELECT " NUMBER ", 1, -1 FROM c" NUMBERED TELL;

/* The number: the event's id from now on; -1: it was stale, and is a letter again. */
static const char take[] =
    "WITH gone AS (DELETE FROM @letter WHERE id = $3::int8"
    "  AND (state = 3 OR state = 2 AND NOT stale) RETURNING *),"
    " n AS MATERIALIZED (SELECT CASE WHEN state = 2 THEN id WHEN $4::int8 <> 0 THEN $4::int8"
    "  ELSE nextval('@batch') * 1024 END AS new_id, * FROM gone),"
    " e AS (INSERT INTO @event (member, " EVENT_COLUMNS ")"
    "  SELECT $1::int8, new_id, arrived_ms, $5::int8, died_ms,"
    "  CASE WHEN new_id <> id THEN id ELSE was END, sequence, model, record, request, import,"
    "  body FROM n),"
    " c AS (UPDATE @letter SET state = 1 WHERE id = $3::int8 AND state = 2 AND stale"
    "  RETURNING model),"
    " to_ledger AS (INSERT INTO @ledger (member, cycle, model, pending, dead)"
    "  SELECT " NUMBER ", -1, 1 FROM c" NUMBERED " RETURNING *)"
    " SELECT new_id, 0::int8, 0::int8, 0::int8, 0::int8, 0::int8, 0::int8, 0::int8 FROM n"
    " UNION ALL SELECT -1::int8, " TOLD " FROM to_ledger l";

static const char refuse[] =
    "WITH c AS (UPDATE @letter SET state = 1, reason = " REFUSED_REASON
    "  WHERE id = $3::int8 AND state > 1 RETURNING model),"
    " to_ledger AS (INSERT INTO @ledger (member, cycle, model, pending, dead)"
    "  SELECT " NUMBER ", -1, 1 FROM c" NUMBERED TELL;

static const char refuse_model[] =
    "WITH each AS (UPDATE @letter SET state = 1, reason = " REFUSED_REASON
    "  WHERE id = ANY (ARRAY (SELECT l.id FROM @letter l WHERE l.state > 1"
    "  AND l.model IS NOT DISTINCT FROM $3::bytea ORDER BY l.id LIMIT $5::int8 FOR UPDATE))"
    "  RETURNING model),"
    " c AS (SELECT model, count(*) AS n FROM each GROUP BY model),"
    " to_ledger AS (INSERT INTO @ledger (member, cycle, model, pending, dead)"
    "  SELECT " NUMBER ", -c.n, c.n FROM c" NUMBERED " RETURNING *)"
    " SELECT l.dead, " TOLD " FROM to_ledger l";

static const char discard[] =
    "WITH c AS (DELETE FROM @letter WHERE id = $3::int8 AND state = 1"
    "  RETURNING model, " BYTES " AS bytes),"
    " to_ledger AS (INSERT INTO @ledger (member, cycle, model, discarded, dead, bytes)"
    "  SELECT " NUMBER ", 1, -1, -c.bytes FROM c" NUMBERED TELL;

static const char lock_members[] =
    "SELECT 1 FROM @member WHERE member <> $1::int8 ORDER BY member FOR UPDATE";

/* Rows are counted only where models without counts of their own have any: that takes as long as
 * the table is. */
static const char name[] =
    "WITH n AS (INSERT INTO @total (model, name) SELECT max(model) + 1, $3::bytea FROM @total"
    "  HAVING NOT EXISTS (SELECT 1 FROM @total WHERE name = $3::bytea) RETURNING model),"
    " other AS MATERIALIZED (SELECT t.pending + coalesce(sum(l.pending), 0) AS pending,"
    "  t.dead + coalesce(sum(l.dead), 0) AS dead FROM @total t LEFT JOIN @ledger l"
    "  ON l.model = t.model WHERE t.model = 0 GROUP BY t.model),"
    " p AS (SELECT count(*) AS n FROM @event WHERE model = $3::bytea"
    "  AND (SELECT pending > 0 FROM other)),"
    " o AS (SELECT count(*) FILTER (WHERE state > 1) AS offers,"
    "  count(*) FILTER (WHERE state = 1) AS dead FROM @letter WHERE model = $3::bytea"
    "  AND (SELECT pending > 0 OR dead > 0 FROM other)),"
    " to_ledger AS (INSERT INTO @ledger (member, cycle, model, pending, dead)"
    "  SELECT $1::int8, $2::int8, n.model, p.n + o.offers, o.dead FROM n, p, o"
    "  UNION ALL SELECT $1::int8, $2::int8, 0, -p.n - o.offers, -o.dead FROM n, p, o" TELL;

/* ---- Pages: $1 after, $2 upto, $3 model or NULL, $4 rows, $5 bytes, $6 and $7 letters' states */

#define PENDING_ROWS                                                                               \
    "SELECT e.id, 0::int8 AS state, false AS stale, coalesce(t.attempts, 0)::int8 AS attempts,"    \
    " e.arrived_ms, e.since_ms, coalesce(t.tried_ms, 0)::int8 AS tried_ms, e.died_ms, e.was,"      \
    " e.sequence, e.model, e.record, t.reason, e.request, e.import, e.body"                        \
    " FROM (SELECT e.* FROM @member m CROSS JOIN LATERAL"                                          \
    "  (SELECT e.* FROM @event e WHERE e.member = m.member AND e.id > $1::int8"                    \
    "   AND e.id <= $2::int8 AND ($3::bytea IS NULL OR e.model = $3::bytea)"                       \
    "   ORDER BY e.id LIMIT $4::int8) e ORDER BY e.id LIMIT $4::int8) e"                           \
    " LEFT JOIN LATERAL (SELECT t.* FROM @trouble t WHERE t.member = e.member AND t.id = e.id"     \
    "  OFFSET 0) t ON true"

#define LETTER_ROWS_FROM                                                                           \
    "SELECT l.id, l.state::int8 AS state, l.stale, l.attempts::int8 AS attempts, l.arrived_ms,"    \
    " l.since_ms, l.tried_ms, l.died_ms, l.was, l.sequence, l.model, l.record, l.reason,"          \
    " l.request, l.import, l.body FROM (SELECT l.* FROM @letter l WHERE"
#define LETTER_ROWS_END                                                                            \
    " l.id > $1::int8 AND l.id <= $2::int8 AND l.state BETWEEN $6::int8 AND $7::int8"              \
    " AND ($3::bytea IS NULL OR l.model = $3::bytea) ORDER BY l.id LIMIT $4::int8) l"

/* What a row brings, whose parts may each be as long as a body. */
#define PAGE_BYTES                                                                                 \
    "(CASE WHEN $5::int8 > 0 THEN octet_length(r.body) ELSE 0 END"                                 \
    " + coalesce(octet_length(r.model), 0) + coalesce(octet_length(r.record), 0)"                  \
    " + coalesce(octet_length(r.reason), 0))"

/* Of the rows as many as have so many bytes together, and one at least; $5 below 0: without bodies.
 */
#define PAGE_OF                                                                                    \
    "SELECT p.id, p.state, p.stale::int4, p.attempts, p.arrived_ms, p.since_ms, p.tried_ms,"       \
    " coalesce(p.died_ms, 0)::int8, coalesce(p.was, 0)::int8, coalesce(p.sequence, 0)::int8,"      \
    " p.model, p.record, p.reason, p.request, p.import,"                                           \
    " CASE WHEN $5::int8 > 0 THEN p.body END"                                                      \
    " FROM (SELECT r.*, sum(" PAGE_BYTES ") OVER (ORDER BY r.id ROWS UNBOUNDED PRECEDING)"         \
    " - " PAGE_BYTES " AS before FROM ("
#define PAGE_END ") r) p WHERE p.before < abs($5::int8) ORDER BY p.id LIMIT $4::int8"

static const char read_pending[] = PAGE_OF PENDING_ROWS PAGE_END;
static const char read_letters[] = PAGE_OF LETTER_ROWS_FROM LETTER_ROWS_END PAGE_END;
static const char read_offers[] =
    PAGE_OF LETTER_ROWS_FROM " l.state > 1 AND" LETTER_ROWS_END PAGE_END;
static const char read_all[] =
    PAGE_OF "(" PENDING_ROWS ") UNION ALL (" LETTER_ROWS_FROM LETTER_ROWS_END ")"
            " ORDER BY id LIMIT $4::int8" PAGE_END;

/* ---- Other readings ---- */

static const char next_offered[] = "SELECT model FROM @letter WHERE state > 1 AND model IS NOT NULL"
                                   " AND ($1::bytea IS NULL OR model > $1::bytea)"
                                   " ORDER BY model LIMIT 1";

#define LEDGER_SUMS                                                                                \
    "sum(delivered) AS delivered, sum(discarded) AS discarded, sum(pending) AS pending,"           \
    " sum(dead) AS dead, sum(buried) AS buried, sum(bytes) AS bytes"

/* What is not folded: of this member from the cycle $2 on, below which all rows are deleted ones;
 * of others everything. */
#define LEDGER_ROWS                                                                                \
    "(SELECT * FROM @ledger WHERE member = $1::int8 AND cycle > $2::int8"                          \
    " UNION ALL SELECT * FROM @ledger WHERE member < $1::int8"                                     \
    " UNION ALL SELECT * FROM @ledger WHERE member > $1::int8) r"

static const char totals[] =
    "WITH l AS MATERIALIZED (SELECT model, " LEDGER_SUMS
    ", count(*) FILTER (WHERE member <> $1::int8)"
    "  AS others FROM " LEDGER_ROWS " GROUP BY model)"
    " SELECT t.model::int8, t.name, (t.delivered + coalesce(l.delivered, 0))::int8,"
    " (t.discarded + coalesce(l.discarded, 0))::int8, (t.pending + coalesce(l.pending, 0))::int8,"
    " (t.dead + coalesce(l.dead, 0))::int8, (t.buried + coalesce(l.buried, 0))::int8,"
    " (t.bytes + coalesce(l.bytes, 0))::int8,"
    " (SELECT coalesce(sum(others), 0) FROM l)::int8,"
    " EXISTS (SELECT 1 FROM @letter)::int4, EXISTS (SELECT 1 FROM @trouble)::int4"
    " FROM @total t LEFT JOIN l ON l.model = t.model ORDER BY t.model";

/*
 * Of each stream ($1), from the lowest id that may be there ($2) on: its lowest since_ms and id. An
 * event that was never a letter stands in line by its since_ms: so the oldest one is the first of
 * these, or stands in front of it, where letters are that were replayed. More than so many of them
 * are not looked at.
 */
static const char oldest[] =
    "SELECT coalesce(o.since_ms, 0)::int8, coalesce(o.id, 0)::int8, m.member"
    " FROM unnest($1::int8[], $2::int8[]) m(member, low) CROSS JOIN LATERAL"
    " (SELECT min(i.since_ms) AS since_ms, min(i.id) AS id FROM (SELECT e.since_ms, e.id"
    "  FROM @event e WHERE e.member = m.member AND e.id >= m.low AND e.id <= coalesce("
    "  (SELECT f.id FROM @event f WHERE f.member = m.member AND f.id >= m.low"
    "   AND f.since_ms = f.arrived_ms ORDER BY f.id LIMIT 1), 9223372036854775807)"
    "  ORDER BY e.id LIMIT 100) i) o";

static const char id_mark[] = "SELECT ((last_value + 1) * 1024 - 1)::int8 FROM @batch";

static const char streams[] =
    "SELECT m.member, coalesce((SELECT e.id FROM @event e WHERE e.member = m.member"
    " ORDER BY e.id LIMIT 1), 0), coalesce((SELECT e.id FROM @event e WHERE e.member = m.member"
    " ORDER BY e.id DESC LIMIT 1), 0) FROM @member m";

/* ---- Once a second ---- */

/* Of this member the cycles above $3, up to $2. The latest row of another member stays as long as
 * the member does: a transaction whose outcome is unknown is looked up there. */
#define FOLDS_OF_ANOTHER                                                                           \
    "(l.cycle < (SELECT max(x.cycle) FROM @ledger x WHERE x.member = l.member)"                    \
    " OR NOT EXISTS (SELECT 1 FROM @member m WHERE m.member = l.member))"

static const char fold[] =
    "WITH gone AS (DELETE FROM @ledger l WHERE"
    "  (l.member = $1::int8 AND l.cycle > $3::int8 AND l.cycle <= $2::int8)"
    "  OR (l.member < $1::int8 AND " FOLDS_OF_ANOTHER ")"
    "  OR (l.member > $1::int8 AND " FOLDS_OF_ANOTHER ") RETURNING *),"
    " s AS (SELECT model, " LEDGER_SUMS " FROM gone GROUP BY model),"
    " u AS (UPDATE @total t SET delivered = t.delivered + s.delivered,"
    "  discarded = t.discarded + s.discarded, pending = t.pending + s.pending,"
    "  dead = t.dead + s.dead, buried = t.buried + s.buried, bytes = t.bytes + s.bytes"
    "  FROM s WHERE t.model = s.model)"
    " SELECT count(*) FILTER (WHERE member <> $1::int8)::int8 FROM gone";

/* $1: only where the sequence lags by more than that; $2: the lowest number that will do. */
static const char raise[] =
    "SELECT setval('@batch', greatest(n, $2::int8)) FROM (SELECT floor(extract(epoch FROM"
    " clock_timestamp()) * 1000000 / 1024)::int8 AS n, (SELECT last_value FROM @batch) AS last) c"
    " WHERE greatest(n, $2::int8) - last > $1::int8";

static const char beat[] = "UPDATE @beat SET beat = beat + 1 WHERE member = $1::int8";

/* ---- All ---- */

static const char *const statement_texts[PG_STATEMENTS] = {
    [PG_BEGIN] = "BEGIN ISOLATION LEVEL READ COMMITTED",
    [PG_COMMIT] = "COMMIT",
    [PG_ROLLBACK] = "ROLLBACK",
    [PG_FENCE_SENDER] = fence_sender,
    [PG_FENCE_MEMBER] = fence_member,
    [PG_APPEND] = append,
    [PG_NOTE] = note,
    [PG_LOCK_LETTERS] = lock_letters,
    [PG_BURY] = bury,
    [PG_SETTLE] = settle,
    [PG_SETTLE_ALONE] = settle_alone,
    [PG_SPOIL] = spoil,
    [PG_STALE] = stale,
    [PG_COUNT] = count,
    [PG_LOCK_LETTER] = lock_letter,
    [PG_OFFER] = offer,
    [PG_TAKE] = take,
    [PG_REFUSE] = refuse,
    [PG_REFUSE_MODEL] = refuse_model,
    [PG_DISCARD] = discard,
    [PG_LOCK_META] = "SELECT 1 FROM @meta FOR UPDATE",
    [PG_LOCK_MEMBERS] = lock_members,
    [PG_UNHURRIED] = "SELECT set_config('statement_timeout', '0', true)",
    [PG_NAME] = name,
    [PG_READ_PENDING] = read_pending,
    [PG_READ_LETTERS] = read_letters,
    [PG_READ_OFFERS] = read_offers,
    [PG_READ_ALL] = read_all,
    [PG_NEXT_OFFERED] = next_offered,
    [PG_TOTALS] = totals,
    [PG_OLDEST] = oldest,
    [PG_ID_MARK] = id_mark,
    [PG_STREAMS] = streams,
    [PG_STREAMS_ANY] = "SELECT member, 1::int8, (1::int8 << 62) FROM @member",
    [PG_FOLD] = fold,
    [PG_BEAT] = beat,
    [PG_RAISE] = raise,
};

const char *pg_statement_text(enum pg_statement which)
{
    return statement_texts[which];
}
