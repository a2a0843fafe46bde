// SPDX-License-Identifier: MIT
// Damage in the outbox's database: what cannot be read is left behind, and said; everything else is
// delivered.

import assert from 'node:assert/strict';
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { callOf, userEvent } from '../lib/events.mjs';
import { assertBalanced, scrape, statusOf, termsOf } from '../lib/metrics.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const PAGE_BYTES = 8192;

// A database with so many pending events, of a record each; damage(postgres) while no relay is
// there; and then a relay whose Convex is well: { relay, upstream }.
async function startDamaged(t, { events, bytes, damage }) {
  const postgres = await startPostgres(t);
  const upstream = await startUpstream(t, { status: 503 });
  const env = {
    CONVEX_URL: upstream.url,
    OUTBOX: postgres.uri(),
    SYNC_WAIT_MS: '0',
    ADMIN_PORT: '0',
  };
  const first = await startRelay(t, { env });
  for (let n = 1; n <= events; n++) {
    const event = userEvent(`acc_${n}`);
    event.data.name = 'x'.repeat(bytes);
    assert.equal((await sync(first, event)).status, 202);
  }
  await first.stop();
  await damage(postgres);
  upstream.requests.length = 0;
  upstream.answer = SUCCESS;
  return { relay: await startRelay(t, { env }), upstream };
}

const readiness = async ({ url }) => {
  const response = await fetch(`${url}/readyz`);
  return `${response.status} ${await response.text()}`;
};

const namesOf = ({ requests }) => requests.map((request) => callOf(request).id);
const linesOf = (relay) => relay.stderr().match(/.* error .*damaged.*/g) ?? [];

// PostgreSQL lets nobody change such a table, unless it looks like another; and reads there what is
// deleted, until VACUUM has been.
async function loseSecondBody(postgres) {
  const toast = await postgres.sql(
    "SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'convex_relay.event'::regclass",
  );
  const looksLike = (kind) =>
    postgres.sql(`UPDATE pg_class SET relkind = '${kind}' WHERE oid = '${toast}'::regclass`);
  await looksLike('r');
  await postgres.sql(
    `DELETE FROM ${toast} WHERE chunk_id = (SELECT DISTINCT chunk_id FROM ${toast}` +
      ' ORDER BY chunk_id OFFSET 1 LIMIT 1)',
  );
  await looksLike('t');
  await postgres.sql('VACUUM convex_relay.event');
}

test('an event without its body is discarded, and those behind it are delivered', async (t) => {
  const options = { events: 4, bytes: 5000, damage: loseSecondBody };
  const { relay, upstream } = await startDamaged(t, options);
  await waitFor('the counts', async () => termsOf(await scrape(relay)).discarded === 1);
  await waitFor('the others', async () => termsOf(await scrape(relay)).delivered === 3);
  assert.deepEqual(namesOf(upstream).sort(), ['acc_1', 'acc_3', 'acc_4']);
  const metrics = await scrape(relay);
  assertBalanced(metrics);
  assert.equal(metrics.value('outbox_spoilt_total'), 1);
  assert.equal((await statusOf(relay)).outbox.spoilt, 1);
  assert.deepEqual(termsOf(metrics), {
    accepted: 4,
    delivered: 3,
    discarded: 1,
    dead: 0,
    pending: 0,
  });
  assert.equal(linesOf(relay).length, 1, relay.stderr());
  assert.ok(!relay.stderr().includes('acc_2'));
  await waitFor('readiness', async () => (await fetch(`${relay.url}/readyz`)).ok);
});

// The first page of the table, with the oldest events: what asks for these must not fail, either.
async function spoilFirstPage(postgres) {
  const file = await postgres.sql(
    "SELECT pg_relation_filepath('convex_relay.event') FROM pg_stat_activity LIMIT 1",
  );
  await postgres.stop();
  const fd = openSync(path.join(postgres.data, file), 'r+');
  writeSync(fd, Buffer.alloc(PAGE_BYTES, 0xff), 0, PAGE_BYTES, 0);
  closeSync(fd);
  await postgres.start();
}

test('a page that cannot be read keeps the relay unready, and no other event back', async (t) => {
  const options = { events: 14, bytes: 1500, damage: spoilFirstPage };
  const { relay, upstream } = await startDamaged(t, options);
  await waitFor('the log line', () => linesOf(relay).length > 0);
  const lost = Number(/ events=(\d+)/.exec(linesOf(relay)[0])[1]);
  assert.ok(lost >= 3 && lost <= 6, linesOf(relay)[0]);
  await waitFor('the others', async () => termsOf(await scrape(relay)).pending === lost);
  assert.equal(new Set(namesOf(upstream)).size, 14 - lost);
  assertBalanced(await scrape(relay));
  assert.equal(await readiness(relay), '503 {"error":"The outbox cannot be read"}');
  assert.equal((await sync(relay, userEvent('acc_99'))).status, 202);
  await waitFor('the new one', () => namesOf(upstream).includes('acc_99'));
  assert.equal(linesOf(relay).length, 1, relay.stderr());
});
