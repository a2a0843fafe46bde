// SPDX-License-Identifier: MIT
// Copies of the outbox's database: one that pg_restore made, one of the database's files, and one
// that a relay with another CONVEX_URL finds.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { callOf, userEvent } from '../lib/events.mjs';
import { outbox, outboxRows, outboxStats } from '../lib/outbox.mjs';
import { program, runUnder } from '../lib/postgres-home.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { runRelay, startRelay, sync } from '../lib/relay.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const HANG = { hang: true };
const REJECTED = { json: { status: 'error', errorMessage: 'Uncaught Error: no' } };

// A relay with a letter and two pending events, of which it has sent the first in vain.
async function startWorld(t) {
  const postgres = await startPostgres(t);
  const upstream = await startUpstream(t, REJECTED);
  const env = { CONVEX_URL: upstream.url, OUTBOX: postgres.uri(), SYNC_WAIT_MS: '0' };
  // It must not try again beside a relay on the copy, however long that takes.
  const still = { DRAIN_MS: '0', CONVEX_TIMEOUT_MS: '3600000' };
  const relay = await startRelay(t, { env: { ...env, ...still } });
  await sync(relay, userEvent('acc_0'));
  await waitFor('a letter', async () => (await outboxStats(env)).dead === 1);
  upstream.answer = HANG;
  for (const n of [1, 2]) assert.equal((await sync(relay, userEvent('acc_1', n))).status, 202);
  await upstream.arrived(2);
  return { postgres, upstream, env, relay };
}

const sentSince = (upstream, at) => upstream.requests.slice(at).map(callOf);

// A relay on the copy sends nothing by itself; what was pending are letters, which can be replayed.
async function assertNothingSent(t, { upstream, env, before }) {
  const rows = await outboxRows(env, '--state', 'dead');
  assert.deepEqual(
    rows.map(({ record }) => record),
    ['acc_0', 'acc_1', 'acc_1'],
  );
  assert.equal((await outboxStats(env)).pending, 0);
  assert.deepEqual(sentSince(upstream, before), []);
  await outbox(env, 'replay', '--force', String(rows[2].id));
  await waitFor('the replay', () => sentSince(upstream, before).length === 1);
  assert.equal(sentSince(upstream, before)[0].n, 2);
  const { accepted, delivered, dead } = await waitFor('its end', async () => {
    const stats = await outboxStats(env);
    return stats.pending === 0 && stats;
  });
  assert.deepEqual([accepted, delivered, dead], [3, 1, 2]);
}

test('a copy by pg_dump and pg_restore: what was pending becomes letters', async (t) => {
  const { postgres, upstream, env, relay } = await startWorld(t);
  const dump = path.join(postgres.home, 'outbox.dump');
  const uri = postgres.uri({ socket: true });
  runUnder(program('pg_dump'), ['-Fc', '-n', 'convex_relay', '-f', dump, uri]);
  await relay.stop();
  await postgres.sql('DROP SCHEMA convex_relay CASCADE');
  runUnder(program('pg_restore'), ['-d', uri, '--no-owner', dump]);
  upstream.answer = SUCCESS;
  const before = upstream.requests.length;
  const again = await startRelay(t, { env });
  assert.match(again.stderr(), / warn the outbox was restored from a backup: .* events=2/);
  await assertNothingSent(t, { upstream, env, before });
  await again.stop();
  const third = await startRelay(t, { env });
  assert.doesNotMatch(third.stderr(), /was restored/);
});

test("a copy of the database's files: adopt makes letters of what was pending", async (t) => {
  const { postgres, upstream, env, relay } = await startWorld(t);
  const standby = await postgres.standby();
  const [position] = (await postgres.sql('SELECT pg_current_wal_lsn()')).split('\n');
  await waitFor(
    'the copy to be whole',
    async () => (await standby.sql(`SELECT pg_last_wal_replay_lsn() >= '${position}'`)) === 't',
  );
  await standby.promote();
  const copy = { ...env, OUTBOX: standby.uri() };
  assert.match(await outbox(copy, 'adopt'), /2/);
  upstream.answer = SUCCESS;
  const before = upstream.requests.length;
  await startRelay(t, { env: copy });
  await assertNothingSent(t, { upstream, env: copy, before });
  assert.ok(relay.isRunning());
  assert.equal((await outboxStats(env)).pending, 2, 'the original is as it was');
});

test('a copy is refused to another CONVEX_URL, and stays as it was', async (t) => {
  const { env, relay } = await startWorld(t);
  await relay.stop();
  const before = await outboxStats(env);
  const other = await startUpstream(t);
  const { code, err } = await runRelay(t, { env: { ...env, CONVEX_URL: other.url } });
  assert.equal(code, 2);
  assert.match(err, /^convex-relay: OUTBOX: [^\n]*belongs to another CONVEX_URL[^\n]*\n$/);
  assert.deepEqual(await outboxStats(env), before);
  assert.equal(other.requests.length, 0);
});
