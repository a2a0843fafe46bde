-- SPDX-License-Identifier: MIT
-- So many pending events, each of another record, as a relay leaves them that has stopped. The
-- columns have to follow outbox/pg_schema.c.

INSERT INTO :"schema".member (member, name, program, lease_ms, timeout_ms, state, clean, closed)
  SELECT nextval(:'schema' || '.member_number'), 'bench', 1, 15000, 10000, 2, true, now();

INSERT INTO :"schema".event (member, id, arrived_ms, since_ms, model, record, body)
  SELECT m.member, (b.first + i / 1024) * 1024 + i % 1024, n.ms, n.ms, 'users', e.record,
    convert_to('{"model":"users","operation":"add","data":{"bladeId":"' || e.text || '","email":"'
      || e.text || '@example.com","name":"' || repeat('x', 380) || '"},"hiveId":"' || e.text
      || '"}', 'UTF8')
  FROM (SELECT max(member) AS member FROM :"schema".member) m,
    (SELECT nextval(:'schema' || '.batch') AS first) b,
    (SELECT floor(extract(epoch FROM now()) * 1000)::bigint AS ms) n,
    generate_series(0, :events - 1) i,
    LATERAL (SELECT 'acc_' || lpad(i::text, 8, '0') AS text,
      convert_to('acc_' || lpad(i::text, 8, '0'), 'UTF8') AS record) e;

SELECT setval(:'schema' || '.batch', nextval(:'schema' || '.batch') + :events / 1024 + 1);

UPDATE :"schema".total SET pending = s.n, bytes = s.bytes
  FROM (SELECT count(*) AS n, sum(octet_length(body) + octet_length(model) + octet_length(record))
    AS bytes FROM :"schema".event) s
  WHERE name = 'users';
