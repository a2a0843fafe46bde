// SPDX-License-Identifier: MIT
// Behind a real nginx with docker/nginx.conf.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { test } from 'node:test';
import { openConnection } from '../lib/connection.mjs';
import {
  BATCH_PATH,
  callOf,
  DELIVERED,
  HEADERS,
  eventOfSize,
  parcelOf,
  resultsOf,
  syncRequest,
  userEvent,
} from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { authority, startInFront } from '../lib/front.mjs';
import { hold } from '../lib/hold.mjs';
import { freePorts } from '../lib/ports.mjs';
import { outboxStats } from '../lib/outbox.mjs';
import { chunked, exchange } from '../lib/rawhttp.mjs';
import { beginStop, SECRET, startRelay, sync } from '../lib/relay.mjs';
import { connectionsTo } from '../lib/sockets.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const MIB = 1024 * 1024;

// A relay that can be reached through nginx; `connections` counts what nginx opened to it.
async function startBehindNginx(t, { env = {}, changes = [], descriptors } = {}) {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url, ...env } });
  return { upstream, relay, ...(await startInFront(t, relay, { changes, descriptors })) };
}

test('an event comes through, and nginx keeps its connections', async (t) => {
  const { upstream, relay, front } = await startBehindNginx(t, {
    changes: [['worker_processes auto', 'worker_processes 1']],
  });
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
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => sync(front, userEvent(`acc_${i}`))),
  );
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal(upstream.requests.length, 200);
});

// A system gives 1024 descriptors to who does not ask for more, and an event has two.
test('more at once than the system has descriptors for', async (t) => {
  const held = hold();
  const { upstream, relay, front, nginx } = await startBehindNginx(t, {
    env: { CONVEX_CONCURRENCY: '1' },
    changes: [['worker_processes auto', 'worker_processes 1']],
    descriptors: 128,
  });
  upstream.answer = held.answer;
  const answers = Array.from({ length: 300 }, (_, i) => sync(front, userEvent(`acc_${i}`)));
  await waitFor('all of them', () => connectionsTo(relay.port) >= 300);
  held.open();
  assert.deepEqual(
    new Set((await Promise.all(answers)).map(({ status }) => status)),
    new Set([200]),
  );
  assert.doesNotMatch(nginx.stderr(), /Too many open files/);
});

// The relay answers before such a body has come, and closes; nginx must get the answer all the
// same.
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
  assert.ok(
    upstream.requests[0].body.includes(Buffer.from(body.slice(0, 4000).split('"data":')[1])),
  );
  assert.ok(upstream.requests[0].body.length > 16 * MIB - 200);
});

test('a body of 16 MiB and a byte: nginx refuses it', async (t) => {
  const { upstream, front } = await startBehindNginx(t);
  const response = await sync(front, eventOfSize(16 * MIB + 1));
  assert.equal(response.status, 413);
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.match((await response.json()).error, /larger than client_max_body_size/);
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
const UNBUFFERED = [
  ['proxy_request_buffering on;', 'proxy_request_buffering off;\nproxy_buffering off;'],
];
for (const [what, changes] of [
  ['buffered', []],
  ['with buffering off', UNBUFFERED],
]) {
  test(`a chunked body, ${what}`, async (t) => {
    const { upstream, front } = await startBehindNginx(t, { changes });
    const body = eventOfSize(300_000);
    const answer = await exchange(
      front.port,
      syncRequest(chunked(body, 7000), { headers: CHUNKED }),
    );
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

test('a parcel comes through, small and large', async (t) => {
  const { upstream, front } = await startBehindNginx(t);
  for (const size of [2, 10_000]) {
    const events = Array.from({ length: size }, (_, i) => userEvent(`acc_${i}`));
    const response = await sync(front, parcelOf(events), { path: BATCH_PATH });
    const results = Array.from({ length: size }, () => ({ success: true }));
    assert.deepEqual([response.status, await response.text()], [200, resultsOf(results)]);
  }
  assert.equal(upstream.requests.length, 10_002);
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
  ['/healthz', 200],
  ['/convex/sync', 405],
  ['/convex/sync/batch', 405],
  ['/readyz', 404],
  ['/metrics', 404],
  ['/', 404],
  ['/convex/sync/', 404, 'POST'],
  ['/convex/sync/batch/', 404, 'POST'],
  ['/convex/sync/batches', 404, 'POST'],
  ['/convex/sync%2fbatch', 404, 'POST'],
  ['/convex/sync/batch%0a', 404, 'POST'],
  ['/convex/', 404, 'POST'],
  ['/healthz/', 404],
  ['/status', 404],
  ['//convex/sync', 404, 'POST'],
  ['/convex%2fsync', 404, 'POST'],
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
  await waitFor(
    'nginx to try again',
    async () => (await sync(front, userEvent('acc_1'))).status === 200,
  );
});

test('a stop that drains: what nginx has sent is answered', async (t) => {
  const { upstream, relay, front } = await startBehindNginx(t);
  const held = hold();
  upstream.answer = held.answer;
  const answers = Array.from({ length: 10 }, (_, i) => sync(front, userEvent(`acc_${i}`)));
  await upstream.arrived(10);
  await beginStop(relay);
  held.open();
  for (const answer of answers) assert.equal((await answer).status, 200);
  await relay.exited;
});

// ---- TLS ----

// One request over TLS: {status, protocol, cipher}.
function syncByTls(front, event, options = {}) {
  const { headers, ...tls } = options;
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        host: '127.0.0.1',
        port: front.tlsPort,
        path: '/convex/sync',
        method: 'POST',
        agent: false,
        ca: readFileSync(authority.file),
        headers: { 'X-Sync-Secret': SECRET, ...headers },
        ...tls,
      },
      (response) => {
        const { socket } = response;
        const seen = {
          status: response.statusCode,
          protocol: socket.getProtocol(),
          cipher: socket.getCipher().name,
        };
        response.resume().on('end', () => resolve(seen));
      },
    );
    request.on('error', reject);
    request.end(JSON.stringify(event));
  });
}

for (const [version, cipher] of [
  ['TLSv1.2', /^ECDHE-.*(GCM|CHACHA20)/],
  ['TLSv1.3', /^TLS_/],
]) {
  test(`${version}: an event comes through`, async (t) => {
    const { upstream, front } = await startBehindNginx(t);
    const seen = await syncByTls(front, userEvent('acc_1'), {
      minVersion: version,
      maxVersion: version,
    });
    assert.deepEqual([seen.status, seen.protocol], [200, version]);
    assert.match(seen.cipher, cipher);
    assert.equal(upstream.requests.length, 1);
  });
}

test('a cipher of the past is refused', async (t) => {
  const { upstream, front } = await startBehindNginx(t);
  const old = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' };
  await assert.rejects(syncByTls(front, userEvent('acc_1'), old), { code: /^(ERR_SSL_|EPROTO)/ });
  assert.equal(upstream.requests.length, 0);
});

test('without TLS nothing is answered on its port', async (t) => {
  const { upstream, front } = await startBehindNginx(t);
  const response = await sync({ url: `http://127.0.0.1:${front.tlsPort}` }, userEvent('acc_1'));
  assert.equal(response.status, 400);
  assert.equal(upstream.requests.length, 0);
});

// ---- who it was ----

const FAR = '203.0.113.7';
const trusting = (range) => [
  ['# set_real_ip_from 192.0.2.0/24;', `set_real_ip_from ${range};`],
  ['# real_ip_header', 'real_ip_header'],
  ['# real_ip_recursive', 'real_ip_recursive'],
];
for (const [what, changes, address] of [
  ['nobody is trusted', [], '127.0.0.1'],
  ['a proxy that is not trusted', trusting('192.0.2.0/24'), '127.0.0.1'],
  ['a trusted proxy', trusting('127.0.0.0/8'), FAR],
]) {
  test(`${what}: the log names ${address}, and leads to the relay's by the id`, async (t) => {
    const { relay, nginx, front } = await startBehindNginx(t, { changes });
    const headers = {
      'X-Forwarded-For': `198.51.100.1, ${FAR}`,
      'X-Real-IP': '198.51.100.1',
      'X-Request-Id': 'made-up',
    };
    await syncByTls(front, userEvent('acc_1'), { headers });
    const line = await waitFor('the log', () =>
      readFileSync(`${nginx.folder}/access.log`, 'utf8').trimEnd(),
    );
    assert.match(
      line,
      new RegExp(`^${address.replaceAll('.', '\\.')} \\[\\S+\\] "POST /convex/sync" 200 \\d+ `),
    );
    const [id] = /[0-9a-f]{32}$/.exec(line);
    await relay.find('stderr', new RegExp(`\\b${id}\\b`)); // the relay's log has it, too
    assert.ok(!line.includes(SECRET));
    assert.doesNotMatch(relay.stderr(), /198\.51\.100|203\.0\.113|made-up/);
  });
}

// ---- a second relay ----

// Two relays with separate outboxes, the second as nginx's backup. Each has an upstream of its own,
// which shows who took what.
async function startTwo(t) {
  const files = makeFolder(t);
  const upstreams = [await startUpstream(t), await startUpstream(t)];
  const start = (n, more = {}) =>
    startRelay(t, {
      env: { CONVEX_URL: upstreams[n].url, OUTBOX: files.path(`outbox-${n}.db`), ...more },
    });
  const [port] = await freePorts(1); // the first comes back there
  const relays = [await start(0, { PORT: String(port) }), await start(1)];
  const backup = [
    ['# server 127.0.0.1:3002 backup;', `server 127.0.0.1:${relays[1].port} backup;`],
  ];
  const { front } = await startInFront(t, relays[0], { changes: backup });
  const names = (n) =>
    upstreams[n].requests.map(callOf).map(({ id, n: version }) => `${id} ${version}`);
  const stats = (n) => outboxStats({ OUTBOX: files.path(`outbox-${n}.db`) });
  return { upstreams, relays, start, stats, front, names };
}

test('a second relay: gets nothing while the first is well', async (t) => {
  const { front, names } = await startTwo(t);
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => sync(front, userEvent(`acc_${i}`))),
  );
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(names(0).length, 100);
  assert.deepEqual(names(1), []);
});

test('a second relay: the first is killed, and comes back', async (t) => {
  const { upstreams, relays, start, stats, front, names } = await startTwo(t);
  upstreams[0].answer = hold().answer;
  const caught = Array.from({ length: 10 }, (_, i) => sync(front, userEvent(`caught_${i}`)));
  await upstreams[0].arrived(10);
  await waitFor('them to be stored', async () => (await stats(0)).pending === 10);
  await relays[0].kill();
  for (const answer of caught)
    assert.equal((await answer).status, 502, 'sent already: not sent again');
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => sync(front, userEvent(`acc_${i}`))),
  );
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(names(1).length, 50);
  assert.ok(names(1).every((name) => name.startsWith('acc_')));

  upstreams[0].requests.length = 0;
  upstreams[0].answer = upstreams[1].answer;
  await start(0, { PORT: String(relays[0].port) });
  await waitFor('the first to be tried again', async () => {
    await sync(front, userEvent('again'));
    return names(0).some((name) => name.startsWith('again'));
  });
  await waitFor(
    'what it had stored',
    () => new Set(names(0).filter((name) => name.startsWith('caught_'))).size === 10,
  );
});

// What docs/production.md warns of: two outboxes know nothing of each other.
test('a second relay: nothing is lost, but the first may come back with what is older', async (t) => {
  const { upstreams, relays, start, front, names } = await startTwo(t);
  upstreams[0].answer = { status: 503, body: '' };
  await relays[0].stop();
  const first = await start(0, { PORT: String(relays[0].port), SYNC_WAIT_MS: '0' });
  await waitFor('the first', async () => (await sync(front, userEvent('acc_1', 1))).status === 202);
  await first.kill();
  assert.equal((await sync(front, userEvent('acc_1', 2))).status, 200);
  assert.ok(names(1).includes('acc_1 2'));
  upstreams[0].answer = upstreams[1].answer;
  upstreams[0].requests.length = 0;
  await start(0, { PORT: String(relays[0].port) });
  await upstreams[0].arrived(1);
  assert.equal(names(0)[0], 'acc_1 1');
});

// A connection that the kernel took in just before the first relay closed its socket is reset, and
// nginx does not send the request again: so one request of each sender may fail.
test('a second relay: the first is stopped under load, and the second takes over', async (t) => {
  const { relays, front, names } = await startTwo(t);
  const statuses = [];
  const delivered = [];
  let sending = true;
  const senders = Array.from({ length: 8 }, async (_, sender) => {
    for (let n = 0; sending; n++) {
      const { status } = await sync(front, userEvent(`acc_${sender}`, n));
      statuses.push(status);
      if (status === 200) delivered.push(`acc_${sender} ${n}`);
    }
  });
  await waitFor('some events', () => names(0).length > 200);
  await relays[0].stop();
  await waitFor('some more', () => names(1).length > 200);
  sending = false;
  await Promise.all(senders);
  const others = statuses.filter((status) => status !== 200);
  assert.ok(
    others.length <= senders.length && others.every((status) => status === 502),
    `${others}`,
  );
  const calls = [...names(0), ...names(1)];
  assert.equal(new Set(calls).size, calls.length, 'none is sent twice');
  assert.deepEqual(
    delivered.filter((name) => !calls.includes(name)),
    [],
  );
});
