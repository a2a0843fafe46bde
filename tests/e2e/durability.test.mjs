// SPDX-License-Identifier: MIT
// What the outbox adds to the answers, and what it keeps through everything.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, rmdirSync, statSync, writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { callOf, DELIVERED, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { hold } from '../lib/hold.mjs';
import { outboxRows, outboxStats } from '../lib/outbox.mjs';
import { spawnRelay, startRelay, sync } from '../lib/relay.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor, within } from '../lib/wait.mjs';

const QUEUED = '{"success":true,"queued":true}';
const NOWHERE = 'http://127.0.0.1:9';
const HANG = { hang: true };
const RESET = { then: 'reset' };
const REJECTION = { json: { status: 'error', errorMessage: 'Uncaught Error: no such thing' } };
const PATIENT = { SYNC_WAIT_MS: '60000' };
const HASTY = { SYNC_WAIT_MS: '0' };
const QUICK = { SYNC_WAIT_MS: '100' };

// An upstream, an outbox, and relays that follow one another between them.
async function makeWorld(t, { answer = SUCCESS, env = {}, folder = makeFolder(t).folder } = {}) {
  const upstream = await startUpstream(t, answer);
  const all = { CONVEX_URL: upstream.url, OUTBOX: path.join(folder, 'outbox.db'), ...env };
  const world = {
    upstream, folder, file: all.OUTBOX, relay: null,
    async start(more = {}) {
      world.relay = await startRelay(t, { env: { ...all, ...more } });
      return world.relay;
    },
    async send(event, init) {
      const response = await sync(world.relay, event, init);
      return { status: response.status, body: await response.text(), headers: response.headers };
    },
    rows: (...args) => outboxRows(all, ...args),
    dead: () => outboxRows(all, '--state', 'dead'),
    pending: () => outboxRows(all, '--state', 'pending'),
    stats: () => outboxStats(all),
    settled: () => waitFor('everything to be settled', async () => (await world.stats()).pending === 0),
    calls: () => upstream.requests.map(callOf),
    log: () => world.relay.stderr(),
  };
  await world.start();
  return world;
}

const assertAnswer = ({ status, body }, ...expected) => assert.deepEqual([status, body], expected);

function assertUnavailable({ status, body, headers }) {
  assert.equal(status, 503, body);
  assert.match(body, /^\{"error":".+"\}$/);
  assert.match(headers.get('retry-after') ?? '', /^\d+$/);
}

// Everything that was sent arrived, each record's events in order; the last one may have come twice.
function assertOrder(calls, expected) {
  const records = new Map();
  for (const { id, n } of calls) {
    if (records.get(id)?.at(-1) === n) continue;
    records.set(id, [...(records.get(id) ?? []), n]);
  }
  assert.deepEqual(Object.fromEntries(records), expected);
}

// ---- the answers ----

test('Convex takes it: 200, and nothing is left behind', async (t) => {
  const world = await makeWorld(t);
  assertAnswer(await world.send(userEvent('acc_1')), 200, DELIVERED);
  await world.relay.stop();
  const { accepted, delivered, dead, pending } = await world.stats();
  assert.deepEqual({ accepted, delivered, dead, pending }, { accepted: 1, delivered: 1, dead: 0, pending: 0 });
});

test('Convex is slow: 202 when SYNC_WAIT_MS has passed, and it is on disk', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: { SYNC_WAIT_MS: '300' } });
  const before = performance.now();
  assertAnswer(await world.send(userEvent('acc_1')), 202, QUEUED);
  assert.ok(performance.now() - before >= 290, 'not before');
  assert.equal((await world.pending()).length, 1);
});

test('Convex cannot be reached: 202 with what went wrong', async (t) => {
  const world = await makeWorld(t, { env: { ...QUICK, CONVEX_URL: NOWHERE } });
  assertAnswer(await world.send(userEvent('acc_1')), 202, '{"success":true,"queued":true,"error":"fetch failed"}');
});

test('SYNC_WAIT_MS=0: 202 at once, and kill -9 does not lose it', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  assertAnswer(await world.send(userEvent('acc_1', 7)), 202, QUEUED);
  await world.relay.kill();
  assert.deepEqual((await world.pending()).map(({ record }) => record), ['acc_1']);
  world.upstream.answer = SUCCESS;
  await world.start();
  await world.settled();
  assert.equal(world.calls().at(-1).n, 7);
});

const BURIED = {
  'a rejection of Convex': {
    answer: REJECTION, event: userEvent('acc_1'),
    expected: [500, '{"error":"Uncaught Error: no such thing"}'], reason: /no such thing/,
  },
  'data that no mutation can take': {
    event: { ...userEvent('acc_1'), data: null },
    expected: [500, '{"error":"Cannot convert undefined or null to object"}'], reason: /Cannot convert/,
  },
  'a model without a route': {
    event: { ...userEvent('acc_1'), model: 'invoices' }, expected: [200, DELIVERED], reason: /route/,
  },
};
for (const [what, { answer, event, expected, reason }] of Object.entries(BURIED)) {
  for (const env of [PATIENT, HASTY]) {
    // With no time to wait a rejection comes after the answer.
    if (answer && env === HASTY) continue;
    test(`${what}: ${expected[0]}, and a dead letter at once (SYNC_WAIT_MS=${env.SYNC_WAIT_MS})`, async (t) => {
      const world = await makeWorld(t, { answer, env });
      assertAnswer(await world.send(event), ...expected);
      await world.relay.kill();
      await world.start();
      const rows = await world.dead();
      assert.deepEqual(rows.map(({ record }) => record), ['acc_1']);
      assert.match(rows[0].reason, reason);
      const { accepted, dead, pending } = await world.stats();
      assert.deepEqual({ accepted, dead, pending }, { accepted: 1, dead: 1, pending: 0 });
    });
  }
}

test('a rejection after the 202 makes a dead letter, too', async (t) => {
  const held = hold(REJECTION);
  const world = await makeWorld(t, { answer: held.answer, env: QUICK });
  assertAnswer(await world.send(userEvent('acc_1')), 202, QUEUED);
  held.open();
  await world.settled();
  assert.match((await world.dead())[0].reason, /no such thing/);
});

// ---- order ----

const THREE_OF_TWO = ['acc_1', 'acc_2'].flatMap((id) => [1, 2, 3].map((n) => userEvent(id, n)));
const IN_ORDER = { acc_1: [1, 2, 3], acc_2: [1, 2, 3] };

test('when Convex comes back, everything arrives in order', async (t) => {
  const world = await makeWorld(t, { answer: RESET, env: HASTY });
  for (const event of THREE_OF_TWO) assert.equal((await world.send(event)).status, 202);
  await world.upstream.arrived(1);
  const seen = world.upstream.requests.length;
  world.upstream.answer = SUCCESS;
  await world.settled();
  assertOrder(world.calls().slice(seen), IN_ORDER);
  assert.ok(world.calls().slice(0, seen).every(({ n }) => n === 1), 'nobody overtook');
});

test('kill -9 and a start: everything arrives in order', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  for (const event of THREE_OF_TWO) assert.equal((await world.send(event)).status, 202);
  await world.relay.kill();
  const seen = world.upstream.requests.length;
  world.upstream.answer = SUCCESS;
  await world.start();
  await world.settled();
  assertOrder(world.calls().slice(seen), IN_ORDER);
});

test('the next event of a record waits for no timer', async (t) => {
  const held = hold();
  const world = await makeWorld(t, { answer: held.answer, env: HASTY });
  const COUNT = 50; // a backoff or a tick between any two of them would take much longer
  for (let n = 0; n < COUNT; n++) await world.send(userEvent('acc_1', n));
  assert.equal(world.upstream.requests.length, 1);
  const before = performance.now();
  held.open();
  await world.upstream.arrived(COUNT);
  assert.ok(performance.now() - before < 5000);
  assertOrder(world.calls(), { acc_1: Array.from({ length: COUNT }, (_, n) => n) });
});

test('an event is settled on disk before the next of its record is sent', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  for (const n of [1, 2, 3]) await world.send(userEvent('acc_1', n));
  await world.relay.kill();
  const seen = world.upstream.requests.length;
  // The second hangs: a process that dies now must not have the first to send any more.
  world.upstream.answer = ({ text }) => (callOf({ text }).n === 1 ? SUCCESS : HANG);
  await world.start();
  await world.upstream.arrived(seen + 2);
  await world.relay.kill();
  assert.equal((await world.pending()).length, 2);
});

// ---- routes that are held, a Convex that is away ----

const NOT_DEPLOYED = { json: { status: 'error', errorMessage: "Could not find public function for 'posts:syncFromBlade'." } };
const count = (text, pattern) => text.match(new RegExp(pattern, 'g'))?.length ?? 0;

test('a function that is missing holds its route alone, says so once, and the deploy heals it', async (t) => {
  let isDeployed = false;
  const answer = ({ text }) => (isDeployed || callOf({ text }).path.startsWith('users:') ? SUCCESS : NOT_DEPLOYED);
  const world = await makeWorld(t, { answer, env: { ...QUICK, LOG_LEVEL: 'info' } });
  for (let n = 0; n < 5; n++) {
    const event = { ...userEvent(`pos_${n}`, n), model: 'posts' };
    assert.equal((await world.send(event)).status, 202);
    assertAnswer(await world.send(userEvent(`acc_${n}`)), 200, DELIVERED);
  }
  assert.equal(count(world.log(), 'route is held'), 1);
  const held = world.upstream.requests.filter(({ text }) => callOf({ text }).path.startsWith('posts:')).length;
  assert.ok(held <= 8, `${held} attempts of a route that is held`);

  isDeployed = true;
  await world.settled();
  assert.equal(count(world.log(), 'route is held'), 1);
  assert.equal(count(world.log(), 'route is served again'), 1);
  assert.deepEqual(await world.dead(), []);
});

test('a Convex that is away gets one probe at a time, and two log lines', async (t) => {
  const COUNT = 100;
  const world = await makeWorld(t, { env: { ...HASTY, LOG_LEVEL: 'info' } });
  await world.relay.stop();
  await world.start({ CONVEX_URL: NOWHERE });
  for (let n = 0; n < COUNT; n++) assert.equal((await world.send(userEvent(`acc_${n}`, n))).status, 202);
  await waitFor('the outage to be noticed', () => count(world.log(), 'not to be had') > 0);
  const lines = world.log().split('\n').filter((line) => / (warn|error) /.test(line));
  assert.equal(lines.length, 1, lines.join('\n'));
  await world.relay.stop();
  await world.start();
  await world.settled();
  assert.equal(new Set(world.calls().map(({ id }) => id)).size, COUNT);
});

// ---- stops ----

test('SIGTERM: whoever waits for Convex gets 202 after DRAIN_MS, and the event is kept', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: { ...PATIENT, DRAIN_MS: '100' } });
  const answers = [1, 2, 3].map((n) => world.send(userEvent('acc_1', n)));
  const other = world.send(userEvent('acc_2', 1));
  await world.upstream.arrived(2);
  await waitFor('them to be stored', async () => (await world.pending()).length === 4);
  await world.relay.stop();
  for (const answer of [...answers, other]) assertAnswer(await answer, 202, QUEUED);
  world.upstream.answer = SUCCESS;
  const seen = world.upstream.requests.length;
  await world.start();
  await world.settled();
  assert.equal(new Set(world.calls().slice(seen).map(({ id, n }) => `${id} ${n}`)).size, 4);
});

test('SIGTERM with a backlog and nobody waiting: it ends at once', async (t) => {
  const world = await makeWorld(t, { env: { ...HASTY, CONVEX_URL: NOWHERE, DRAIN_MS: '600000' } });
  assert.equal((await world.send(userEvent('acc_1'))).status, 202);
  await world.relay.stop();
  assert.equal((await world.pending()).length, 1);
});

// ---- the file ----

test('its owner alone can read it', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  await world.send(userEvent('acc_1'));
  const files = readdirSync(world.folder);
  assert.ok(files.length >= 3, files.join(' '));
  for (const file of files) assert.equal(statSync(path.join(world.folder, file)).mode & 0o777, 0o600, file);
});

// The file header's fields, https://sqlite.org/fileformat.html section 1.3.
const USER_VERSION = 60;
const APPLICATION_ID = 68;

function overwrite(file, offset, bytes) {
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

const REFUSED = {
  'made by a newer version': { spoil: ({ file }) => overwrite(file, USER_VERSION, Buffer.from([0, 1, 0, 0])), says: /newer/ },
  'of another program': { spoil: ({ file }) => overwrite(file, APPLICATION_ID, Buffer.from('ABCD')), says: /./ },
  'a folder': {
    spoil({ file }) {
      rmSync(file);
      mkdirSync(file);
    },
    says: /not a file/,
  },
  'in no folder': { spoil: ({ folder }) => rmSync(folder, { recursive: true }), says: /folder/ },
};
for (const [what, { spoil, says }] of Object.entries(REFUSED)) {
  test(`an outbox that is ${what}: refused, and named`, async (t) => {
    const world = await makeWorld(t);
    await world.relay.stop();
    spoil(world);
    await assertRefused(t, world, says);
  });
}

async function assertRefused(t, world, says) {
  const relay = spawnRelay(t, { env: { CONVEX_URL: NOWHERE, OUTBOX: world.file } });
  assert.deepEqual(await within('the refusal', relay.exited), { code: 2, signal: null }, relay.stderr());
  const [line, ...more] = relay.stderr().split('\n').filter((text) => /^convex-relay: /.test(text));
  assert.deepEqual(more, []);
  assert.ok(line.startsWith(`convex-relay: OUTBOX: ${world.file}: `), line);
  assert.match(line, says);
}

test('a second relay on the same file: refused, and the first goes on', async (t) => {
  const world = await makeWorld(t);
  await assertRefused(t, world, /another relay/);
  assertAnswer(await world.send(userEvent('acc_1')), 200, DELIVERED);
});

test('an outbox that cannot be written: refused, and named', async (t) => {
  const isRoot = process.getuid() === 0;
  const folder = isRoot ? mountTmpfs(t, '4m') : makeFolder(t).folder;
  if (!folder) return t.skip('tmpfs cannot be mounted here');
  const world = await makeWorld(t, { folder });
  await world.relay.stop();
  if (isRoot) {
    execFileSync('mount', ['-o', 'remount,ro', folder]);
  } else {
    chmodSync(world.file, 0o400);
  }
  await assertRefused(t, world, /read-only|cannot/i);
});

test('a file that is damaged is set aside, and the relay serves', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  for (let n = 0; n < 3; n++) await world.send(userEvent(`acc_${n}`, n));
  await world.relay.kill();
  rmSync(`${world.file}-wal`); // the file alone is not whole then, and its head is gone
  overwrite(world.file, 0, Buffer.alloc(2048, 'x'));
  world.upstream.answer = SUCCESS;
  await world.start(PATIENT);
  const lines = world.log().split('\n').filter((line) => line.includes(' error '));
  assert.equal(lines.length, 1, world.log());
  assert.match(lines[0], /damaged.*set_aside=.*events_saved=/);
  assert.equal(readdirSync(world.folder).filter((file) => file.includes('damaged')).length > 0, true);
  assertAnswer(await world.send(userEvent('acc_9')), 200, DELIVERED);
});

// ---- full disks ----

// A folder of so much room, or null where this user may not have one.
function mountTmpfs(t, size) {
  const folder = mkdtempSync(path.join(tmpdir(), 'convex-relay-test-'));
  let isMounted = true;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    isMounted = false;
  }
  t.after(() => {
    if (isMounted) execFileSync('umount', ['-l', folder]);
    rmdirSync(folder);
  });
  return isMounted ? folder : null;
}

function fillDisk(folder) {
  const filler = path.join(folder, 'filler');
  const fd = openSync(filler, 'w');
  for (let size = 65536; size >= 1;) {
    try {
      writeSync(fd, Buffer.alloc(size));
    } catch {
      size = Math.floor(size / 2);
    }
  }
  closeSync(fd);
  return () => rmSync(filler);
}

const ready = async (relay) => {
  const response = await fetch(`${relay.url}/readyz`);
  return { status: response.status, text: await response.text() };
};

test('a full disk: 200 while Convex is well, 503 when it is not, and it recovers by itself', async (t) => {
  const folder = mountTmpfs(t, '4m');
  if (!folder) return t.skip('tmpfs cannot be mounted here');
  const world = await makeWorld(t, { folder, env: { ...QUICK, DRAIN_MS: '0' } });
  assertAnswer(await world.send(userEvent('acc_0')), 200, DELIVERED);
  const free = fillDisk(folder);

  // What was there already may take a few events more.
  world.upstream.answer = HANG;
  const text = 'x'.repeat(100_000);
  const big = (id) => ({ ...userEvent(id), data: { ...userEvent(id).data, text } });
  let accepted = 0;
  let answer;
  for (answer = await world.send(big('big_0')); answer.status === 202; accepted++) answer = await world.send(big(`big_${accepted}`));
  assertUnavailable(answer);
  assert.ok(accepted < 40, `${accepted} events on a full disk`);
  assert.deepEqual(await ready(world.relay), { status: 503, text: '{"error":"The outbox is full"}' });

  world.upstream.answer = SUCCESS;
  await world.relay.stop();
  await world.start();
  assertAnswer(await world.send(big('well')), 200, DELIVERED);

  free();
  world.upstream.answer = HANG;
  await waitFor('room', async () => (await world.send(big('again'))).status === 202);
  assert.equal((await ready(world.relay)).status, 200);
});

test('a rejection while the disk is full becomes a dead letter when there is room', async (t) => {
  const folder = mountTmpfs(t, '32m');
  if (!folder) return t.skip('tmpfs cannot be mounted here');
  const world = await makeWorld(t, { folder, answer: REJECTION, env: PATIENT });
  const free = fillDisk(folder);
  const text = 'x'.repeat(1_000_000); // more than is left in the files that are there
  const COUNT = 5;
  for (let n = 0; n < COUNT; n++) {
    const event = userEvent(`acc_${n}`);
    event.data.text = text;
    assert.equal((await world.send(event)).status, 500);
  }
  free();
  await waitFor('the dead letters', async () => (await world.dead()).length === COUNT);
  assert.equal((await world.stats()).accepted, COUNT);
});

test('OUTBOX_MAX_MB reached: 503, /readyz says so, and room comes with Convex', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: { ...HASTY, OUTBOX_MAX_MB: '1' } });
  const text = 'x'.repeat(100_000);
  const big = (id) => ({ ...userEvent(id), data: { ...userEvent(id).data, text } });
  const statuses = [];
  while (statuses.at(-1) !== 503 && statuses.length < 40) statuses.push((await world.send(big(`acc_${statuses.length}`))).status);
  assert.ok(statuses.length > 5 && statuses.length < 12, statuses.join(' '));
  assertUnavailable(await world.send(big('acc_full')));
  assert.deepEqual(await ready(world.relay), { status: 503, text: '{"error":"The outbox is full"}' });

  world.upstream.answer = SUCCESS;
  world.upstream.closeConnections();
  await world.settled();
  assert.equal(new Set(world.calls().map(({ id }) => id)).size >= statuses.length - 1, true);
  await waitFor('room', async () => (await world.send(big('acc_room'))).status === 202);
  assert.equal((await ready(world.relay)).status, 200);
});
