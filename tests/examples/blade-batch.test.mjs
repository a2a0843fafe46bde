// SPDX-License-Identifier: MIT
// examples/blade: a change of many records goes in one request, and what becomes of its records is
// told one by one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeFolder } from '../lib/files.mjs';
import { outboxStats } from '../lib/outbox.mjs';
import { SECRET } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';
import { loadTrigger } from './blade-app.mjs';
import { startWorld } from './world.mjs';

const MAX_BYTES = 16 * 1024 * 1024;
const account = (i, name = null) => ({ id: `acc_${i}`, email: `${i}@example.com`, name });
const accounts = (n, name) => Array.from({ length: n }, (_, i) => account(i, name));

// A relay that follows the contract, but for the answers that a test gives.
async function startTold(t, answer = () => undefined) {
  const told = await startUpstream(t, (request) => answer(request) ?? taken(request));
  return { told, ...loadTrigger('account', { CONVEX_RELAY_URL: told.url, SYNC_SECRET: SECRET }) };
}

function taken({ target, text }) {
  if (target === '/convex/sync') return { json: { success: true } };
  return answered(JSON.parse(text).records.map(() => ({ success: true })));
}

function answered(results) {
  const failed = results.filter(({ error }) => error !== undefined).length;
  const counts = { successful: results.length - failed, failed, total: results.length };
  return { json: { success: true, ...counts, results } };
}

const targets = ({ requests }) => requests.map(({ target }) => target);
const sent = ({ requests }) => requests.map(({ text }) => JSON.parse(text));
const isBatch = ({ target }) => target === '/convex/sync/batch';

for (const [type, operation, listed, data] of [
  ['followingAdd', 'add', 'records', { bladeId: 'acc_0', email: '0@example.com', name: null }],
  ['followingSet', 'set', 'records', { bladeId: 'acc_0', email: '0@example.com', name: null }],
  ['followingRemove', 'remove', 'previousRecords', {}],
]) {
  test(`${operation}: all records of a change in one request`, async (t) => {
    const { told, fired, errors } = await startTold(t);
    await fired(type, { [listed]: accounts(250) });
    const [{ method, target, headers }] = told.requests;
    assert.deepEqual([told.requests.length, method, target], [1, 'POST', '/convex/sync/batch']);
    assert.equal(headers['x-sync-secret'], SECRET);
    const [{ records, ...rest }] = sent(told);
    assert.deepEqual(rest, { model: 'users', operation });
    assert.deepEqual(records[0], { hiveId: 'acc_0', data });
    assert.deepEqual(
      records.map(({ hiveId }) => hiveId),
      accounts(250).map(({ id }) => id),
    );
    assert.deepEqual(errors, []);
  });
}

test('a lone record goes alone, and none not at all', async (t) => {
  const { told, fired } = await startTold(t);
  await fired('followingSet', { records: [] });
  await fired('followingSet', { records: accounts(1) });
  assert.deepEqual(targets(told), ['/convex/sync']);
  assert.deepEqual([sent(told)[0].hiveId, sent(told)[0].model], ['acc_0', 'users']);
});

test('more than 10,000 records are several requests', async (t) => {
  const { told, fired, errors } = await startTold(t);
  await fired('followingSet', { records: accounts(20_001) });
  const sizes = sent(told).map(({ records = [0] }) => records.length);
  assert.deepEqual(sizes.sort(), [1, 10_000, 10_000]);
  assert.deepEqual(targets(told).filter((target) => target === '/convex/sync').length, 1);
  assert.deepEqual(errors, []);
});

test('no request is larger than the relay takes, by bytes and not by characters', async (t) => {
  const { told, fired, errors } = await startTold(t);
  const records = accounts(20, '\u{1f680}€ü"\n'.repeat(200_000)); // 2.4 MB each
  await fired('followingSet', { records });
  const sizes = told.requests.map(({ body }) => body.length);
  assert.ok(sizes.length > 2 && sizes.length < 6, sizes.join());
  assert.ok(Math.max(...sizes) <= MAX_BYTES, sizes.join());
  const ids = sent(told).flatMap(({ records: some }) => some.map(({ hiveId }) => hiveId));
  assert.deepEqual(ids.sort(), records.map(({ id }) => id).sort());
  assert.deepEqual(errors, []);
});

test('a record that is too large by itself does not keep the others', async (t) => {
  const { told, fired, errors } = await startTold(t, ({ body }) =>
    body.length > MAX_BYTES ? { status: 413, json: { error: 'too large' } } : undefined,
  );
  const records = [account(0), account(1, 'x'.repeat(MAX_BYTES)), account(2), account(3)];
  await fired('followingSet', { records });
  assert.deepEqual(errors, ['[convex-sync] set users acc_1: 413 too large']);
  assert.deepEqual(targets(told).sort(), ['/convex/sync', '/convex/sync', '/convex/sync/batch']);
});

// What Convex says, unredacted and in production, and what of it is logged: never a value.
const REASONS = [
  ['Uncaught Error: plain\n    at handler (../convex/users.ts:12:5)\n', 'Uncaught Error: plain'],
  [
    'ArgumentValidationError: Value does not match validator.\nPath: .name\nValue: "private"\nValidator: v.string()\n',
    'ArgumentValidationError: Value does not match validator.\nPath: .name',
  ],
  [
    '[Request ID: 0123456789abcdef] Server Error\nArgumentValidationError: Object is missing the required field `email`.\n\nObject: {name: "private"}\n',
    'ArgumentValidationError: Object is missing the required field `email`.',
  ],
  ['[Request ID: 0123456789abcdef] Server Error', '[Request ID: 0123456789abcdef] Server Error'],
  ['No route for model users', 'No route for model users'],
];
for (const [error, logged] of REASONS) {
  test(`of ${JSON.stringify(error)} the log says ${JSON.stringify(logged)}`, async (t) => {
    const { fired, errors } = await startTold(t, ({ target }) =>
      target === '/convex/sync'
        ? { status: 500, json: { error } }
        : answered([{ success: true }, { error }, { success: true, queued: true }]),
    );
    await fired('followingSet', { records: accounts(3) });
    await fired('followingSet', { records: accounts(1) });
    assert.deepEqual(errors, [
      `[convex-sync] set users acc_1: ${logged}`,
      `[convex-sync] set users acc_0: 500 ${logged}`,
    ]);
  });
}

test('records that wait are no errors', async (t) => {
  const { fired, errors } = await startTold(t, () => ({
    ...answered(Array(2).fill({ success: true, queued: true })),
    status: 202,
  }));
  await fired('followingSet', { records: accounts(2) });
  assert.deepEqual(errors, []);
});

for (const status of [404, 413]) {
  test(`where a batch is answered with ${status}, each goes alone, 100 at a time`, async (t) => {
    let [waiting, most] = [0, 0];
    const { told, fired, errors, pauses } = await startTold(t, async (request) => {
      if (isBatch(request)) return { status, body: '404 Not Found' };
      most = Math.max(most, ++waiting);
      await new Promise((resolve) => setImmediate(resolve));
      waiting -= 1;
      return { json: { success: true } };
    });
    await fired('followingSet', { records: accounts(250) });
    const alone = sent(told).filter(({ records }) => records === undefined);
    assert.deepEqual(
      alone.map(({ hiveId }) => hiveId).sort(),
      accounts(250)
        .map(({ id }) => id)
        .sort(),
    );
    assert.deepEqual(alone[0], {
      model: 'users',
      operation: 'set',
      hiveId: alone[0].hiveId,
      data: { bladeId: alone[0].hiveId, email: alone[0].data.email, name: null },
    });
    assert.equal(targets(told).filter((target) => target.endsWith('batch')).length, 1);
    assert.ok(most <= 100, `${most} at a time`);
    assert.deepEqual([errors, pauses], [[], []]);
  });
}

test('a relay that cannot store it is asked again, for all of it', async (t) => {
  let calls = 0;
  const { told, fired, errors, pauses } = await startTold(t, () =>
    ++calls < 3 ? { status: 503, json: { error: 'the disk is full' } } : undefined,
  );
  await fired('followingSet', { records: accounts(3) });
  assert.deepEqual(targets(told), Array(3).fill('/convex/sync/batch'));
  assert.deepEqual([errors, pauses], [[], [250, 1000]]);
});

// [the answer, the line about three records, and that about twelve]
const REFUSED = [
  [{ status: 503, json: { error: 'the disk is full' } }, '503 the disk is full'],
  [{ status: 401, json: { error: 'Unauthorized' } }, '401 Unauthorized'],
  [{ status: 400, json: { error: 'records[1]: no data' } }, '400 records[1]: no data'],
  [{ status: 500, body: '<html>\n<p>oops' }, '500 <html>'],
  [{ status: 500, json: null }, '500 null'],
  [{ body: 'no JSON' }, /^SyntaxError: /],
  [{ json: {} }, /^TypeError: /],
];
for (const [answer, why] of REFUSED) {
  test(`${JSON.stringify(answer)} is one line for all records, and no more`, async (t) => {
    const { fired, errors } = await startTold(t, () => answer);
    await fired('followingSet', { records: accounts(3) });
    await fired('followingSet', { records: accounts(12) });
    assert.equal(errors.length, 2, errors.join('\n'));
    const ten = 'acc_0, acc_1, acc_2, acc_3, acc_4, acc_5, acc_6, acc_7, acc_8, acc_9';
    for (const [i, names] of ['acc_0, acc_1, acc_2', `${ten} and 2 more`].entries()) {
      const head = `[convex-sync] set users ${names}: `;
      assert.ok(errors[i].startsWith(head), errors[i]);
      const found = errors[i].slice(head.length);
      if (typeof why === 'string') assert.equal(found, why);
      else assert.match(found, why);
    }
  });
}

test('a relay that cannot be reached is one line', async (t) => {
  const { told, fired, errors } = await startTold(t);
  await told.close();
  await fired('followingSet', { records: accounts(3) });
  assert.equal(errors.length, 1);
  assert.match(errors[0], /set users acc_0, acc_1, acc_2: TypeError: fetch failed/);
});

// ---- with the relay itself ----

// The statuses of the requests that the relay has answered, by its log.
const statusesOf = (relay) =>
  [...relay.stderr().matchAll(/ debug request .* status=(\d+)/g)].map(([, status]) =>
    Number(status),
  );

async function startReal(t, env = {}) {
  const outbox = { OUTBOX: makeFolder(t).path('outbox.db') };
  const world = await startWorld(t, { ...outbox, ...env });
  const trigger = loadTrigger('account', {
    CONVEX_RELAY_URL: world.relay.url,
    SYNC_SECRET: SECRET,
  });
  const idsOf = async () => (await world.rows('users')).map(({ bladeId }) => bladeId).sort();
  return { ...world, ...trigger, idsOf, stats: () => outboxStats(outbox) };
}

test('the relay: one request, and a line for the record that Convex refuses', async (t) => {
  const { relay, fired, errors, idsOf, stats } = await startReal(t);
  const [incomplete, ...rest] = accounts(250, 'Ann');
  await fired('followingSet', { records: [{ id: incomplete.id, name: 'Bob' }, ...rest] });
  assert.deepEqual(await idsOf(), rest.map(({ id }) => id).sort());
  assert.deepEqual(errors.length, 1, errors.join('\n'));
  assert.match(errors[0], /^\[convex-sync\] set users acc_0: .*users acc_0 is not here yet/);
  await fired('followingRemove', { previousRecords: rest });
  assert.deepEqual(await idsOf(), []);
  assert.equal(errors.length, 1);
  assert.deepEqual(statusesOf(relay), [200, 200]);
  // An answer of Convex is told at once, and counted with the commit that follows.
  const counts = await waitFor('all to be settled', async () => {
    const now = await stats();
    return now.pending === 0 && now;
  });
  assert.deepEqual([counts.accepted, counts.delivered, counts.dead], [499, 498, 1]);
});

test('the relay: records that wait for Convex are no errors, and arrive', async (t) => {
  const { relay, standin, fired, errors, idsOf, stats } = await startReal(t, {
    SYNC_WAIT_MS: '50',
  });
  await standin.setFaults({ next: [{ status: 503, times: 0 }] });
  await fired('followingAdd', { records: accounts(250, 'Ann') });
  assert.deepEqual([errors, statusesOf(relay)], [[], [202]]);
  await standin.clearFaults();
  relay.signal('SIGHUP'); // what is held is tried at once
  await waitFor('all to be delivered', async () => (await stats()).delivered === 250);
  assert.equal((await idsOf()).length, 250);
});

test('the relay: a model without a route is a line for each record', async (t) => {
  const routes = makeFolder(t, { 'routes.json': { posts: { mutation: 'posts:syncFromBlade' } } });
  const { fired, errors, stats } = await startReal(t, { ROUTES: routes.path('routes.json') });
  await fired('followingAdd', { records: accounts(3) });
  assert.deepEqual(
    errors,
    accounts(3).map(({ id }) => `[convex-sync] add users ${id}: No route for model users`),
  );
  assert.equal((await stats()).dead, 3);
});

test('the relay: another secret is one line, and nothing is taken', async (t) => {
  const { fired, errors, stats } = await startReal(t, { SYNC_SECRET: 'another-one' });
  await fired('followingAdd', { records: accounts(3) });
  assert.deepEqual(errors, ['[convex-sync] add users acc_0, acc_1, acc_2: 401 Unauthorized']);
  assert.equal((await stats()).accepted, 0);
});
