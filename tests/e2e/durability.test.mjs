// SPDX-License-Identifier: MIT
// What the outbox adds to the answers, and what it keeps through everything.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callOf, DELIVERED, eventOfSize, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { hold } from '../lib/hold.mjs';
import { outbox } from '../lib/outbox.mjs';
import { RELAY_BUILD } from '../lib/relay.mjs';
import {
  assertAnswer,
  HANG,
  HASTY,
  makeWorld,
  NOWHERE,
  PATIENT,
  QUEUED,
  QUICK,
  REJECTION,
} from '../lib/outbox-world.mjs';
import { SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const RESET = { then: 'reset' };

// Everything that was sent arrived, each record's events in order; the last one may have come
// twice.
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
  assert.deepEqual(
    { accepted, delivered, dead, pending },
    { accepted: 1, delivered: 1, dead: 0, pending: 0 },
  );
});

test('Convex is slow: 202 when SYNC_WAIT_MS has passed, and it is on disk', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: { SYNC_WAIT_MS: '300' } });
  const before = performance.now();
  assertAnswer(await world.send(userEvent('acc_1')), 202, QUEUED);
  assert.ok(performance.now() - before >= 300, 'not before');
  assert.equal((await world.pending()).length, 1);
});

test('Convex cannot be reached: 202 with what went wrong', async (t) => {
  const world = await makeWorld(t, { env: { SYNC_WAIT_MS: '3000', CONVEX_URL: NOWHERE } });
  assertAnswer(
    await world.send(userEvent('acc_1')),
    202,
    '{"success":true,"queued":true,"error":"fetch failed"}',
  );
});

test('SYNC_WAIT_MS=0: 202 at once, and kill -9 does not lose it', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  assertAnswer(await world.send(userEvent('acc_1', 7)), 202, QUEUED);
  await world.relay.kill();
  assert.deepEqual(
    (await world.pending()).map(({ record }) => record),
    ['acc_1'],
  );
  world.upstream.answer = SUCCESS;
  await world.start();
  await world.settled();
  assert.equal(world.calls().at(-1).n, 7);
});

const BURIED = {
  'a rejection of Convex': {
    answer: REJECTION,
    event: userEvent('acc_1'),
    expected: [500, '{"error":"Uncaught Error: no such thing"}'],
    reason: /no such thing/,
  },
  'data that no mutation can take': {
    event: { ...userEvent('acc_1'), data: null },
    expected: [500, '{"error":"Cannot convert undefined or null to object"}'],
    reason: /Cannot convert/,
  },
  'a model without a route': {
    event: { ...userEvent('acc_1'), model: 'invoices' },
    expected: [200, DELIVERED],
    reason: /route/,
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
      assert.deepEqual(
        rows.map(({ record }) => record),
        ['acc_1'],
      );
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
  assert.ok(
    world
      .calls()
      .slice(0, seen)
      .every(({ n }) => n === 1),
    'nobody overtook',
  );
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
  const COUNT = 140;
  for (let n = 0; n < COUNT; n++) await world.send(userEvent('acc_1', n));
  assert.equal(world.upstream.requests.length, 1);
  held.open();
  await world.upstream.arrived(COUNT);
  // How long a commit takes is up to the machine and its disk; with a backoff or a tick in between,
  // no two would be close.
  const gapsMs = world.upstream.requests
    .slice(1)
    .map(({ atMs }, i) => atMs - world.upstream.requests[i].atMs);
  assert.ok(Math.min(...gapsMs) < 100, `at least ${Math.min(...gapsMs)} ms between any two`);
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

// ---- routes that are gone ----

const USERS_ROUTE = { users: { mutation: 'users:syncFromBlade' } };
const BOTH_ROUTES = { ...USERS_ROUTE, posts: { mutation: 'posts:syncFromBlade' } };

const WAYS_TO_LOSE_A_ROUTE = {
  'a reload': (world) => world.relay.signal('SIGHUP'),
  'a restart': async (world) => {
    await world.relay.kill();
    await world.start();
  },
};
for (const [what, lose] of Object.entries(WAYS_TO_LOSE_A_ROUTE)) {
  test(`a model loses its route by ${what}: what is pending waits, and comes when the route is back`, async (t) => {
    const files = makeFolder(t, { routes: BOTH_ROUTES });
    const env = { ...HASTY, ROUTES: files.path('routes') };
    const world = await makeWorld(t, { answer: RESET, env, folder: files.folder });
    for (const n of [1, 2])
      assert.equal((await world.send({ ...userEvent('acc_1', n), model: 'posts' })).status, 202);
    assert.equal((await world.send(userEvent('acc_1', 3))).status, 202);
    files.write('routes', USERS_ROUTE);
    await lose(world);
    await waitFor('the news', () =>
      world.log().includes('its events wait until ROUTES names it again model=posts events=2'),
    );
    world.upstream.answer = SUCCESS;
    await waitFor('the other model', async () => (await world.stats()).pending === 2);
    assert.deepEqual(
      (await world.pending()).map(({ model }) => model),
      ['posts', 'posts'],
    );
    // One that comes meanwhile is a letter.
    assertAnswer(await world.send({ ...userEvent('acc_1', 4), model: 'posts' }), 200, DELIVERED);
    assert.equal((await world.stats()).dead, 1);

    const seen = world.upstream.requests.length;
    files.write('routes', BOTH_ROUTES);
    world.relay.signal('SIGHUP');
    await waitFor('the rest', async () => (await world.stats()).pending === 0);
    assert.deepEqual(
      world
        .calls()
        .slice(seen)
        .map(({ n }) => n),
      [1, 2],
    );
    await outbox({ OUTBOX: world.file }, 'replay', '--all', '--model', 'posts');
    await world.settled();
    const { accepted, delivered, dead, pending } = await world.stats();
    assert.deepEqual(
      { accepted, delivered, dead, pending },
      { accepted: 4, delivered: 4, dead: 0, pending: 0 },
    );
  });
}

// ---- routes that are held, a Convex that is away ----

const NOT_DEPLOYED = {
  json: {
    status: 'error',
    errorMessage: "Could not find public function for 'posts:syncFromBlade'.",
  },
};
const count = (text, pattern) => text.match(new RegExp(pattern, 'g'))?.length ?? 0;

test('a function that is missing holds its route alone, says so once, and the deploy heals it', async (t) => {
  let isDeployed = false;
  const answer = ({ text }) =>
    isDeployed || callOf({ text }).path.startsWith('users:') ? SUCCESS : NOT_DEPLOYED;
  const world = await makeWorld(t, { answer, env: { SYNC_WAIT_MS: '3000', LOG_LEVEL: 'info' } });
  const queued = [];
  for (let n = 0; n < 5; n++) {
    queued.push(world.send({ ...userEvent(`pos_${n}`, n), model: 'posts' }));
    await waitFor('the hold', () => world.log().includes('route is held'));
    assertAnswer(await world.send(userEvent(`acc_${n}`)), 200, DELIVERED);
  }
  for (const answer of queued) assert.equal((await answer).status, 202);
  assert.equal(count(world.log(), 'route is held'), 1);
  const held = world.upstream.requests.filter(({ text }) =>
    callOf({ text }).path.startsWith('posts:'),
  ).length;
  assert.ok(held <= 12, `${held} attempts of a route that is held`);

  isDeployed = true;
  await world.settled();
  assert.equal(count(world.log(), 'route is held'), 1);
  assert.equal(count(world.log(), 'the route works again'), 1);
  assert.deepEqual(await world.dead(), []);
});

test('a Convex that is away gets one probe at a time, and two log lines', async (t) => {
  const COUNT = 100;
  const world = await makeWorld(t, { env: { ...HASTY, LOG_LEVEL: 'info' } });
  await world.relay.stop();
  await world.start({ CONVEX_URL: NOWHERE });
  for (let n = 0; n < COUNT; n++)
    assert.equal((await world.send(userEvent(`acc_${n}`, n))).status, 202);
  await waitFor(
    'the outage to be noticed',
    () => count(world.log(), 'Convex is unavailable: events are held') > 0,
  );
  const lines = world
    .log()
    .split('\n')
    .filter((line) => / (warn|error) /.test(line));
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
  assert.equal(
    new Set(
      world
        .calls()
        .slice(seen)
        .map(({ id, n }) => `${id} ${n}`),
    ).size,
    4,
  );
});

test('SIGTERM with a backlog and nobody waiting: it ends at once', async (t) => {
  const world = await makeWorld(t, { env: { ...HASTY, CONVEX_URL: NOWHERE, DRAIN_MS: '600000' } });
  assert.equal((await world.send(userEvent('acc_1'))).status, 202);
  await world.relay.stop();
  assert.equal((await world.pending()).length, 1);
});

// ---- a disk that fails now and then ----

const FAULTY_LOG = path.join(RELAY_BUILD, 'tests/lib/libfaulty-log.so');
const unpreloadable = process.env.RELAY_SANITIZED ? 'a sanitizer has to be loaded first' : false;

// A body of 2 MiB does not fit into SQLite's cache: such a body is written before the commit, and a
// write that fails then ends the transaction of all events beside it.
for (const oneIn of [700, 1300, 2100]) {
  test(
    `one write of the log in ${oneIn} fails amid large events: no older version comes after a newer one`,
    { skip: unpreloadable },
    async (t) => {
      const files = makeFolder(t, { faulty: Buffer.alloc(4) });
      const world = await makeWorld(t, {
        answer: async () => {
          // events are on disk by then
          await sleep(30);
          return SUCCESS;
        },
        env: { ...QUICK, LD_PRELOAD: FAULTY_LOG, FAULTY_LOG: files.path('faulty') },
      });
      const records = Array.from({ length: 8 }, (_, i) => `acc_${i}`);
      const large = Array.from({ length: 4 }, (_, i) => `large_${i}`);
      const send = async (id, count, eventOf) => {
        for (let n = 0; n < count; n++) await world.send(eventOf(id, n));
      };
      await Promise.all(records.map((id) => send(id, 1, userEvent)));
      writeFileSync(files.path('faulty'), Buffer.from(Uint32Array.of(oneIn).buffer), {
        flag: 'r+',
      });
      await Promise.all([
        ...records.map((id) => send(id, 20, (record, n) => userEvent(record, n + 1))),
        ...large.map((id) => send(id, 5, (record) => eventOfSize(2 << 20, record))),
      ]);
      assert.match(world.log(), /the outbox fails/);
      await world.relay.kill();
      const pending = await world.pending();
      assert.equal((await world.stats()).pending, pending.length);
      await world.start({ LD_PRELOAD: '' });
      assert.doesNotMatch(world.log(), /damaged/);
      await world.settled();
      const latest = new Map();
      for (const { id, n } of world.calls()) {
        if (!records.includes(id)) continue;
        assert.ok(n >= (latest.get(id) ?? 0), `${id}: ${n} after ${latest.get(id)}`);
        latest.set(id, n);
      }
    },
  );
}
