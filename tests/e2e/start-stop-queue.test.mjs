// SPDX-License-Identifier: MIT
// A stop while requests are on their way: in the kernel's queue, in a socket's buffer, not whole
// yet. For the senders the requests are sent, and no sender tries again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConnection } from '../lib/connection.mjs';
import { DELIVERED, HEADERS, syncRequest, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { outboxStats } from '../lib/outbox.mjs';
import { assertEnded, beginStop, startRelay } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const QUEUED = 400; // libmicrohttpd 0.9.75 takes 11 in one run, and Linux keeps 4096 in a queue
const NEVER = '600000';

async function start(t, options = {}) {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, {
    ...options,
    env: { CONVEX_URL: upstream.url, ...options.env },
  });
  return { upstream, relay };
}

async function statusesOf(clients) {
  const counts = {};
  for (const client of clients) {
    const { status } = await client.answer();
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

// Of a relay that sees the signal first.
async function stopWithQueue(
  t,
  relay,
  send = (client, i) => client.write(syncRequest(userEvent(`acc_${i}`))),
) {
  relay.signal('SIGSTOP');
  const clients = await Promise.all(
    Array.from({ length: QUEUED }, () => openConnection(t, relay.port)),
  );
  clients.forEach(send);
  relay.signal('SIGTERM');
  relay.signal('SIGCONT');
  return clients;
}

const few = ['sh', '-c', 'ulimit -n 160; exec "$0"']; // descriptors: room for 48 connections
for (const [what, options] of [
  ['with all the time there is', { env: { DRAIN_MS: NEVER } }],
  ['with more clients than connections', { under: few, env: { DRAIN_MS: NEVER } }],
]) {
  test(`SIGTERM with ${QUEUED} whole requests in the kernel's queue, ${what}: each is answered`, async (t) => {
    const { relay, upstream } = await start(t, options);
    const clients = await stopWithQueue(t, relay);
    assert.deepEqual(await statusesOf(clients), { 200: QUEUED });
    await assertEnded(relay);
    assert.equal(upstream.requests.length, QUEUED);
  });
}

// No time to wait for Convex, and all of it to store what came.
test(`SIGTERM with ${QUEUED} whole requests in the kernel's queue and DRAIN_MS=0: each is kept`, async (t) => {
  const env = { OUTBOX: makeFolder(t).path('outbox.db'), DRAIN_MS: '0' };
  const { relay, upstream } = await start(t, { env });
  upstream.answer = { hang: true };
  const clients = await stopWithQueue(t, relay);
  assert.deepEqual(await statusesOf(clients), { 202: QUEUED });
  await assertEnded(relay);
  assert.equal((await outboxStats(env)).pending, QUEUED);
});

// What is sent before the signal, and what afterwards. "behind": on a connection whose request was
// answered.
const HEAD = syncRequest(userEvent('acc_1')).toString('latin1');
for (const [what, before, behind] of [
  ['in a first request line', HEAD.slice(0, 8)],
  ['in a first head', HEAD.slice(0, 50)],
  ['in a later head', HEAD.slice(0, 50), true],
]) {
  test(`SIGTERM in the middle of a request, ${what}: the rest may come`, async (t) => {
    const { relay } = await start(t, { env: { DRAIN_MS: NEVER } });
    const client = await openConnection(t, relay.port);
    if (behind) {
      client.write(HEAD);
      assert.equal((await client.answer()).status, 200);
    }
    client.write(before);
    await served(t, relay); // and so is what came before
    await beginStop(relay);
    // by now the queue is closed
    const late = await openConnection(t, relay.port).catch((error) => error);
    assert.equal(late.code, 'ECONNREFUSED');
    client.write(HEAD.slice(before.length));
    const { status, body, headers } = await client.answer();
    assert.deepEqual([status, body, headers.connection], [200, DELIVERED, 'close']);
    await assertEnded(relay);
  });
}

async function served(t, relay) {
  const client = await openConnection(t, relay.port);
  client.write(syncRequest(userEvent('acc_2'), { headers: [...HEADERS, ['Connection', 'close']] }));
  assert.equal((await client.answer()).status, 200);
}

test('SIGTERM in the middle of a head that never ends: cut off after DRAIN_MS', async (t) => {
  const { relay } = await start(t, { env: { DRAIN_MS: '50' } });
  const client = await openConnection(t, relay.port);
  client.write(HEAD.slice(0, 50));
  await served(t, relay);
  relay.signal('SIGTERM');
  await assertEnded(relay);
  assert.equal((await client.answer()).status, null);
});

// They may send something, or not for hours.
test(`SIGTERM with ${QUEUED} clients in the queue that say nothing: it ends at once`, async (t) => {
  const { relay } = await start(t, { env: { DRAIN_MS: NEVER } });
  const clients = await stopWithQueue(t, relay, () => {});
  await assertEnded(relay);
  assert.deepEqual(await statusesOf(clients), { null: QUEUED });
});

// A connection for each request, as from a proxy without keep-alive. The last one of each client
// comes when the door is closing, or closed.
test('whoever comes during a stop is served or refused, and nobody is let in to be cut off', async (t) => {
  for (let round = 0; round < 5; round++) {
    const { relay } = await start(t, { env: { DRAIN_MS: NEVER } });
    const statuses = [];
    const refusals = [];
    const client = async (id) => {
      for (let n = 0; refusals[id] === undefined; n++) {
        const sinceMs = performance.now();
        const connection = await openConnection(t, relay.port).catch((error) => {
          refusals[id] = error.code;
        });
        if (!connection) return;
        connection.write(syncRequest(userEvent(`acc_${id}`, n)));
        // Whom a busy machine keeps from writing for long says nothing, for all that the relay can
        // see.
        const isLate = performance.now() - sinceMs > 200;
        const { status } = await connection.answer();
        if (!isLate) statuses.push(status);
        connection.socket.destroy();
      }
    };
    const clients = Array.from({ length: 16 }, (_, id) => client(id));
    await waitFor('requests', () => statuses.length >= 100);
    relay.signal('SIGTERM');
    await Promise.all(clients);
    assert.deepEqual([...new Set(statuses)], [200]);
    assert.deepEqual([...new Set(refusals)], ['ECONNREFUSED']);
    await assertEnded(relay);
  }
});
