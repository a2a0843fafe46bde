// SPDX-License-Identifier: MIT
// The number that a mutation gets (sequence), and the clock that the numbers come from.

import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startChild } from '../lib/child.mjs';
import { DELIVERED, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { scrape, statusOf } from '../lib/metrics.mjs';
import { outbox } from '../lib/outbox.mjs';
import { assertAnswer, HASTY, makeWorld } from '../lib/outbox-world.mjs';
import { RELAY_BIN, relayEnv } from '../lib/relay.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor, within } from '../lib/wait.mjs';

const ROUTES = {
  users: {
    mutation: 'users:syncFromBlade',
    remove: 'users:deleteByBladeId',
    nulls: 'drop',
    batch: 'users:syncBatch',
    sequence: 'syncSeq',
  },
  posts: { mutation: 'posts:syncFromBlade' },
};
const MINUTE_MS = 60 * 1000;

const postEvent = (id) => ({ ...userEvent(id), model: 'posts' });

async function makeNumbered(t, { env, ...options } = {}) {
  const files = makeFolder(t);
  const world = await makeWorld(t, {
    ...options,
    folder: files.folder,
    env: { ROUTES: files.write('routes.json', ROUTES), ADMIN_PORT: '0', ...env },
  });
  // The mutations' arguments, one by one, in their order. JSON.parse takes the last of a repeated
  // member, as Convex does: the arguments are parsed by serde_json (crates/udf/src/validation.rs)
  // and by JSON.parse (npm-packages/convex/src/server/impl/registration_impl.ts).
  const sent = () =>
    world.upstream.requests
      .filter(({ target }) => target === '/api/mutation')
      .map(({ text }) => JSON.parse(text))
      .flatMap(({ path: name, args: [args] }) =>
        (name.endsWith('Batch') ? args.users : [args]).map((data) => ({ name, data })),
      );
  const numbers = () => sent().map(({ data }) => data.syncSeq);
  return { ...world, world, sent, numbers };
}

const assertRising = (numbers) =>
  numbers.forEach((number, n) => assert.ok(n === 0 || number > numbers[n - 1], `${numbers}`));

test('the number is added to arguments of every shape, and of removals', async (t) => {
  const { world, sent } = await makeNumbered(t);
  const before = Date.now() * 1000;
  for (const data of [
    {},
    { a: null },
    { a: { b: null } },
    { syncSeq: 'mine', a: 1 },
    { text: 'x'.repeat(1 << 20) },
  ]) {
    assertAnswer(await world.send({ model: 'users', hiveId: 'u', data }), 200, DELIVERED);
  }
  const remove = { model: 'users', operation: 'remove', hiveId: 'u' };
  assertAnswer(await world.send(remove), 200, DELIVERED);
  const calls = sent();
  assert.deepEqual(
    calls.map(({ name, data: { syncSeq, ...data } }) => [name, data]),
    [
      ['users:syncFromBlade', {}],
      ['users:syncFromBlade', {}],
      ['users:syncFromBlade', { a: { b: null } }],
      ['users:syncFromBlade', { a: 1 }],
      ['users:syncFromBlade', { text: 'x'.repeat(1 << 20) }],
      ['users:deleteByBladeId', { bladeId: 'u' }],
    ],
  );
  assertRising(calls.map(({ data }) => data.syncSeq));
  assert.ok(calls[0].data.syncSeq >= before, 'microseconds of the wall clock');
  assertAnswer(await world.send(postEvent('p')), 200, DELIVERED);
  assert.equal(sent().at(-1).data.syncSeq, undefined, 'routes without sequence');
});

test('kill -9 again and again: the numbers rise, and none is given twice', async (t) => {
  const { world, numbers } = await makeNumbered(t);
  for (let life = 0; life < 4; life++) {
    for (let n = 0; n < 5; n++) {
      assertAnswer(await world.send(userEvent(`acc_${life}_${n}`)), 200, DELIVERED);
    }
    world.relay.signal('SIGKILL');
    await within('the relay to die', world.relay.exited);
    await world.start();
  }
  // After a kill Convex may see a record's last event twice: under the number that it had.
  const seen = numbers().filter((number, n, all) => all.indexOf(number) === n);
  assert.equal(seen.length, 20);
  assertRising(seen);
});

test('a replay has the number of the event, a forced one a larger number', async (t) => {
  const answer = () => ({ json: { status: 'error', errorMessage: 'Uncaught Error: no' } });
  const { world, numbers } = await makeNumbered(t, { answer });
  await world.send(userEvent('acc_1'));
  await world.send(userEvent('acc_2'));
  world.upstream.answer = SUCCESS;
  const [first, second] = (await world.dead()).map(({ id }) => String(id));
  await outbox({ OUTBOX: world.file }, 'replay', first);
  await outbox({ OUTBOX: world.file }, 'replay', '--force', second);
  await waitFor('both to be delivered', async () => (await world.stats()).delivered === 2);
  const all = numbers().map(String);
  assert.deepEqual(all.slice(0, 2), [first, second]);
  assert.ok(all.slice(2).includes(first));
  assert.ok(all.slice(2).some((number) => Number(number) > Number(second)));
});

test('a restored backup: the numbers go on above all that were given', async (t) => {
  const { world, numbers, folder } = await makeNumbered(t);
  const backup = path.join(folder, 'backup.db');
  for (let n = 0; n < 3; n++) await world.send(userEvent('acc_1', n));
  await outbox({ OUTBOX: world.file }, 'backup', backup);
  for (let n = 3; n < 6; n++) await world.send(userEvent('acc_1', n));
  await world.relay.stop();
  for (const name of readdirSync(folder).filter((file) => file.startsWith('outbox.db')))
    rmSync(path.join(folder, name));
  copyFileSync(backup, world.file);
  await world.start();
  for (let n = 6; n < 9; n++) {
    assertAnswer(await world.send(userEvent('acc_1', n)), 200, DELIVERED);
  }
  assert.equal(numbers().length, 9);
  assertRising(numbers());
});

// ---- the clock ----

// Convex, whose clock is ahead by so many ms.
function withClock(aheadMs) {
  const clock = { aheadMs };
  const answer = () => ({
    ...SUCCESS,
    headers: { Date: new Date(Date.now() + clock.aheadMs).toUTCString() },
  });
  return { clock, answer };
}

const heldOf = async (world, model) =>
  (await statusOf(world.relay)).routes.find((route) => route.model === model).held_reason;

for (const [what, aheadMs] of [
  ['ahead of', -6 * MINUTE_MS],
  ['behind', 6 * MINUTE_MS],
]) {
  test(`a clock ${what} Convex's holds what would get a number from it`, async (t) => {
    const { clock, answer } = withClock(aheadMs);
    const { world, sent } = await makeNumbered(t, { answer, env: HASTY });
    await world.send(userEvent('acc_1'));
    await world.send(postEvent('post_1'));
    await waitFor('the route to be held', async () => (await heldOf(world, 'users')) === 'clock');
    await waitFor('the other route to go', async () => (await world.stats()).delivered === 1);
    const held = (metrics, model) => metrics.value('route_held', { model });
    const metrics = await scrape(world.relay);
    assert.deepEqual([held(metrics, 'users'), held(metrics, 'posts')], [1, 0]);
    assert.deepEqual(
      sent().map(({ name }) => name),
      ['posts:syncFromBlade'],
    );

    clock.aheadMs = 0;
    world.relay.signal('SIGHUP'); // else within half a minute
    await world.settled();
    assert.equal(await heldOf(world, 'users'), null);
    assert.equal(held(await scrape(world.relay), 'users'), 0);
    const said = (part) => world.log().split(part).length - 1;
    assert.equal(said("the clock is over 5 minutes from Convex's"), 1);
    assert.match(world.log(), /held; let NTP set this machine's clock/);
    assert.equal(said('the clock is right again'), 1);
  });

  test(`check warns of a clock ${what} Convex's, and names what routes have`, async (t) => {
    const { answer } = withClock(aheadMs);
    const upstream = await startUpstream(t, answer);
    const file = makeFolder(t).write('routes.json', ROUTES);
    const child = startChild(t, RELAY_BIN, ['check'], {
      env: relayEnv({ CONVEX_URL: upstream.url, ROUTES: file }),
    });
    assert.equal((await child.exited).code, 0);
    assert.match(child.stderr(), new RegExp(`^convex-relay: the clock is 3[56]\\d s ${what} Conv`));
    assert.match(
      child.stdout(),
      /^Route "users": batches of up to 50 go to users:syncBatch as "users"; each event has its number as "syncSeq"$/m,
    );
    assert.doesNotMatch(child.stdout(), /posts/);
  });
}

test('answers that say no time hold nothing', async (t) => {
  const { world, sent } = await makeNumbered(t);
  assertAnswer(await world.send(userEvent('acc_1')), 200, DELIVERED);
  assert.equal(sent().length, 1);
  assert.equal(
    world.upstream.requests.filter(({ target }) => target === '/api/query_ts').length,
    1,
  );
});

test('as many calls as there may be leave room for the one that asks', async (t) => {
  const { answer } = withClock(0);
  const waiting = [];
  const { world, sent } = await makeNumbered(t, {
    env: { CONVEX_CONCURRENCY: '1', ...HASTY },
    answer: ({ target }) =>
      target === '/api/mutation' && sent().length === 1
        ? new Promise((resolve) => waiting.push(resolve))
        : answer(),
  });
  await world.send(postEvent('post_1'));
  await waitFor('the first call', () => waiting.length === 1);
  world.relay.signal('SIGHUP');
  await waitFor('the reload', () => world.log().includes('reloaded'));
  await world.send(userEvent('acc_1'));
  waiting[0](answer());
  await world.settled();
  assert.equal((await world.stats()).delivered, 2);
});
