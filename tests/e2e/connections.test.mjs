// SPDX-License-Identifier: MIT
// Connections: kept, pipelined, slow, many, and left.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { openConnection } from '../lib/connection.mjs';
import { DELIVERED, HEADERS, callOf, eventOfSize, syncRequest, userEvent } from '../lib/events.mjs';
import { hold } from '../lib/hold.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { SUCCESS, startUpstream } from '../lib/upstream.mjs';
import { PATIENCE_MS, waitFor } from '../lib/wait.mjs';

const openFds = (relay) => readdirSync(`/proc/${relay.pid}/fd`).length;
const waitForFds = (relay, most) => waitFor(`${most} descriptors`, () => openFds(relay) <= most);
const WRONG = [...HEADERS.slice(0, 2), ['X-Sync-Secret', 'wrong']];

async function start(t, env = {}) {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url, ...env } });
  return { upstream, relay };
}

async function assertDelivered(client) {
  const { status, body } = await client.answer();
  assert.deepEqual([status, body], [200, DELIVERED]);
}

test('hundreds of requests on one connection, and one connection to Convex', async (t) => {
  const { upstream, relay } = await start(t);
  const client = await openConnection(t, relay.port);
  for (let n = 0; n < 300; n++) {
    client.write(syncRequest(userEvent('acc_1', n)));
    await assertDelivered(client);
  }
  assert.equal(upstream.requests.length, 300);
  assert.equal(upstream.connections, 1);
});

test('refusals without a body to come keep the connection', async (t) => {
  const { relay } = await start(t);
  const client = await openConnection(t, relay.port);
  for (let round = 0; round < 50; round++) {
    client.write(syncRequest('', { headers: WRONG, body: undefined }));
    assert.equal((await client.answer()).status, 401);
    client.write(syncRequest('', { method: 'GET', body: undefined }));
    assert.equal((await client.answer()).status, 405);
    client.write(syncRequest('not JSON'));
    assert.equal((await client.answer()).status, 400);
    client.write(syncRequest(userEvent('acc_1', round)));
    await assertDelivered(client);
  }
});

test('a hundred requests pipelined: answered in their order, each once', async (t) => {
  const { upstream, relay } = await start(t);
  const client = await openConnection(t, relay.port);
  const requests = Array.from({ length: 100 }, (_, n) =>
    syncRequest({ ...userEvent('acc_1', n), ...(n % 3 ? {} : { data: null }) }),
  );
  client.write(Buffer.concat(requests));
  for (let n = 0; n < 100; n++) assert.equal((await client.answer()).status, n % 3 ? 200 : 500);
  const expected = Array.from({ length: 100 }, (_, n) => n).filter((n) => n % 3);
  assert.deepEqual(
    upstream.requests.map((request) => callOf(request).n),
    expected,
  );
});

test('a request byte by byte, and others meanwhile', async (t) => {
  const { upstream, relay } = await start(t);
  const slow = await openConnection(t, relay.port, { noDelay: true });
  for (const byte of syncRequest(userEvent('slow'))) {
    await new Promise((resolve) => slow.socket.write(Buffer.of(byte), resolve));
    if (byte === 0x0a) assert.equal((await sync(relay, userEvent('quick'))).status, 200);
  }
  await assertDelivered(slow);
  assert.equal(callOf(upstream.requests.at(-1)).id, 'slow');
});

// A byte now and then keeps libmicrohttpd's own timeout from ever running out.
const HEAD = syncRequest('', { headers: [...HEADERS, ['Content-Length', '100000']] });
const BEGUN = 'POST /convex/sync HTTP/1.1\r\nX-A: ';
for (const [what, earlier, first] of [
  ['a head', 0, BEGUN],
  ['a body', 0, HEAD],
  ['the second head of a connection', 1, BEGUN],
  ['its second body', 1, HEAD],
]) {
  test(`${what} that trickles in is cut off, and others are served meanwhile`, async (t) => {
    const { relay } = await start(t, { REQUEST_TIMEOUT_MS: '3000' });
    const before = openFds(relay);
    const startedMs = performance.now();
    const client = await openConnection(t, relay.port, { noDelay: true });
    for (let n = 0; n < earlier; n++) {
      client.write(syncRequest(userEvent('earlier', n)));
      await assertDelivered(client);
    }
    const received = client.received();
    client.write(first);
    const trickle = setInterval(() => client.write('x'), 20);
    t.after(() => clearInterval(trickle));
    for (let n = 0; !client.isClosed(); n++) {
      assert.equal((await sync(relay, userEvent('other', n))).status, 200);
      assert.ok(performance.now() - startedMs < PATIENCE_MS, 'it is never cut off');
    }
    assert.ok(performance.now() - startedMs >= 3000, 'cut off too early');
    assert.equal(client.received(), received);
    await waitForFds(relay, before + 3); // what fetch keeps open
  });
}

test('each request of a connection has its own time', async (t) => {
  const { relay } = await start(t, { REQUEST_TIMEOUT_MS: '1000' });
  const client = await openConnection(t, relay.port);
  const untilMs = performance.now() + 3000;
  while (performance.now() < untilMs) {
    client.write(syncRequest(userEvent('acc_1')));
    await assertDelivered(client);
  }
});

test('a slow Convex is not a slow client', async (t) => {
  const { upstream, relay } = await start(t, { REQUEST_TIMEOUT_MS: '3000' });
  const held = hold();
  upstream.answer = held.answer;
  const client = await openConnection(t, relay.port);
  client.write(syncRequest(userEvent('acc_1')));
  await upstream.arrived(1);
  const cutOff = await openConnection(t, relay.port); // it says nothing, and goes first
  await cutOff.closed();
  held.open();
  await assertDelivered(client);
});

test('clients that leave before their answers: the mutations run, and nothing is left behind', async (t) => {
  const { upstream, relay } = await start(t, { CONVEX_CONCURRENCY: '4' });
  assert.equal((await sync(relay, userEvent('warm'))).status, 200);
  const before = openFds(relay);
  const held = hold();
  upstream.answer = held.answer;
  const clients = [];
  for (let i = 0; i < 40; i++) {
    clients.push(await openConnection(t, relay.port));
    await new Promise((resolve) =>
      clients[i].socket.write(syncRequest(userEvent(`acc_${i}`)), resolve),
    );
  }
  await upstream.arrived(5);
  // A reset throws away what has not been read yet. Who comes last is served last.
  assert.equal((await fetch(`${relay.url}/healthz`)).status, 200);
  clients.forEach(({ socket }, i) => (i % 2 ? socket.destroy() : socket.resetAndDestroy()));
  held.open();
  await upstream.arrived(41);
  await waitForFds(relay, before + 4); // 4 connections to Convex are kept, and one from here
  assert.equal(new Set(upstream.requests.map((request) => callOf(request).id)).size, 41);
});

test('clients that leave the moment that Convex is asked: the mutations run, and nothing is left behind', async (t) => {
  const { upstream, relay } = await start(t);
  assert.equal((await sync(relay, userEvent('warm'))).status, 200);
  const before = openFds(relay);
  for (let n = 0; n < 50; n++) {
    const client = await openConnection(t, relay.port);
    upstream.answer = () => {
      client.socket.resetAndDestroy();
      return new Promise((resolve) =>
        client.socket.on('close', () => setImmediate(resolve, SUCCESS)),
      );
    };
    client.write(syncRequest(userEvent('acc_1', n)));
    await client.closed();
  }
  await upstream.arrived(51);
  await waitForFds(relay, before);
  upstream.answer = SUCCESS;
  assert.equal((await sync(relay, userEvent('acc_2'))).status, 200);
});

test('clients that leave in the middle of a request leave nothing behind', async (t) => {
  // libmicrohttpd does not see an end that comes right behind a piece of a body: the time does.
  const { upstream, relay } = await start(t, { REQUEST_TIMEOUT_MS: '2000' });
  assert.equal((await sync(relay, userEvent('warm'))).status, 200);
  const before = openFds(relay);
  const bytes = syncRequest(eventOfSize(2000));
  for (let length = 1; length < bytes.length; length += 37) {
    const client = await openConnection(t, relay.port);
    await new Promise((resolve) => client.socket.write(bytes.subarray(0, length), resolve));
    client.socket.destroy();
  }
  await waitForFds(relay, before);
  assert.equal(upstream.requests.length, 1);
});

test('300 requests in flight at once', async (t) => {
  const { upstream, relay } = await start(t, { CONVEX_CONCURRENCY: '300' });
  const held = hold();
  upstream.answer = held.answer;
  const clients = await Promise.all(
    Array.from({ length: 300 }, () => openConnection(t, relay.port)),
  );
  clients.forEach((client, i) => client.write(syncRequest(userEvent(`acc_${i}`))));
  await upstream.arrived(300);
  assert.equal((await fetch(`${relay.url}/healthz`)).status, 200);
  held.open();
  await Promise.all(clients.map(assertDelivered));
  const during = openFds(relay);
  clients.forEach((client) => client.socket.destroy());
  await waitForFds(relay, during - 300);
});

test('a client that does not read its answers does not hold up others', async (t) => {
  const { upstream, relay } = await start(t);
  const client = await openConnection(t, relay.port);
  client.socket.pause();
  // the answer has the whole text
  const request = syncRequest({ model: 'users', data: 'x'.repeat(60_000) });
  for (let n = 0; n < 200; n++) client.write(request);
  for (let n = 0; n < 50; n++) assert.equal((await sync(relay, userEvent(`acc_${n}`))).status, 200);
  assert.equal(upstream.requests.length, 50);
  client.socket.resume();
  for (let n = 0; n < 200; n++) {
    const { status, body } = await client.answer();
    assert.equal(status, 500);
    assert.ok(body.length > 60_000);
  }
});

test('the connection to Convex dies between two events: each runs once', async (t) => {
  const { upstream, relay } = await start(t);
  for (let n = 0; n < 20; n++) {
    assert.equal((await sync(relay, userEvent('acc_1', n))).status, 200);
    upstream.closeConnections();
  }
  assert.deepEqual(
    upstream.requests.map((request) => callOf(request).n),
    Array.from({ length: 20 }, (_, n) => n),
  );
});

// libcurl would send the POST again by itself, since the connection had been used before.
for (const then of ['close', 'reset']) {
  test(`a kept connection gets a ${then} after the mutation has run: it is not sent again`, async (t) => {
    const { upstream, relay } = await start(t);
    upstream.answer = [SUCCESS, { then }, SUCCESS];
    assert.equal((await sync(relay, userEvent('acc_1', 1))).status, 200);
    const response = await sync(relay, userEvent('acc_1', 2));
    assert.deepEqual([response.status, await response.text()], [500, '{"error":"fetch failed"}']);
    assert.equal((await sync(relay, userEvent('acc_1', 3))).status, 200);
    assert.deepEqual(
      upstream.requests.map((request) => callOf(request).n),
      [1, 2, 3],
    );
    const [first, second, third] = upstream.requests.map(({ connection }) => connection);
    assert.ok(
      first === second && second !== third,
      'the connection was kept, and is not used again',
    );
  });
}

test('what goes to Convex', async (t) => {
  const { upstream, relay } = await start(t, { CONVEX_DEPLOY_KEY: 'prod:x|0123' });
  for (const size of [300, 2_000_000])
    assert.equal((await sync(relay, eventOfSize(size))).status, 200);
  for (const { method, target, headers } of upstream.requests) {
    assert.deepEqual([method, target], ['POST', '/api/mutation']);
    assert.match(headers['convex-client'], /^convex-relay-\d+\.\d+\.\d+$/);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['accept-encoding'], 'identity');
    assert.equal(headers.authorization, 'Convex prod:x|0123');
    assert.equal(headers.expect, undefined);
    assert.match(headers['content-length'], /^\d+$/);
  }
});

test('proxies of the environment are not asked', async (t) => {
  const proxy = await startUpstream(t);
  const env = Object.fromEntries(
    ['http_proxy', 'https_proxy', 'all_proxy', 'ALL_PROXY'].map((name) => [name, proxy.url]),
  );
  const { upstream, relay } = await start(t, env);
  assert.equal((await sync(relay, userEvent('acc_1'))).status, 200);
  assert.deepEqual([upstream.requests.length, proxy.connections], [1, 0]);
});
