-- SPDX-License-Identifier: MIT
-- Pending events in an outbox that the relay has made: as many as :events, of 50,000 records.
PRAGMA synchronous = OFF;
BEGIN;
CREATE TEMP TABLE number AS
WITH RECURSIVE each (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM each WHERE n < :events)
SELECT n, 'acc_' || (n % 50000) AS record FROM each;
INSERT INTO event (id, state, stale, attempts, arrived_ms, tried_ms, died_ms, model, record, reason)
SELECT n, 0, 0, 0, CAST(unixepoch() AS INTEGER) * 1000, 0, 0, CAST('users' AS BLOB), CAST(record AS BLOB), NULL
FROM number;
INSERT INTO body (id, bytes)
SELECT n, CAST(json_object('model', 'users', 'operation', 'set', 'data', json_object(
    'bladeId', record, 'email', record || '@example.com', 'name', printf('%0*d', 360, n)),
    'hiveId', record) AS BLOB)
FROM number;
UPDATE tally SET accepted = :events, pending = :events, last_id = :events;
COMMIT;
