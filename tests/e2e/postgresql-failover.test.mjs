// SPDX-License-Identifier: MIT
// The outbox's database fails over to a standby, hangs on one, is full, or has pgbouncer in front.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { userEvent } from '../lib/events.mjs';
import { cannotMount } from '../lib/mounts.mjs';
import { outboxStats } from '../lib/outbox.mjs';
import { KEEPS_STATEMENTS, startPgbouncer } from '../lib/pgbouncer.mjs';
import { startLoad, stateOf } from '../lib/postgres-load.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

// A URI of both, of which the one is taken that can be written.
const uriOf = (primary, standby) =>
  primary
    .uri()
    .replace(`127.0.0.1:${primary.port}`, `127.0.0.1:${primary.port},127.0.0.1:${standby.port}`);

test('a failover to a synchronous standby loses nothing', async (t) => {
  const primary = await startPostgres(t);
  const standby = await primary.standby({ synchronous: true });
  const load = await startLoad(t, { env: { OUTBOX: uriOf(primary, standby) } });
  await load.progress();
  await primary.kill();
  await load.isAway();
  await standby.promote();
  await load.isBack();
  await load.progress();
  await load.judge();
  assert.doesNotMatch(load.relay.stderr(), /put back/);
});

test('a failover to an asynchronous standby that lacks the latest events is noticed and said', async (t) => {
  const primary = await startPostgres(t);
  const standby = await primary.standby();
  const upstream = await startUpstream(t, { hang: true });
  const relay = await startRelay(t, {
    env: {
      CONVEX_URL: upstream.url,
      OUTBOX: uriOf(primary, standby),
      ADMIN_PORT: '0',
      SYNC_WAIT_MS: '0',
    },
  });
  await sync(relay, userEvent('acc_1', 1));
  const [, position] = /(.*)/.exec(await primary.sql('SELECT pg_current_wal_lsn()'));
  await waitFor('the standby to have that', async () => {
    const sql = `SELECT pg_last_wal_replay_lsn() >= '${position}'`;
    return (await standby.sql(sql)) === 't';
  });
  await standby.stop('immediate');
  // As if many had come meanwhile, so many that ids run ahead of the clock.
  const numbers = 'convex_relay.batch';
  await primary.sql(`SELECT setval('${numbers}', last_value + 60000) FROM ${numbers}`);
  for (const n of [2, 3]) assert.equal((await sync(relay, userEvent('acc_1', n))).status, 202);
  const lastNumber = (cluster) => cluster.sql(`SELECT last_value FROM ${numbers}`).then(Number);
  const given = await lastNumber(primary);
  await primary.kill();
  await standby.start();
  await standby.promote();
  await relay.find('stderr', / info the outbox is back: /);
  const lines = relay.stderr().match(/ error the outbox's database was put back: .*/g) ?? [];
  assert.equal(lines.length, 1, relay.stderr());
  upstream.answer = SUCCESS;
  assert.equal((await sync(relay, userEvent('acc_2', 1))).status, 202);
  await waitFor('the new event', () => upstream.requests.some(({ text }) => /acc_2/.test(text)));
  assert.ok((await lastNumber(standby)) > given, 'no id is given twice');
});

test('a commit that hangs on its synchronous standby is not answered 202', async (t) => {
  const primary = await startPostgres(t);
  const standby = await primary.standby({ synchronous: true });
  const upstream = await startUpstream(t);
  const env = {
    CONVEX_URL: upstream.url,
    OUTBOX: primary.uri(),
    ADMIN_PORT: '0',
    SYNC_WAIT_MS: '0',
  };
  const relay = await startRelay(t, { env });
  assert.ok([200, 202].includes((await sync(relay, userEvent('acc_1', 1))).status));
  await standby.stop('immediate');
  const answers = [2, 3].map(async (n) => (await sync(relay, userEvent(`acc_${n}`, n))).status);
  assert.deepEqual(await Promise.all(answers), [503, 503]);
  await waitFor('the outbox to be away', async () => (await stateOf(relay)) === 'away');
  assert.equal(upstream.requests.length, 1, 'nothing is sent that is not committed');
  await standby.start();
  await relay.find('stderr', / info the outbox is back: /);
  assert.ok([200, 202].includes((await sync(relay, userEvent('acc_4', 1))).status));
  const settled = await waitFor('all to be settled', async () => {
    const stats = await outboxStats(env);
    return stats.pending === 0 && stats;
  });
  assert.equal(settled.delivered, upstream.requests.length);
  assert.equal(settled.accepted, settled.delivered);
});

test(
  'a disk that is full: 503 while it is, and all goes on once there is room',
  { skip: cannotMount() },
  async (t) => {
    const script =
      'cp -a "$0/base" "$0/base.disk" && mount -t tmpfs -o mode=0700,size=64m none "$0/base" &&' +
      ' chown --reference="$0" "$0/base" && cp -a "$0/base.disk/." "$0/base/" && exec "$@"';
    const postgres = await startPostgres(t, {
      settings: { autovacuum_naptime: '1s' },
      wrap: (data) => [
        ...['unshare', '--mount', '--propagation', 'private'],
        ...['sh', '-c', script, data],
      ],
    });
    const upstream = await startUpstream(t, { hang: true });
    const env = {
      CONVEX_URL: upstream.url,
      OUTBOX: postgres.uri(),
      ADMIN_PORT: '0',
      SYNC_WAIT_MS: '0',
    };
    const relay = await startRelay(t, { env });
    let accepted = 0;
    await waitFor('the disk to be full', async () => {
      const { status } = await sync(relay, userEvent(`acc_${accepted}`, 'x'.repeat(1 << 20)));
      if (status === 503) return true;
      assert.equal(status, 202);
      accepted += 1;
      return false;
    });
    assert.equal((await fetch(`${relay.url}/readyz`)).status, 503);
    assert.equal(await stateOf(relay), 'full');
    execFileSync('nsenter', [
      ...['-t', String(postgres.pid()), '-m', 'mount', '-o', 'remount,size=512m'],
      path.join(postgres.data, 'base'),
    ]);
    await waitFor('/readyz', async () => (await fetch(`${relay.url}/readyz`)).status === 200);
    assert.equal((await sync(relay, userEvent('acc_last'))).status, 202);
    upstream.answer = SUCCESS;
    upstream.closeConnections();
    const stats = await waitFor('all to be settled', async () => {
      const now = await outboxStats(env);
      return now.pending === 0 && now;
    });
    assert.deepEqual(
      [stats.accepted, stats.delivered, stats.dead],
      [accepted + 1, accepted + 1, 0],
    );
  },
);

for (const what of ['pgbouncer', 'PostgreSQL behind it'])
  test(`pgbouncer in transaction mode, and ${what} is restarted`, async (t) => {
    const postgres = await startPostgres(t);
    const settings = { server_login_retry: 1 };
    const pooler = await startPgbouncer(t, postgres, { settings });
    const load = await startLoad(t, { env: { OUTBOX: pooler.uri() } });
    await load.progress();
    if (what === 'pgbouncer') {
      await pooler.kill();
      await load.isAway();
      await startPgbouncer(t, postgres, { settings, port: pooler.port });
      await load.isBack();
    } else {
      await postgres.restart('fast'); // a pooler between two transactions hides that
    }
    await load.progress();
    await load.judge();
  });

// Two relays exchange sessions, and neither minds what it finds in them.
for (const keeps of KEEPS_STATEMENTS ? [true, false] : [false])
  test(`pgbouncer in transaction mode, which ${keeps ? 'keeps' : 'loses'} prepared statements`, async (t) => {
    const postgres = await startPostgres(t, { settings: { log_statement: 'all' } });
    const settings = KEEPS_STATEMENTS ? { max_prepared_statements: keeps ? 200 : 0 } : {};
    const pooler = await startPgbouncer(t, postgres, { settings });
    const OUTBOX = pooler.uri();
    const loads = [];
    for (const OUTBOX_SCHEMA of ['one', 'two'])
      loads.push(await startLoad(t, { env: { OUTBOX, OUTBOX_SCHEMA } }));
    for (const load of loads) await load.progress(30);
    const before = postgres.log().length;
    for (const load of loads) await load.progress();
    const log = postgres.log().slice(before);
    for (const load of loads) {
      await load.judge();
      assert.doesNotMatch(load.relay.stderr(), /the outbox is/);
    }
    const executed = new Set(log.match(/(?<=execute )\w+(?=_\w+: )|(?<=execute )<unnamed>/g));
    assert.deepEqual([...executed], [keeps ? 'PGBOUNCER' : '<unnamed>']);
  });
