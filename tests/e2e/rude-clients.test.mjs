// SPDX-License-Identifier: MIT
// Clients that are slow, many, gone or too much at once: others are served meanwhile, and
// descriptors and memory come back afterwards.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { openConnection } from '../lib/connection.mjs';
import { DELIVERED, HEADERS, eventOfSize, syncRequest, userEvent } from '../lib/events.mjs';
import { hold } from '../lib/hold.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { connectionsTo } from '../lib/sockets.mjs';
import { SUCCESS, startUpstream } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const MIB = 1024 * 1024;
const SANITIZED = process.env.RELAY_SANITIZED ? 'a sanitizer has memory of its own' : false;

const openFds = (relay) => readdirSync(`/proc/${relay.pid}/fd`).length;
// Without connections of clients that are still there: fetch keeps one or more, for nobody knows
// how long.
const ownFds = (relay) => openFds(relay) - connectionsTo(relay.port);
const rssMib = (relay) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${relay.pid}/status`, 'utf8'))[1]) / 1024;
// CPU time of all its threads, in ms.
const cpuMs = (relay) =>
  readdirSync(`/proc/${relay.pid}/task`)
    .map((thread) => readFileSync(`/proc/${relay.pid}/task/${thread}/schedstat`, 'utf8'))
    .reduce((sum, text) => sum + Number(text.split(' ')[0]) / 1e6, 0);

async function start(t, env = {}) {
  const upstream = await startUpstream(t);
  // Whoever has stopped in the middle would hold up the stop, too.
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url, DRAIN_MS: '100', ...env } });
  assert.equal((await sync(relay, userEvent('warm'))).status, 200);
  return { upstream, relay };
}

const openMany = (t, relay, count) =>
  Promise.all(Array.from({ length: count }, () => openConnection(t, relay.port)));
const closeAll = (clients) => clients.forEach(({ socket }) => socket.destroy());
const waitForFds = (relay, most) => waitFor(`${most} descriptors`, () => ownFds(relay) <= most);

// ---- many ----

const MANY = 2000;
// so that all come before the first is cut off, on a busy machine, too
const CROWD_MS = '20000';
// 16 KiB of libmicrohttpd's for each, and what stands around them
const MANY_MIB = (MANY * 24) / 1024;

// A heap in small pieces is not given back, but the next crowd lives in it.
async function assertNoMore(t, relay, mostMib) {
  const fds = ownFds(relay);
  const clients = await openMany(t, relay, MANY);
  await waitFor('a second crowd', () => openFds(relay) >= MANY);
  assert.ok(rssMib(relay) < mostMib, `${rssMib(relay)} MiB, and not ${mostMib}`);
  closeAll(clients);
  await waitForFds(relay, fds);
}

const HEAD = syncRequest('', { headers: [...HEADERS, ['Content-Length', '1000']] });
for (const [what, first] of [
  ['say nothing', ''],
  ['stop in a head', 'POST /convex/sync HTTP/1.1\r\nX-A: '],
  ['stop in a body', Buffer.concat([HEAD, Buffer.from('{"model":')])],
]) {
  test(`${MANY} clients that ${what}`, async (t) => {
    const { relay } = await start(t, { REQUEST_TIMEOUT_MS: CROWD_MS });
    const [fds, mib] = [ownFds(relay), rssMib(relay)];
    const clients = await openMany(t, relay, MANY);
    for (const client of clients) client.write(first);
    await waitFor('all of them', () => openFds(relay) >= MANY);
    for (let n = 0; n < 20; n++)
      assert.equal((await sync(relay, userEvent('acc_1', n))).status, 200);
    const heldMib = rssMib(relay) - mib;
    if (!SANITIZED) assert.ok(heldMib < MANY_MIB, `they take ${heldMib.toFixed(1)} MiB`);
    await Promise.all(clients.map((client) => client.closed()));
    await waitForFds(relay, fds);
    if (!SANITIZED) await assertNoMore(t, relay, mib + MANY_MIB);
    assert.equal((await sync(relay, userEvent('acc_1', 21))).status, 200);
  });
}

test(`${MANY} clients that leave before their answers`, async (t) => {
  const { upstream, relay } = await start(t, { CONVEX_CONCURRENCY: '64' });
  const fds = ownFds(relay);
  const held = hold();
  upstream.answer = held.answer;
  const clients = await openMany(t, relay, MANY);
  clients.forEach((client, i) => client.write(syncRequest(userEvent(`acc_${i}`))));
  await upstream.arrived(65);
  await waitFor(
    'all requests to be read',
    async () => (await fetch(`${relay.url}/healthz`)).status === 200,
  );
  clients.forEach(({ socket }, i) => (i % 2 ? socket.destroy() : socket.resetAndDestroy()));
  held.open();
  await waitForFds(relay, fds + 64);
  upstream.answer = SUCCESS;
  assert.equal((await sync(relay, userEvent('after'))).status, 200);
});

// Bytes that the relay still held of gone clients would keep others out.
test('clients that leave in the middle of a body', async (t) => {
  const { relay } = await start(t); // long before REQUEST_TIMEOUT_MS
  const fds = ownFds(relay);
  const piece = Buffer.concat([
    syncRequest('', { headers: [...HEADERS, ['Content-Length', `${8 * MIB}`]] }),
    Buffer.alloc(6 * MIB, ' '),
  ]);
  const clients = await openMany(t, relay, 20);
  for (const { socket } of clients) socket.end(piece);
  await waitFor(
    'them to be noticed',
    async () => ownFds(relay) <= fds && (await sync(relay, userEvent('acc_1'))).status === 200,
  );
});

// ---- in time, though the relay is late ----

test('what was sent in time is taken by a relay that was late, and who stopped is cut off', async (t) => {
  const { relay } = await start(t, { REQUEST_TIMEOUT_MS: '8000' });
  const [prompt, slow, silent] = await openMany(t, relay, 3);
  // more than libmicrohttpd reads at once; the relay's kernel takes it
  const bytes = syncRequest(eventOfSize(48 * 1024));
  for (const client of [prompt, slow]) client.write(bytes.subarray(0, 1000));
  await waitFor(
    'the beginnings to be read',
    async () => (await sync(relay, userEvent('acc_1'))).status === 200,
  );
  relay.signal('SIGSTOP');
  await new Promise((resolve) => prompt.socket.write(bytes.subarray(1000), resolve));
  slow.write(bytes.subarray(1000, 2000));
  await new Promise((resolve) => setTimeout(resolve, 8500)); // past the deadlines
  relay.signal('SIGCONT');
  assert.equal((await prompt.answer()).status, 200);
  for (const client of [slow, silent]) assert.equal((await client.answer()).status, null);
});

// ---- at the limit ----

// The share of the time that the relay is busy while nothing happens.
async function assertIdle(relay) {
  const [beforeMs, startedMs] = [cpuMs(relay), performance.now()];
  // not for something: for nothing to happen
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const share = (cpuMs(relay) - beforeMs) / (performance.now() - startedMs);
  assert.ok(share < 0.2, `it is busy for ${(100 * share).toFixed(0)} % of the time`);
}

// The relay takes fewer connections than it has descriptors; here somebody takes those away.
const leave = (relay, limit) =>
  execFileSync('prlimit', ['--pid', String(relay.pid), `--nofile=${limit}:`]);

test('no descriptor left: it waits, and goes on when there is one', async (t) => {
  const { relay } = await start(t);
  const few = openFds(relay) + 20;
  leave(relay, few);
  const clients = await openMany(t, relay, 60); // the kernel takes them in
  await waitFor('all to be taken', () => openFds(relay) >= few);
  await assertIdle(relay);
  clients[0].write(syncRequest(userEvent('early')));
  assert.equal((await clients[0].answer()).status, 200);
  closeAll(clients.slice(1, 50));
  clients[59].write(syncRequest(userEvent('late')));
  assert.equal((await clients[59].answer()).status, 200);
});

test('no descriptor for a single client: it waits, and goes on when there is one', async (t) => {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url } });
  leave(relay, 3);
  const [client] = await openMany(t, relay, 10);
  await assertIdle(relay);
  leave(relay, 1000);
  client.write(syncRequest(userEvent('late')));
  assert.equal((await client.answer()).status, 200);
});

// Less what Convex, the admin port and the rest may need: 48 connections.
const FEW = 48;
const withFew = { under: ['prlimit', `--nofile=${FEW + 112}:${FEW + 112}`] };

test('more clients than connections are taken: they wait their turn, and nobody is refused', async (t) => {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, { ...withFew, env: { CONVEX_URL: upstream.url } });
  const clients = await openMany(t, relay, 300);
  await waitFor('the limit', () => openFds(relay) > FEW - 8);
  await assertIdle(relay);
  assert.ok(openFds(relay) < FEW + 22, `${openFds(relay)} descriptors`);
  clients.forEach((client, i) => client.write(syncRequest(userEvent(`acc_${i}`))));
  await Promise.all(
    clients.map(async (client) => {
      assert.equal((await client.answer()).status, 200);
      client.socket.destroy();
    }),
  );
});

const HEALTHZ = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n';
const assertHealthy = async (client) => assert.equal((await client.answer()).status, 200);

for (const [what, occupy] of [
  [
    'had an answer and stay',
    async (_, clients) => {
      for (const client of clients) client.write(`${HEALTHZ}\r\n`);
      await Promise.all(clients.map(assertHealthy));
    },
  ],
  // An end that comes together with the request is not seen.
  [
    'had an answer and have ended their side',
    async (relay, clients) => {
      relay.signal('SIGSTOP');
      await Promise.all(
        clients.map(
          ({ socket }) => new Promise((resolve) => socket.end(`${HEALTHZ}\r\n`, resolve)),
        ),
      );
      relay.signal('SIGCONT');
      await Promise.all(clients.map(assertHealthy));
    },
  ],
  ['say nothing', () => {}],
  [
    'stop in a body that nobody asked for',
    (_, clients) =>
      clients.forEach((client) => client.write(`${HEALTHZ}Content-Length: 1\r\n\r\n`)),
  ],
  [
    'stop in a head',
    (_, clients) =>
      clients.forEach((client) => client.write('POST /convex/sync HTTP/1.1\r\nX-A: ')),
  ],
]) {
  test(`clients that ${what} have all connections: they give way, and nobody else does`, async (t) => {
    const upstream = await startUpstream(t);
    const relay = await startRelay(t, {
      ...withFew,
      env: { CONVEX_URL: upstream.url, DRAIN_MS: '100' },
    });
    const held = hold();
    upstream.answer = held.answer;
    const waiting = await openConnection(t, relay.port);
    waiting.write(syncRequest(userEvent('waits')));
    const sending = await openConnection(t, relay.port);
    const bytes = syncRequest(userEvent('sends'));
    sending.write(bytes.subarray(0, -10));
    await upstream.arrived(1);

    const rude = await openMany(t, relay, FEW - 2);
    await waitFor('the limit', () => openFds(relay) > FEW);
    await occupy(relay, rude);
    upstream.answer = SUCCESS; // of others
    const polite = await openMany(t, relay, 100);
    polite.forEach((client, i) => client.write(syncRequest(userEvent(`acc_${i}`))));
    const taken = await Promise.all(
      polite.map(async (client) => {
        const { status } = await client.answer();
        client.socket.destroy();
        return status;
      }),
    );
    assert.deepEqual(
      taken,
      polite.map(() => 200),
    );
    held.open();
    assert.equal((await waiting.answer()).status, 200);
    sending.write(bytes.subarray(-10));
    assert.equal((await sending.answer()).status, 200);
    assert.match(relay.stderr(), / warn all connections are taken/);
  });
}

// Both are seen at once, by a relay that was late itself.
test('a client that has stayed for long, and sends while another one knocks', async (t) => {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, {
    ...withFew,
    env: { CONVEX_URL: upstream.url, DRAIN_MS: '100' },
  });
  const staying = await openMany(t, relay, FEW);
  await waitFor('the limit', () => openFds(relay) > FEW);
  for (const client of staying) {
    client.write(`${HEALTHZ}\r\n`);
    await assertHealthy(client);
  }
  relay.signal('SIGSTOP');
  const knocking = await openMany(t, relay, 10);
  knocking.forEach((client) => client.write(`${HEALTHZ}\r\n`));
  staying.slice(0, 20).forEach((client, i) => client.write(syncRequest(userEvent(`acc_${i}`))));
  // now all have stayed for longer than a second
  await new Promise((resolve) => setTimeout(resolve, 1500));
  relay.signal('SIGCONT');
  for (const client of staying.slice(0, 20)) assert.equal((await client.answer()).status, 200);
  for (const client of knocking) await assertHealthy(client);
});

test('it takes as many descriptors as it may', async (t) => {
  const relay = await startRelay(t, {
    under: ['prlimit', '--nofile=256:4096'],
    env: { CONVEX_URL: 'http://127.0.0.1:9' },
  });
  assert.match(readFileSync(`/proc/${relay.pid}/limits`, 'utf8'), /^Max open files +4096 +4096/m);
});

test('clients that stay have all connections of the admin port: they give way', async (t) => {
  const { relay } = await start(t, { ADMIN_PORT: '0' });
  const [, admin] = await relay.find('stderr', /admin listening.*?:(\d+)/);
  const page = async (client) => {
    client.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal((await client.answer()).status, 200);
  };
  for (const client of await openMany(t, { port: admin }, 32)) await page(client);
  await page(await openConnection(t, admin));
});

// ---- too much at once ----

// With MAX_BODY_BYTES at its default there is room for four of the largest.
const stalled = (size) => {
  const bytes = syncRequest(eventOfSize(Math.floor(size)));
  return bytes.subarray(0, bytes.length - 1);
};

// Until there is no room for 1 MiB more.
function waitUntilFull(t, relay) {
  return waitFor('no room', async () => {
    const probe = await openConnection(t, relay.port);
    probe.write(
      syncRequest('', {
        headers: [...HEADERS, ['Content-Length', String(MIB)], ['Expect', '100-continue']],
      }),
    );
    const { status } = await probe.answer();
    probe.socket.destroy();
    return status === 503;
  });
}

async function fillUp(t, relay) {
  const clients = await openMany(t, relay, 4);
  await Promise.all(
    clients.map(
      ({ socket }) => new Promise((resolve) => socket.write(stalled(15.9 * MIB), resolve)),
    ),
  );
  await waitUntilFull(t, relay);
  return clients;
}

test('bodies past what may be held at once: 503, and room again when they are through', async (t) => {
  const { upstream, relay } = await start(t);
  const mib = rssMib(relay);
  const clients = await fillUp(t, relay);
  if (!SANITIZED) assert.ok(rssMib(relay) < mib + 64 + 8, `${rssMib(relay) - mib} MiB`);

  const refused = await openConnection(t, relay.port);
  refused.write(syncRequest(eventOfSize(MIB, 'refused')));
  const { status, headers, body } = await refused.answer();
  assert.deepEqual([status, headers['retry-after'], headers.connection], [503, '5', 'close']);
  assert.deepEqual(JSON.parse(body), {
    error: 'The relay holds as much as it may; try again later',
  });
  await refused.closed();
  assert.equal(
    (await sync(relay, 'x', { secret: 'wrong' })).status,
    401,
    'not for those who may not pass',
  );
  assert.equal((await fetch(`${relay.url}/healthz`)).status, 200);

  for (const client of clients) client.write('}');
  for (const client of clients) assert.equal((await client.answer()).status, 200);
  assert.equal((await sync(relay, eventOfSize(16 * MIB))).status, 200);
  assert.equal(upstream.requests.length, 6);
  if (!SANITIZED) await waitFor('the memory', () => rssMib(relay) < mib + 8);
});

test('a body in chunks that grows past it: 503 in the middle', async (t) => {
  const { relay } = await start(t);
  const client = await openConnection(t, relay.port);
  client.write(syncRequest('', { headers: [...HEADERS, ['Transfer-Encoding', 'chunked']] }));
  client.write('a\r\n{"model":"\r\n');
  await fillUp(t, relay);
  client.write(`${(2 * MIB).toString(16)}\r\n${'x'.repeat(2 * MIB)}\r\n`);
  const { status, headers, body } = await client.answer();
  assert.deepEqual([status, headers['retry-after'], headers.connection], [503, '5', 'close']);
  assert.match(body, /^\{"error":"The relay holds/);
  await client.closed();
});

test('clients that leave with half a body give its room back', async (t) => {
  const { relay } = await start(t);
  for (let round = 0; round < 3; round++) {
    const fds = ownFds(relay);
    closeAll(await fillUp(t, relay));
    await waitForFds(relay, fds); // of all four: the next four need it
    assert.equal((await sync(relay, eventOfSize(2 * MIB))).status, 200);
  }
});

test('what waits for Convex counts, where no outbox takes it', async (t) => {
  const { upstream, relay } = await start(t);
  const held = hold();
  upstream.answer = held.answer;
  const clients = await openMany(t, relay, 4);
  for (const client of clients) client.write(syncRequest(eventOfSize(Math.floor(15.9 * MIB))));
  await waitUntilFull(t, relay);
  held.open();
  for (const client of clients) assert.deepEqual((await client.answer()).body, DELIVERED);
  assert.equal((await sync(relay, eventOfSize(MIB))).status, 200);
});

test('what waits for Convex counts once', async (t) => {
  const { upstream, relay } = await start(t);
  const held = hold();
  upstream.answer = held.answer;
  const seen = upstream.requests.length;
  const clients = await openMany(t, relay, 4);
  clients
    .slice(1)
    .forEach((client, i) =>
      client.write(syncRequest(eventOfSize(Math.floor(15.9 * MIB), `acc_${i}`))),
    );
  await upstream.arrived(seen + 3);
  clients[0].write(syncRequest(eventOfSize(10 * MIB, 'acc_last')));
  await upstream.arrived(seen + 4);
  held.open();
  for (const client of clients) assert.equal((await client.answer()).status, 200);
});

// A text of 1 MiB becomes six times as much in JSON, and stays until the client has read it.
test('answers that nobody reads: past what they may hold at once, the beginning of the text has to do', async (t) => {
  const { upstream, relay } = await start(t);
  const [fds, mib] = [ownFds(relay), rssMib(relay)];
  const text = 'é\x01'.repeat(342) + '\x01'.repeat(MIB - 2048); // 6 MiB as JSON
  upstream.answer = { status: 400, body: text };
  const clients = await openMany(t, relay, 6);
  for (const [i, client] of clients.entries()) {
    client.socket.pause();
    // The kernel takes some answers off the relay, nobody knows how many; one stays.
    for (let n = 0; n < 10; n++) client.write(syncRequest(userEvent(`acc_${i}`, n)));
  }
  const errorOf = async () => (await (await sync(relay, userEvent('reads'))).json()).error;
  const beginning = text.slice(0, 682); // 1024 bytes and no half of a character
  await waitFor('the limit', async () => (await errorOf()) === beginning);
  if (!SANITIZED) assert.ok(rssMib(relay) < mib + 64, `${rssMib(relay) - mib} MiB`);
  closeAll(clients);
  await waitForFds(relay, fds + 16); // as many to Convex as it likes
  await waitFor('room again', async () => (await errorOf()) === text);
});

// Within the first moments of a request a reset is seen, and the connection is free for somebody
// else. Without an outbox the event stays in memory until Convex has answered: there may be as many
// as connections, and few more.
test('OUTBOX=off: senders that leave do not pile up beside the limit of connections', async (t) => {
  const [connections, left] = [80, 64];
  const held = hold();
  let client;
  const upstream = await startUpstream(t, () => {
    client.socket.resetAndDestroy();
    return held.answer();
  });
  // 1120 of the descriptors are for other things
  const under = ['sh', '-c', 'ulimit -n 1200; exec "$0"'];
  const relay = await startRelay(t, {
    under,
    env: { CONVEX_URL: upstream.url, CONVEX_CONCURRENCY: '1024' },
  });
  for (let n = 0; n < 400 && upstream.requests.length === n; n++) {
    client = await openConnection(t, relay.port);
    client.write(syncRequest(userEvent(`acc_${n}`)));
    await upstream.arrived(n + 1, 1000).catch(() => 'it is not let in'); // as the number shows
  }
  assert.ok(
    upstream.requests.length <= connections + left,
    `${upstream.requests.length} events in memory`,
  );
  held.open();
});
