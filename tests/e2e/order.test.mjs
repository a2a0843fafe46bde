// SPDX-License-Identifier: MIT
// Order and concurrency: one record's events go one at a time and in their order, records go side
// by side as far as the limits allow, and who came first goes first.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openConnection } from '../lib/connection.mjs';
import { callOf, syncRequest, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { hold } from '../lib/hold.mjs';
import { startRelay } from '../lib/relay.mjs';
import { startRouter } from '../lib/router.mjs';
import { SUCCESS, startUpstream } from '../lib/upstream.mjs';
import { PATIENCE_MS, waitFor } from '../lib/wait.mjs';

async function start(t, { routes, env = {} } = {}) {
  const upstream = await startUpstream(t);
  const ROUTES = routes && makeFolder(t, { 'routes.json': routes }).path('routes.json');
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url, ROUTES, ...env } });
  return { upstream, relay };
}

const OVERLAP_MS = PATIENCE_MS / 2; // less than clients wait for an answer

// An upstream's answer that takes its time, and what ran at once meanwhile. The first calls wait
// until isEnough(seen), so that what must overlap does, however slow the relay is; where calls wait
// in vain, the test's assertions fail.
function watchOverlap(latencyMs, isEnough) {
  const now = new Map();
  const seen = { most: 0, perRecord: 0, perPath: {} };
  let total = 0;
  let overlap = null;
  const answer = async (request) => {
    const { id, path } = callOf(request);
    const count = (key, by) => now.set(key, (now.get(key) ?? 0) + by).get(key);
    seen.most = Math.max(seen.most, (total += 1));
    seen.perRecord = Math.max(seen.perRecord, count(`record ${path} ${id}`, 1));
    seen.perPath[path] = Math.max(seen.perPath[path] ?? 0, count(`path ${path}`, 1));
    overlap ??= waitFor('enough at once', () => isEnough(seen), OVERLAP_MS).catch(() => {});
    await overlap;
    await sleep(latencyMs());
    total -= 1;
    count(`record ${path} ${id}`, -1);
    count(`path ${path}`, -1);
    return SUCCESS;
  };
  return { answer, seen };
}

// Sends events in this very order, each on a new connection; the answers' statuses. A connection is
// there before the first event leaves, so that only the order of writing counts.
async function sendInOrder(t, relay, events) {
  const clients = await Promise.all(events.map(() => openConnection(t, relay.port)));
  for (const [i, event] of events.entries()) {
    await new Promise((resolve) => clients[i].socket.write(syncRequest(event), resolve));
  }
  return clients;
}

// What a client writes, libmicrohttpd may read together with what others have written: asking for
// an answer in between puts an order into it.
async function sendOneByOne(t, relay, events) {
  const asker = await openConnection(t, relay.port);
  const clients = await Promise.all(events.map(() => openConnection(t, relay.port)));
  for (const [i, event] of events.entries()) {
    clients[i].write(syncRequest(event));
    asker.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal((await asker.answer()).status, 200);
  }
  return clients;
}

const assertAll200 = async (clients) => {
  for (const client of clients) assert.equal((await client.answer()).status, 200);
};

const byRecord = (upstream) => {
  const orders = {};
  for (const request of upstream.requests) {
    const { id, n } = callOf(request);
    (orders[id] ??= []).push(n);
  }
  return orders;
};

test('20 records, 10 events each, on one connection per record: in order, never two at once', async (t) => {
  const { upstream, relay } = await start(t);
  const { answer, seen } = watchOverlap(
    () => Math.random() * 12,
    ({ most }) => most > 4,
  );
  upstream.answer = answer;
  const numbers = Array.from({ length: 10 }, (_, n) => n);
  const clients = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const client = await openConnection(t, relay.port);
      for (const n of numbers) client.write(syncRequest(userEvent(`acc_${i}`, n))); // pipelined
      return client;
    }),
  );
  for (const client of clients) await assertAll200(numbers.map(() => client));
  for (const order of Object.values(byRecord(upstream))) assert.deepEqual(order, numbers);
  assert.equal(seen.perRecord, 1);
  assert.ok(seen.most > 4, `only ${seen.most} at once`);
  assert.ok(seen.most <= 16, `${seen.most} at once`);
});

test('events of a record from different connections keep the order of arrival', async (t) => {
  const { upstream, relay } = await start(t);
  const { answer, seen } = watchOverlap(
    () => 5 + Math.random() * 15,
    ({ most }) => most > 1,
  );
  upstream.answer = answer;
  const events = Array.from({ length: 60 }, (_, n) => userEvent(`acc_${n % 6}`, n));
  await assertAll200(await sendOneByOne(t, relay, events));
  for (const order of Object.values(byRecord(upstream))) {
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
    );
  }
  assert.equal(seen.perRecord, 1);
  assert.ok(seen.most > 1);
});

test('all at once, hundreds: every event once, a record never twice at a time', async (t) => {
  const { upstream, relay } = await start(t, { env: { CONVEX_CONCURRENCY: '32' } });
  const { answer, seen } = watchOverlap(
    () => Math.random() * 4,
    ({ most }) => most > 8,
  );
  upstream.answer = answer;
  const events = Array.from({ length: 400 }, (_, n) => userEvent(`acc_${n % 50}`, n));
  await assertAll200(await sendInOrder(t, relay, events));
  const arrived = upstream.requests.map((request) => callOf(request).n).sort((a, b) => a - b);
  assert.deepEqual(
    arrived,
    events.map((_, n) => n),
  );
  assert.equal(seen.perRecord, 1);
  assert.ok(seen.most > 8 && seen.most <= 32, `${seen.most} at once`);
});

test('a record that waits does not hold up others', async (t) => {
  const { upstream, relay } = await start(t);
  const held = hold();
  upstream.answer = (request) => (callOf(request).id === 'stuck' ? held.answer() : SUCCESS);
  const stuck = await sendOneByOne(
    t,
    relay,
    [1, 2, 3].map((n) => userEvent('stuck', n)),
  );
  await assertAll200(
    await sendOneByOne(
      t,
      relay,
      Array.from({ length: 20 }, (_, i) => userEvent(`acc_${i}`)),
    ),
  );
  assert.deepEqual(byRecord(upstream).stuck, [1]);
  held.open();
  await assertAll200(stuck);
  assert.deepEqual(byRecord(upstream).stuck, [1, 2, 3]);
});

test('an event that fails lets the next one of its record go', async (t) => {
  const { upstream, relay } = await start(t);
  upstream.answer = [{ json: { status: 'error', errorMessage: 'no' } }, { then: 'reset' }, SUCCESS];
  const clients = await sendOneByOne(
    t,
    relay,
    [1, 2, 3].map((n) => userEvent('acc_1', n)),
  );
  const statuses = [];
  for (const client of clients) statuses.push((await client.answer()).status);
  assert.deepEqual(statuses, [500, 500, 200]);
  assert.deepEqual(byRecord(upstream).acc_1, [1, 2, 3]);
});

test('what makes a record: the model and hiveId, or data.bladeId in its place', async (t) => {
  const users = { mutation: 'users:sync' };
  const { upstream, relay } = await start(t, {
    routes: { users, posts: { mutation: 'posts:sync' } },
  });
  const held = hold();
  upstream.answer = held.answer;
  const data = { bladeId: 'other', name: '0' };
  const clients = await sendOneByOne(t, relay, [
    { model: 'users', hiveId: 'a', data },
    { model: 'users', hiveId: 'a', data }, //            waits for the first
    { model: 'posts', hiveId: 'a', data }, //            another model
    { model: 'users', data: { bladeId: 'a' } }, //       waits for the first
    { model: 'users', hiveId: 'b', data }, //            another record
    { model: 'users', data: { name: '0' } }, //          no order
    { model: 'users', data: { name: '0' } }, //          no order
    { model: 'users', hiveId: '', data: { name: '0' } }, // no order
    { model: 'users', hiveId: '', data: { name: '0' } }, // no order
    { model: 'users', hiveId: '', data: { bladeId: 'a' } }, // waits for the first
    { model: 'users', hiveId: '', data: { bladeId: '' } }, // no order
    { model: 'users', data: { bladeId: '' } }, //        no order
  ]);
  await upstream.arrived(9);
  assert.equal((await fetch(`${relay.url}/healthz`)).status, 200);
  assert.equal(held.waiting(), 9);
  held.open();
  await assertAll200(clients);
});

test('at most CONVEX_CONCURRENCY, and who came first goes first', async (t) => {
  const { upstream, relay } = await start(t, { env: { CONVEX_CONCURRENCY: '3' } });
  const held = hold();
  upstream.answer = held.answer;
  const clients = await sendOneByOne(
    t,
    relay,
    Array.from({ length: 30 }, (_, n) => userEvent(`acc_${n}`, n)),
  );
  for (let arrived = 3; arrived <= 30; arrived++) {
    await upstream.arrived(arrived);
    assert.equal(upstream.requests.length, arrived);
    assert.ok(held.waiting() <= 3);
    held.release(1);
  }
  held.open();
  await assertAll200(clients);
  const order = upstream.requests.map((request) => callOf(request).n);
  order.splice(0, 3, ...order.slice(0, 3).sort()); // they travelled side by side
  assert.deepEqual(
    order,
    Array.from({ length: 30 }, (_, n) => n),
  );
});

test("a route's concurrency bounds that route alone", async (t) => {
  const { upstream, relay } = await start(t, {
    routes: {
      users: { mutation: 'users:sync' },
      posts: { mutation: 'posts:sync', concurrency: 2 },
    },
    env: { CONVEX_CONCURRENCY: '10' },
  });
  const { answer, seen } = watchOverlap(
    () => 5,
    ({ perPath }) => perPath['posts:sync'] >= 2 && perPath['users:sync'] > 2,
  );
  upstream.answer = answer;
  const events = Array.from({ length: 80 }, (_, n) => ({
    ...userEvent(`id_${n}`, n),
    model: n % 2 ? 'posts' : 'users',
  }));
  await assertAll200(await sendInOrder(t, relay, events));
  assert.equal(seen.perPath['posts:sync'], 2);
  assert.ok(seen.perPath['users:sync'] > 2);
  assert.ok(seen.most <= 10);
});

// ---- throughput, told and not judged: a busy machine says nothing about the code ----

const CLIENTS = 64;
const LATENCY_MS = 20;

async function requestsPerSecond(t, server, forMs) {
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () => openConnection(t, server.port)),
  );
  const startMs = performance.now();
  let answered = 0;
  await Promise.all(
    clients.map(async (client, i) => {
      const request = syncRequest(userEvent(`acc_${i}`));
      while (performance.now() < startMs + forMs) {
        client.write(request);
        assert.equal((await client.answer()).status, 200);
        answered += 1;
      }
    }),
  );
  return (answered * 1000) / (performance.now() - startMs); // the last answers come later
}

test(`throughput with Convex at ${LATENCY_MS} ms and ${CLIENTS} clients`, async (t) => {
  const slow = async () => {
    await sleep(LATENCY_MS);
    return SUCCESS;
  };
  const upstream = await startUpstream(t, slow);
  const router = await startRouter(t, { convexUrl: upstream.url });
  const theirs = await requestsPerSecond(t, router, 1500);
  for (const concurrency of [16, 64]) {
    const env = {
      CONVEX_URL: upstream.url,
      CONVEX_CONCURRENCY: String(concurrency),
      LOG_LEVEL: 'info',
    };
    const ours = await requestsPerSecond(t, await startRelay(t, { env }), 1500);
    t.diagnostic(
      `CONVEX_CONCURRENCY=${concurrency}: relay ${ours.toFixed(0)}/s, router ${theirs.toFixed(0)}/s, ratio ${(ours / theirs).toFixed(1)}`,
    );
  }
});
