// SPDX-License-Identifier: MIT
// Start and stop: where the relay listens, what it logs, when it drains and when not.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { readlinkSync, statSync } from 'node:fs';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openConnection } from '../lib/connection.mjs';
import { DELIVERED, HEADERS, syncRequest, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { hold } from '../lib/hold.mjs';
import { freePorts } from '../lib/ports.mjs';
import { outboxStats } from '../lib/outbox.mjs';
import { rawRequest } from '../lib/rawhttp.mjs';
import { assertEnded, beginStop, spawnRelay, startRelay, sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { waitFor, within } from '../lib/wait.mjs';

const FILL = fileURLToPath(new URL('../bench/scenarios/backlog.sql', import.meta.url));
const NOWHERE = { CONVEX_URL: 'http://127.0.0.1:9' };
const STOPPING = '{"error":"The relay is stopping"}';

const get = (target) => rawRequest({ method: 'GET', target, headers: [['Host', 'localhost']] });

// A relay with an upstream that answers when it is let, and so many events under way.
async function startHeld(t, { events = 1, env = {} } = {}) {
  const upstream = await startUpstream(t);
  const held = hold();
  upstream.answer = held.answer;
  const relay = await startRelay(t, {
    env: { CONVEX_URL: upstream.url, DRAIN_MS: '600000', ...env },
  });
  const answers = await Promise.all(
    Array.from({ length: events }, async (_, i) => {
      const client = await openConnection(t, relay.port);
      client.write(syncRequest(userEvent(`acc_${i}`)));
      return client;
    }),
  ).then((clients) => clients.map((client) => client.answer()));
  await upstream.arrived(Math.min(events, Number(env.CONVEX_CONCURRENCY ?? 16)));
  return { upstream, held, relay, answers };
}

async function assertUnavailable(answer) {
  const { status, headers, body } = await answer;
  assert.deepEqual([status, body, headers.connection], [503, STOPPING, 'close']);
  assert.match(headers['retry-after'], /^\d+$/);
}

// Who may be asked for it, and how soon, the relay cannot know.
async function addressesOf(host) {
  const all = await lookup(host, { all: true });
  return [...new Set(all.map(({ address, family }) => (family === 6 ? `[${address}]` : address)))];
}

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some(({ address }) => address === '::1');
for (const host of ['127.0.0.1', 'localhost', '::1']) {
  const skip = host === '::1' && !hasIpv6 && 'this machine has no ::1';
  test(
    `it listens on ${host}, at each of its addresses and one port, and the log has a line for each`,
    { skip },
    async (t) => {
      const env = { ...NOWHERE, HOST: host, ADMIN_HOST: host, ADMIN_PORT: '0' };
      const relay = await startRelay(t, { env });
      const served = (await addressesOf(host)).filter((address) => address !== '[::1]' || hasIpv6);
      for (const [what, pattern] of [
        ['listening', /info listening address=(\S+):(\d+) /g],
        ['admin listening', /info admin listening address=(\S+):(\d+)\n/g],
      ]) {
        const lines = await waitFor(`${what} at ${served}`, () => {
          const found = [...relay.stderr().matchAll(pattern)];
          return found.length >= served.length && found;
        });
        assert.deepEqual(lines.map(([, address]) => address).sort(), [...served].sort());
        assert.equal(new Set(lines.map(([, , port]) => port)).size, 1);
        for (const [, address, port] of lines)
          assert.equal((await fetch(`http://${address}:${port}/healthz`)).status, 200);
      }
    },
  );
}

test('HOST=:: takes IPv4, too', { skip: !hasIpv6 && 'this machine has no ::1' }, async (t) => {
  const relay = await startRelay(t, { env: { ...NOWHERE, HOST: '::' } });
  for (const host of ['127.0.0.1', '[::1]'])
    assert.equal((await fetch(`http://${host}:${relay.port}/healthz`)).status, 200);
});

// The kernel keeps the port of the side that closed a connection first for a minute, unless told
// not to.
test('a start on the port of one that has just been stopped', async (t) => {
  const [port] = await freePorts(1);
  const env = { ...NOWHERE, PORT: String(port) };
  const relay = await startRelay(t, { env });
  const client = await openConnection(t, port);
  client.write(get('/healthz'));
  assert.equal((await client.answer()).status, 200);
  await relay.stop();
  const next = await startRelay(t, { env });
  assert.equal((await fetch(`${next.url}/healthz`)).status, 200);
});

test('a port that is taken: one line that names it, and the end', async (t) => {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address();
  const relay = spawnRelay(t, { env: { ...NOWHERE, PORT: String(port) } });
  assert.deepEqual(await relay.exited, { code: 1, signal: null });
  assert.match(
    relay.stderr(),
    new RegExp(`^convex-relay: HOST, PORT: .*${port}.*Address already in use\n$`),
  );
});

// A resolver may know a name later (1: a service manager tries again); a name that no resolver can
// be asked stays unknown (2).
for (const [name, env, code, line] of [
  [
    'HOST',
    { HOST: 'no-such-host.invalid' },
    1,
    /^convex-relay: HOST, PORT: no-such-host\.invalid: no address of it is known: [^\n]*\n$/,
  ],
  [
    'ADMIN_HOST',
    { ADMIN_HOST: 'no-such-host.invalid', ADMIN_PORT: '0' },
    1,
    /^convex-relay: ADMIN_HOST, ADMIN_PORT: no-such-host\.invalid: [^\n]*\n$/,
  ],
  [
    'HOST',
    { HOST: 'http://127.0.0.1' },
    2,
    /^convex-relay: HOST: neither an IP address nor a host's name; [^\n]*\n$/,
  ],
  ['HOST', { HOST: '127.0.0.1:3000' }, 2, /^convex-relay: HOST: neither [^\n]*\n$/],
  ['ADMIN_HOST', { ADMIN_HOST: '[::1]' }, 2, /^convex-relay: ADMIN_HOST: neither [^\n]*\n$/],
]) {
  test(`${name}=${env[name]}: one line that names it, and exit code ${code}`, async (t) => {
    const relay = spawnRelay(t, { env: { ...NOWHERE, ...env } });
    await assertEnded(relay, code);
    assert.match(relay.stderr(), line);
  });
}

for (const [hosts, env, overlap] of [
  ['one address', {}, true],
  ['every address and one of them', { HOST: '0.0.0.0' }, true],
  ['a name and its address', { ADMIN_HOST: 'localhost' }, true],
  ['two addresses', { ADMIN_HOST: '127.0.0.2' }, false],
]) {
  test(`PORT and ADMIN_PORT the same on ${hosts}: ${overlap ? 'refused' : 'served'}`, async (t) => {
    const upstream = await startUpstream(t, { json: { ts: 'AAAAAAAAAAA=' } });
    const [port] = await freePorts(1);
    const all = {
      CONVEX_URL: upstream.url,
      ADMIN_HOST: '127.0.0.1',
      ...env,
      PORT: String(port),
      ADMIN_PORT: String(port),
    };
    if (!overlap) {
      await startRelay(t, { env: all });
      return;
    }
    for (const [args, code] of [
      [[], 2],
      [['check'], 1],
    ]) {
      const relay = spawnRelay(t, { env: all, args });
      await assertEnded(relay, code);
      assert.equal(
        relay.stderr(),
        `convex-relay: PORT, ADMIN_PORT: both are ${port}; two sockets need two ports\n`,
      );
    }
  });
}

for (const target of ['/healthz', '/readyz']) {
  test(`GET ${target}`, async (t) => {
    const relay = await startRelay(t, { env: NOWHERE });
    const response = await fetch(relay.url + target);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=UTF-8');
    assert.equal(await response.text(), 'ok\n');
    const head = await fetch(relay.url + target, { method: 'HEAD' });
    assert.deepEqual(
      [head.status, head.headers.get('content-length'), await head.text()],
      [200, '3', ''],
    );
    const posted = await fetch(relay.url + target, { method: 'POST' });
    assert.equal(posted.status, 405);
    assert.equal(posted.headers.get('allow'), 'GET, HEAD');
  });
}

test('it starts while Convex is away', async (t) => {
  const relay = await startRelay(t, { env: NOWHERE });
  assert.equal((await fetch(`${relay.url}/readyz`)).status, 200);
  assert.equal((await sync(relay, userEvent('acc_1'))).status, 500);
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal}: what is in flight is answered, and the connection closed`, async (t) => {
    const {
      relay,
      held,
      answers: [answer],
    } = await startHeld(t);
    await beginStop(relay, signal);
    held.open();
    const { status, headers, body } = await answer;
    assert.deepEqual([status, body, headers.connection], [200, DELIVERED, 'close']);
    await assertEnded(relay);
    assert.match(relay.stderr(), /stopped\n$/);
  });
}

test('SIGTERM: an attempt that nobody waits for any more has its end noted, too', async (t) => {
  const env = { OUTBOX: makeFolder(t).path('outbox.db'), SYNC_WAIT_MS: '0', DRAIN_MS: '600000' };
  const {
    relay,
    held,
    answers: [answer],
  } = await startHeld(t, { env });
  assert.equal((await answer).status, 202);
  await beginStop(relay);
  held.open();
  await assertEnded(relay);
  const { pending, delivered } = await outboxStats(env);
  assert.deepEqual([pending, delivered], [0, 1]);
});

test('SIGTERM: who has connected and sent, but was not seen yet, is served', async (t) => {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url } });
  relay.signal('SIGSTOP');
  const clients = await Promise.all(
    Array.from({ length: 20 }, () => openConnection(t, relay.port)),
  );
  clients.forEach((client, i) => client.write(syncRequest(userEvent(`acc_${i}`))));
  relay.signal('SIGTERM');
  relay.signal('SIGCONT');
  for (const client of clients) assert.equal((await client.answer()).status, 200);
  await assertEnded(relay);
});

test('SIGTERM with idle clients: it ends at once', async (t) => {
  const relay = await startRelay(t, { env: { ...NOWHERE, DRAIN_MS: '600000' } });
  const idle = await openConnection(t, relay.port);
  idle.write(get('/healthz'));
  assert.equal((await idle.answer()).status, 200);
  const silent = await openConnection(t, relay.port);
  await relay.stop();
  await Promise.all([idle.closed(), silent.closed()]);
});

test('while it drains, nobody new comes in, and who is there is served a last time', async (t) => {
  const relayed = await startHeld(t);
  const { relay, held } = relayed;
  const [health, ready, late] = await Promise.all(
    [1, 2, 3].map(() => openConnection(t, relay.port)),
  );
  for (const client of [health, ready, late]) {
    client.write(get('/healthz'));
    assert.equal((await client.answer()).status, 200);
  }
  await beginStop(relay);

  await assert.rejects(openConnection(t, relay.port), { code: 'ECONNREFUSED' });
  health.write(get('/healthz'));
  const alive = await health.answer();
  assert.deepEqual([alive.status, alive.headers.connection], [200, 'close']);
  ready.write(get('/readyz'));
  const notReady = await ready.answer();
  assert.deepEqual(
    [notReady.status, notReady.body, notReady.headers.connection],
    [503, STOPPING, 'close'],
  );
  late.write(syncRequest(userEvent('late')));
  await relayed.upstream.arrived(2);
  held.open();
  const last = await late.answer();
  assert.deepEqual([last.status, last.body, last.headers.connection], [200, DELIVERED, 'close']);
  await Promise.all([health, ready, late].map((client) => client.closed()));
  assert.equal((await relayed.answers[0]).status, 200);
  await assertEnded(relay);
});

test('DRAIN_MS passed: 503 for what is in flight and for what waits', async (t) => {
  const env = { DRAIN_MS: '100', CONVEX_CONCURRENCY: '2' };
  const { relay, upstream, answers } = await startHeld(t, { events: 5, env });
  await beginStop(relay);
  await Promise.all(answers.map(assertUnavailable));
  await assertEnded(relay);
  assert.equal(upstream.requests.length, 2, 'what waited is not sent any more');
});

test('a second SIGTERM stops at once', async (t) => {
  const { relay, answers } = await startHeld(t, { events: 2, env: { DRAIN_MS: '600000' } });
  await beginStop(relay);
  relay.signal('SIGTERM');
  await Promise.all(answers.map(assertUnavailable));
  await assertEnded(relay);
});

test('SIGTERM in the middle of a body: the rest may come', async (t) => {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url, DRAIN_MS: '600000' } });
  const client = await openConnection(t, relay.port);
  await sendHalf(client);
  await beginStop(relay);
  client.write(BODY.slice(10));
  const { status, body, headers } = await client.answer();
  assert.deepEqual([status, body, headers.connection], [200, DELIVERED, 'close']);
  await assertEnded(relay);
});

test('SIGTERM in the middle of a body that never ends: cut off', async (t) => {
  const relay = await startRelay(t, { env: { ...NOWHERE, DRAIN_MS: '50' } });
  const client = await openConnection(t, relay.port);
  await sendHalf(client);
  relay.signal('SIGTERM');
  await assertEnded(relay);
  assert.equal((await client.answer()).status, null);
});

const BODY = JSON.stringify(userEvent('acc_1'));

// "100 Continue" proves that the relay has seen the head.
async function sendHalf(client) {
  const headers = [...HEADERS, ['Content-Length', String(BODY.length)], ['Expect', '100-continue']];
  client.write(syncRequest('', { headers }));
  assert.equal((await client.answer()).status, 100);
  client.write(BODY.slice(0, 10));
}

test('a stop in the middle of the start', async (t) => {
  const files = makeFolder(t, {});
  const OUTBOX = files.path('outbox.db');
  const env = { ...NOWHERE, OUTBOX };
  await (await startRelay(t, { env })).stop();
  execFileSync('sqlite3', [OUTBOX], {
    input: `.bail on\n.parameter set :events 50000\n.read '${FILL}'\n`,
  });
  for (let ms = 0; ms < 100; ms += 5) {
    const relay = spawnRelay(t, { env });
    await new Promise((resolve) => setTimeout(resolve, ms)); // anywhere in its start
    relay.signal('SIGTERM');
    const end = await within('the end', relay.exited);
    // Before the relay has set up signals, the kernel ends the process.
    assert.ok(
      end.code === 0 || (end.signal === 'SIGTERM' && relay.stderr() === ''),
      `${ms} ms: ${JSON.stringify(end)}\n${relay.stderr()}`,
    );
  }
});

test('a secret from a pipe, as a shell makes it for <(command)', async (t) => {
  const under = ['bash', '-c', 'SYNC_SECRET_FILE=<(sleep 0.2; printf from-a-pipe) exec "$0"'];
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, {
    under,
    env: { CONVEX_URL: upstream.url, SYNC_SECRET: undefined },
  });
  assert.equal((await sync(relay, userEvent('acc_1'), { secret: 'from-a-pipe' })).status, 200);
});

const OWN_STDERR = process.env.RELAY_MEMCHECK ? 'Valgrind needs stderr itself' : false;
test(
  'stdin, stdout and stderr closed: nothing else takes their place',
  { skip: OWN_STDERR },
  async (t) => {
    const files = makeFolder(t);
    const under = ['sh', '-c', 'exec "$0" <&- >&- 2>&-'];
    const relay = spawnRelay(t, { under, env: { ...NOWHERE, OUTBOX: files.path('outbox.db') } });
    const lock = files.path('outbox.db.lock');
    const fdOf = (n) => readlinkSync(`/proc/${relay.pid}/fd/${n}`);
    await waitFor('the outbox', () => statSync(lock, { throwIfNoEntry: false }));
    assert.deepEqual([0, 1, 2].map(fdOf), Array(3).fill('/dev/null'));
    relay.signal('SIGTERM');
    await assertEnded(relay);
    assert.equal(statSync(lock).size, 0);
  },
);
