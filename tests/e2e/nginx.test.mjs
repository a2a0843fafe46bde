// SPDX-License-Identifier: MIT
// Behind a real nginx with docker/nginx.conf, changed in nothing but where it listens and writes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openConnection } from '../lib/connection.mjs';
import { DELIVERED, HEADERS, eventOfSize, syncRequest, userEvent } from '../lib/events.mjs';
import { hold } from '../lib/hold.mjs';
import { freePorts, startNginx, tempPaths } from '../lib/nginx.mjs';
import { chunked, exchange } from '../lib/rawhttp.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const CONFIG = readFileSync(new URL('../../docker/nginx.conf', import.meta.url), 'utf8');
const MIB = 1024 * 1024;

// docker/nginx.conf for a test. Each replacement must hit, or the test would run something else.
function adapted(folder, port, relayPort, changes) {
  const replacements = [
    ['listen 80;', `listen 127.0.0.1:${port};`],
    ['server 127.0.0.1:3000;', `server 127.0.0.1:${relayPort};`],
    ['/run/nginx.pid', `${folder}/nginx.pid`],
    ['http {', `http {\naccess_log off;\n${tempPaths(folder)}`],
    ...changes,
  ];
  return replacements.reduce((config, [from, to]) => {
    assert.equal(config.split(from).length, 2, `docker/nginx.conf has "${from}" once`);
    return config.replace(from, to);
  }, CONFIG);
}

// A relay that can be reached through nginx; `connections` counts what nginx opened to it.
async function startBehindNginx(t, { env = {}, changes = [] } = {}) {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url, ...env } });
  const [port] = await freePorts(1);
  const nginx = await startNginx(t, port, (folder) => adapted(folder, port, relay.port, changes));
  return { upstream, relay, nginx, front: { url: `http://127.0.0.1:${port}`, port } };
}

// The sockets of a process, as the kernel lists them, that are connected to a local port.
function connectionsTo(port) {
  const wanted = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8').split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote, state]) => remote === wanted && state === '01').length;
}

test('an event comes through, and nginx keeps its connections', async (t) => {
  const { upstream, relay, front } = await startBehindNginx(t, { changes: [['worker_processes auto', 'worker_processes 1']] });
  for (let n = 0; n < 100; n++) {
    const response = await sync(front, userEvent('acc_1', n));
    assert.deepEqual([response.status, await response.text()], [200, DELIVERED]);
    assert.equal(response.headers.get('content-type'), 'application/json');
  }
  assert.equal(upstream.requests.length, 100);
  assert.equal(upstream.connections, 1);
  assert.equal(connectionsTo(relay.port), 1);
});

test('many at once', async (t) => {
  const { upstream, front } = await startBehindNginx(t);
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => sync(front, userEvent(`acc_${i}`))));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal(upstream.requests.length, 200);
});

// The relay answers before such a body has come, and closes; nginx must get the answer all the same.
for (const kib of [0, 8, 64, 200, 4096]) {
  test(`401 with a body of ${kib} KiB`, async (t) => {
    const { upstream, front } = await startBehindNginx(t);
    for (let round = 0; round < 10; round++) {
      const response = await sync(front, 'x'.repeat(kib * 1024), { secret: 'wrong' });
      assert.deepEqual([response.status, await response.text()], [401, '{"error":"Unauthorized"}']);
    }
    assert.equal(upstream.requests.length, 0);
  });
}

test('a body of 16 MiB', async (t) => {
  const { upstream, front } = await startBehindNginx(t);
  const body = eventOfSize(16 * MIB);
  const response = await sync(front, body);
  assert.deepEqual([response.status, await response.text()], [200, DELIVERED]);
  assert.ok(upstream.requests[0].body.includes(Buffer.from(body.slice(0, 4000).split('"data":')[1])));
  assert.ok(upstream.requests[0].body.length > 16 * MIB - 200);
});

test('a body of 16 MiB and a byte: nginx refuses it', async (t) => {
  const { upstream, front } = await startBehindNginx(t);
  assert.equal((await sync(front, eventOfSize(16 * MIB + 1))).status, 413);
  assert.equal(upstream.requests.length, 0);
});

test('a body over the limit of the relay alone', async (t) => {
  const { front } = await startBehindNginx(t, { env: { MAX_BODY_BYTES: '100000' } });
  const response = await sync(front, eventOfSize(100_001));
  assert.equal(response.status, 413);
  assert.match(await response.text(), /MAX_BODY_BYTES, 100000/);
  assert.equal((await sync(front, eventOfSize(100_000))).status, 200);
});

const CHUNKED = [...HEADERS, ['Transfer-Encoding', 'chunked']];
const UNBUFFERED = [['proxy_request_buffering on;', 'proxy_request_buffering off;\nproxy_buffering off;']];
for (const [what, changes] of [['buffered', []], ['with buffering off', UNBUFFERED]]) {
  test(`a chunked body, ${what}`, async (t) => {
    const { upstream, front } = await startBehindNginx(t, { changes });
    const body = eventOfSize(300_000);
    const answer = await exchange(front.port, syncRequest(chunked(body, 7000), { headers: CHUNKED }));
    assert.deepEqual([answer.status, answer.body.toString()], [200, DELIVERED]);
    assert.deepEqual(JSON.parse(upstream.requests[0].text).args[0], JSON.parse(body).data);
  });
}

test('buffering off: bodies small and large, good and refused', async (t) => {
  const { upstream, front } = await startBehindNginx(t, { changes: UNBUFFERED });
  for (const size of [200, 20_000, 1_000_000]) {
    assert.equal((await sync(front, eventOfSize(size))).status, 200);
    // What nginx is still sending when the answer comes can hide it: then nginx says 502.
    assert.equal((await sync(front, eventOfSize(size), { secret: 'wrong' })).status, 401);
  }
  assert.equal(upstream.requests.length, 3);
});

test('a client that leaves: its event counts', async (t) => {
  const { upstream, relay, front } = await startBehindNginx(t);
  const held = hold();
  upstream.answer = held.answer;
  const client = await openConnection(t, front.port);
  client.write(syncRequest(userEvent('gone')));
  await upstream.arrived(1);
  client.socket.resetAndDestroy();
  assert.equal((await fetch(`${front.url}/healthz`)).status, 200);
  held.open();
  assert.equal((await sync(front, userEvent('gone', 1))).status, 200);
  assert.equal(upstream.requests.length, 2);
  assert.ok(relay.isRunning());
});

for (const [target, status, method = 'GET'] of [
  ['/healthz', 200], ['/convex/sync', 405], ['/readyz', 404], ['/metrics', 404], ['/', 404],
  ['/convex/sync/', 404, 'POST'], ['/convex/', 404, 'POST'], ['/healthz/', 404],
]) {
  test(`from outside: ${method} ${target} gets ${status}`, async (t) => {
    const { front } = await startBehindNginx(t);
    assert.equal((await fetch(front.url + target, { method })).status, status);
  });
}

test('the relay is down, and back again', async (t) => {
  const { upstream, relay, front } = await startBehindNginx(t);
  await relay.stop();
  assert.equal((await sync(front, userEvent('acc_1'))).status, 502);
  await startRelay(t, { env: { CONVEX_URL: upstream.url, PORT: String(relay.port) } });
  await waitFor('nginx to try again', async () => (await sync(front, userEvent('acc_1'))).status === 200);
});

test('a stop that drains: what nginx has sent is answered', async (t) => {
  const { upstream, relay, front } = await startBehindNginx(t);
  const held = hold();
  upstream.answer = held.answer;
  const answers = Array.from({ length: 10 }, (_, i) => sync(front, userEvent(`acc_${i}`)));
  await upstream.arrived(10);
  relay.signal('SIGTERM');
  await relay.find('stderr', /stopping/);
  held.open();
  for (const answer of answers) assert.equal((await answer).status, 200);
  await relay.exited;
});
