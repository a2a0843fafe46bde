-- SPDX-License-Identifier: MIT
-- Pending events in an outbox that the relay has made: as many as :events, of 50,000 records.
PRAGMA synchronous = OFF;
BEGIN;
CREATE TEMP TABLE filled AS
WITH RECURSIVE each (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM each WHERE n < :events)
SELECT n, (1 << 50) + n AS id, CAST(unixepoch() AS INTEGER) * 1000 AS now_ms,
    'acc_' || (n % 50000) AS record
FROM each;
INSERT INTO event
    (id, state, stale, attempts, arrived_ms, since_ms, tried_ms, died_ms, model, record)
SELECT id, 0, 0, 0, now_ms, now_ms, 0, 0, CAST('users' AS BLOB), CAST(record AS BLOB)
FROM filled;
INSERT INTO body (id, bytes)
SELECT id, CAST(json_object('model', 'users', 'operation', 'set', 'data', json_object(
    'bladeId', record, 'email', record || '@example.com', 'name', printf('%0*d', 360, n)),
    'hiveId', record) AS BLOB)
FROM filled;
INSERT INTO tally (model, delivered, discarded, pending, dead, buried)
VALUES (CAST('users' AS BLOB), 0, 0, :events, 0, 0)
ON CONFLICT (model) DO UPDATE SET pending = pending + excluded.pending;
UPDATE mark SET last_id = max(last_id, (SELECT max(id) FROM event));
COMMIT;
