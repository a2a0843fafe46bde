// SPDX-License-Identifier: MIT
// The outbox's database goes away and comes back, under load, in every way that it can: the relay
// is never restarted; nothing is lost, sent twice or out of order, and all is counted.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { callOf, userEvent } from '../lib/events.mjs';
import { assertUnavailable } from '../lib/outbox-world.mjs';
import { freePorts } from '../lib/ports.mjs';
import { startLoad, stateOf } from '../lib/postgres-load.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { assertEnded, startRelay, sync } from '../lib/relay.mjs';
import { startTcpProxy } from '../lib/tcp-proxy.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const SESSIONS = "FROM pg_stat_activity WHERE usename = 'relay'";

// A database, a proxy in front of it, and a relay under load.
async function startWorld(t, { env = {}, settings = {} } = {}) {
  const postgres = await startPostgres(t, { settings });
  const proxy = await startTcpProxy(t, postgres.port);
  const OUTBOX = postgres.uri().replace(`:${postgres.port}/`, `:${proxy.port}/`);
  const load = await startLoad(t, { env: { OUTBOX, ...env } });
  await load.progress();
  return { postgres, proxy, load, relay: load.relay };
}

// Waits until the relay has tried in vain to connect, a few times.
async function triesInVain({ proxy, load }) {
  await load.isAway();
  const before = proxy.connections;
  await waitFor('it to try again', () => proxy.connections >= before + 3);
}

// The processes that serve the relay.
async function sessionsOf(postgres) {
  const pids = (await postgres.sql(`SELECT pid ${SESSIONS}`)).split('\n').map(Number);
  assert.ok(pids[0] > 0, 'it has a session');
  return pids;
}

const readiness = async ({ url }) => {
  const response = await fetch(`${url}/readyz`);
  return `${response.status} ${await response.text()}`;
};

// What goes wrong, up to the moment at which the database would be there again.
const OUTAGES = {
  'is restarted': ({ postgres }) => postgres.restart('fast'),
  crashes: ({ postgres }) => postgres.restart('immediate'),
  'has its first process killed': async ({ postgres }) => {
    await postgres.kill();
    await postgres.start();
  },
  'has the session killed': async ({ postgres }) => {
    process.kill((await sessionsOf(postgres))[0], 'SIGKILL');
  },
  'ends the session': ({ postgres }) =>
    postgres.sql(`SELECT pg_terminate_backend(pid) ${SESSIONS}`),
  // Nobody else sends, so the relay goes on as another member, with what it has in memory.
  'has the relay declared dead': ({ postgres }) =>
    postgres.sql('UPDATE convex_relay.member SET state = 2, closed = now()'),
  'resets the connection': ({ proxy }) => proxy.cut(),
  'refuses connections for a while': async (world) => {
    world.proxy.refuse();
    await triesInVain(world);
    world.proxy.heal();
  },
  'can be written no more for a while': async (world) => {
    const { postgres } = world;
    await postgres.reload({ default_transaction_read_only: 'on' });
    await triesInVain(world);
    await postgres.reload({ default_transaction_read_only: 'off' });
  },
  'has no connection left for a while': async (world) => {
    const { postgres } = world;
    await postgres.sql('ALTER ROLE relay CONNECTION LIMIT 0');
    await postgres.sql(`SELECT pg_terminate_backend(pid) ${SESSIONS}`);
    await triesInVain(world);
    await postgres.sql('ALTER ROLE relay CONNECTION LIMIT -1');
  },
  'gets nothing through any more': async ({ proxy, load }) => {
    proxy.hang();
    await load.isAway();
    proxy.heal();
  },
  'hears, and is not heard': async ({ proxy, load }) => {
    proxy.eat();
    await load.isAway();
    proxy.heal();
  },
  freezes: async ({ postgres, load }) => {
    const pids = await sessionsOf(postgres);
    pids.forEach((pid) => process.kill(pid, 'SIGSTOP'));
    await load.isAway();
    pids.forEach((pid) => process.kill(pid, 'SIGCONT'));
  },
};

describe('under load', { concurrency: 2 }, () => {
  for (const [what, befall] of Object.entries(OUTAGES)) {
    test(`the database ${what}`, async (t) => {
      const world = await startWorld(t);
      const { load } = world;
      await befall(world);
      await load.isAway();
      await load.isBack();
      await load.progress();
      await load.judge();
      await load.isBackEachTime();
    });
  }

  test('the database is slow: nothing but time is lost', async (t) => {
    const { proxy, load } = await startWorld(t);
    proxy.delayMs = 200;
    await load.progress(4);
    proxy.heal();
    await load.judge();
    assert.deepEqual(load.awayLines(), []);
  });

  test('answers of commits are lost again and again: none is made twice, none is left out', async (t) => {
    const { proxy, load } = await startWorld(t);
    const TIMES = 15;
    let pieces = 0;
    let lost = 0;
    proxy.onRequest = (bytes, link) => {
      if (lost >= TIMES || link.eating || !bytes.length || ++pieces % 7 > 0) return;
      lost += 1;
      link.eat();
      setTimeout(link.cut, 20);
    };
    await waitFor('the losses', () => lost === TIMES);
    await load.progress();
    await load.judge();
    assert.ok(load.awayLines().length > 0);
    await load.isBackEachTime();
  });
});

test('away for seconds: it is said once, and /readyz, /status and 503 tell', async (t) => {
  const { proxy, load, relay } = await startWorld(t, { env: { SYNC_WAIT_MS: '0' } });
  assert.match(await readiness(relay), /^200 /);
  const before = load.accepted().length;
  proxy.refuse();
  await waitFor('/readyz to tell', async () => /^503 /.test(await readiness(relay)));
  assert.match(await readiness(relay), /^503 \{"error":"The outbox is away"\}$/);
  assert.equal(await stateOf(relay), 'away');
  await waitFor('503', () => load.refused().length >= 8);
  // The relay counts from the beginning of its turn, which may be a long one.
  const waited = load.refused().map(({ waitedMs }) => waitedMs);
  assert.ok(Math.min(...waited) >= 4000, `an event waits for 5 s, not ${Math.min(...waited)} ms`);
  assert.ok(load.refused().every(({ retryAfter }) => /^\d+$/.test(retryAfter)));
  assert.ok(load.accepted().length <= before + 8, 'nothing is accepted meanwhile');
  proxy.heal();
  await load.isBack();
  await waitFor('/readyz', async () => /^200 /.test(await readiness(relay)));
  await load.progress();
  await load.judge({ may503: true });
  assert.deepEqual([load.awayLines().length, load.backLines().length], [1, 1], relay.stderr());
});

test('memory is bounded while the database is away', async (t) => {
  const { proxy, load, relay } = await startWorld(t, { env: { SYNC_WAIT_MS: '600000' } });
  proxy.refuse();
  await load.isAway();
  const answers = []; // of ten large events, of which seven fit into 32 MiB
  const send = async (i) => {
    const answer = await sync(relay, userEvent(`big_${i}`, 'x'.repeat(4 << 20)));
    const { status, headers } = answer;
    answers.push({ status, headers, body: await answer.text() });
  };
  const all = Promise.all(Array.from({ length: 10 }, (_, i) => send(i)));
  await waitFor('503 for what is too much', () => answers.length === 3);
  answers.forEach(assertUnavailable);
  proxy.heal();
  await all;
  for (const { status } of answers.slice(3)) assert.ok(status === 200 || status === 202, status);
  await load.stop();
});

test('a stop while the database is away ends, and what was answered 202 is not lost', async (t) => {
  const held = { isHeld: true };
  const upstream = await startUpstream(t, () => (held.isHeld ? { hang: true } : SUCCESS));
  const postgres = await startPostgres(t);
  const proxy = await startTcpProxy(t, postgres.port);
  const env = {
    CONVEX_URL: upstream.url,
    OUTBOX: postgres.uri().replace(`:${postgres.port}/`, `:${proxy.port}/`),
    SYNC_WAIT_MS: '0',
    DRAIN_MS: '500',
  };
  const relay = await startRelay(t, { env });
  for (const n of [1, 2, 3]) assert.equal((await sync(relay, userEvent('acc_1', n))).status, 202);
  proxy.hang();
  const late = sync(relay, userEvent('acc_1', 4));
  await relay.find('stderr', /the outbox is away: events wait/);
  await relay.stop();
  assert.equal((await late).status, 503);
  proxy.heal();
  held.isHeld = false;
  await startRelay(t, { env });
  const done = () => upstream.requests.map(callOf).map(({ n }) => n);
  await waitFor('the events', () => done().includes(3));
  assert.deepEqual([...new Set(done())], [1, 2, 3]);
});

test('a relay that starts while the database is away serves, and comes by itself', async (t) => {
  const held = { isHeld: true };
  const upstream = await startUpstream(t, () => (held.isHeld ? { hang: true } : SUCCESS));
  const postgres = await startPostgres(t);
  const env = {
    CONVEX_URL: upstream.url,
    OUTBOX: postgres.uri({ password: 'PLANTED-x' }),
    SYNC_WAIT_MS: '0',
    DRAIN_MS: '100',
    ADMIN_PORT: '0',
  };
  const first = await startRelay(t, { env });
  assert.equal((await sync(first, userEvent('acc_1', 1))).status, 202);
  await first.stop();
  await postgres.stop();
  held.isHeld = false;
  upstream.requests.length = 0;

  const relay = await startRelay(t, { env });
  assert.match(await readiness(relay), /^503 \{"error":"The outbox is away"\}$/);
  assert.equal((await fetch(`${relay.url}/healthz`)).status, 200);
  assert.equal(await stateOf(relay), 'away');
  const answer = await sync(relay, userEvent('acc_1', 2));
  assertUnavailable({
    status: answer.status,
    body: await answer.text(),
    headers: answer.headers,
  });
  await postgres.start();
  await waitFor('/readyz', async () => /^200 /.test(await readiness(relay)));
  assert.equal((await sync(relay, userEvent('acc_1', 3))).status, 202);
  await waitFor('the events', () => upstream.requests.length >= 2);
  assert.equal((await sync(relay, userEvent('acc_1', 4))).status, 202);
  await waitFor('the last event', () => upstream.requests.length >= 3);
  assert.deepEqual(
    upstream.requests.map(callOf).map(({ n }) => n),
    [1, 3, 4],
  );
  const lines = relay.stderr().match(/ the outbox is [^\n]*/g);
  assert.equal(lines.length, 2, relay.stderr());
  assert.match(lines[0], /^ the outbox is away: events wait error=.*refused/);
  assert.match(lines[1], /^ the outbox is back: events are stored after_s=\d+$/);
  assert.ok(!relay.stderr().includes('PLANTED'));
});

test('a stop ends a relay whose database has never been there', async (t) => {
  const [port] = await freePorts(1);
  const OUTBOX = `postgresql://relay@127.0.0.1:${port}/relay`;
  const relay = await startRelay(t, { env: { CONVEX_URL: 'http://127.0.0.1:9', OUTBOX } });
  await relay.find('stderr', /the outbox is away: events wait/);
  await relay.stop();
});

// Cut off for longer than a relay that lives says nothing, while another relay is started. What the
// first one has in memory is the second one's.
test('a relay that another one has taken for dead ends, and sends nothing more', async (t) => {
  const convex = { answer: { status: 503 } };
  const upstream = await startUpstream(t, () => convex.answer);
  const postgres = await startPostgres(t);
  const proxy = await startTcpProxy(t, postgres.port);
  const env = { CONVEX_URL: upstream.url, SYNC_WAIT_MS: '0', LEASE_MS: '2000' };
  const first = await startRelay(t, {
    env: {
      ...env,
      OUTBOX: postgres.uri().replace(`:${postgres.port}/`, `:${proxy.port}/`),
      RELAY_NAME: 'first',
    },
  });
  for (const n of [1, 2]) assert.equal((await sync(first, userEvent('acc_1', n))).status, 202);
  proxy.hang();
  const OUTBOX = postgres.uri();
  const second = await startRelay(t, { env: { ...env, OUTBOX, RELAY_NAME: 'second' } });
  proxy.heal();
  await assertEnded(first, 1);
  assert.match(
    first.stderr(),
    / error another relay has taken over the outbox: this one ends, and sends nothing more$/m,
  );
  upstream.requests.length = 0;
  convex.answer = SUCCESS;
  assert.equal((await sync(second, userEvent('acc_1', 3))).status, 202);
  const ran = () => upstream.requests.map(callOf).map(({ n }) => n);
  await waitFor('the events', () => ran().includes(3));
  assert.deepEqual([...new Set(ran())], [1, 2, 3]);
});
