// SPDX-License-Identifier: MIT
// examples/blade: what the triggers send, all the way to a row in Convex, and what they make of
// trouble.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SECRET } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { loadTrigger } from './blade-app.mjs';
import { startWorld } from './world.mjs';

const at = (n) => new Date(n).toISOString();
const ronin = (n) => ({ createdAt: at(1), updatedAt: at(n), createdBy: null, updatedBy: null });
const account = (i, n = 1) => ({
  id: `acc_${i}`,
  email: `${i}@example.com`,
  name: `Name ${n}`,
  handle: null,
  ronin: ronin(n),
});
const post = (i, n = 1) => ({
  id: `pos_${i}`,
  title: `Title ${n}`,
  content: null,
  accountId: 'acc_1',
  published: null,
  ronin: ronin(n),
});

const userRow = (i, n) => ({
  bladeId: `acc_${i}`,
  email: `${i}@example.com`,
  name: `Name ${n}`,
  createdAt: 1,
  updatedAt: n,
});
const postRow = (i, n) => ({
  bladeId: `pos_${i}`,
  title: `Title ${n}`,
  authorBladeId: 'acc_1',
  createdAt: 1,
  updatedAt: n,
});

const MODELS = [
  ['account', 'users', account, userRow],
  ['post', 'posts', post, postRow],
];
for (const [name, table, record, row] of MODELS) {
  test(`${name}: add, set and remove reach Convex`, async (t) => {
    const { relay, rows } = await startWorld(t);
    const { fired, errors } = loadTrigger(name, {
      CONVEX_RELAY_URL: `${relay.url}/`,
      SYNC_SECRET: SECRET,
    });
    await fired('followingAdd', { records: [record(1)] });
    assert.deepEqual(await rows(table), [row(1, 1)]);
    await fired('followingSet', { previousRecords: [record(1)], records: [record(1, 2)] });
    assert.deepEqual(await rows(table), [row(1, 2)]);
    await fired('followingRemove', { previousRecords: [record(1, 2)] });
    assert.deepEqual(await rows(table), []);
    assert.deepEqual(errors, []);
  });

  test(`${name}: one set of many records brings them all`, async (t) => {
    const { relay, rows } = await startWorld(t);
    const { fired, errors } = loadTrigger(name, {
      CONVEX_RELAY_URL: relay.url,
      SYNC_SECRET: SECRET,
    });
    const ids = Array.from({ length: 250 }, (_, i) => i);
    await fired('followingSet', { records: ids.map((i) => record(i, 2)) });
    const found = (await rows(table)).map(({ bladeId }) => bladeId).sort();
    assert.deepEqual(found, ids.map((i) => row(i).bladeId).sort());
    assert.deepEqual(errors, []);
  });

  test(`${name}: an add and the set behind it may arrive swapped`, async (t) => {
    const { relay, rows } = await startWorld(t);
    const { fired } = loadTrigger(name, { CONVEX_RELAY_URL: relay.url, SYNC_SECRET: SECRET });
    await fired('followingSet', { records: [record(1, 2)] });
    await fired('followingAdd', { records: [record(1, 1)] });
    assert.deepEqual(await rows(table), [row(1, 2)]);
  });
}

// A relay that answers as the test says, and a trigger that talks to it.
async function startTold(t, answer, env = {}) {
  const told = await startUpstream(t, answer);
  return {
    told,
    ...loadTrigger('account', { CONVEX_RELAY_URL: told.url, SYNC_SECRET: SECRET, ...env }),
  };
}
const statuses = (...list) => list.map((status) => ({ status, body: 'why' }));
const add = { records: [account(1)] };

test('an event says who it is about, and whose relay it is for', async (t) => {
  const { told, fired } = await startTold(t, statuses(202));
  await fired('followingRemove', { previousRecords: [account(1)] });
  const [{ method, target, headers, text }] = told.requests;
  assert.deepEqual([method, target], ['POST', '/convex/sync']);
  assert.equal(headers['x-sync-secret'], SECRET);
  assert.equal(headers['content-type'], 'application/json');
  assert.deepEqual(JSON.parse(text), {
    model: 'users',
    operation: 'remove',
    hiveId: 'acc_1',
    data: {},
  });
});

test('without a route for removals, one is refused and not taken for a change', async (t) => {
  const { relay, rows } = await startWorld(t, { ROUTES: undefined });
  const { fired, errors } = loadTrigger('account', {
    CONVEX_RELAY_URL: relay.url,
    SYNC_SECRET: SECRET,
  });
  await fired('followingAdd', add);
  await fired('followingRemove', { previousRecords: [account(1)] });
  assert.deepEqual(await rows('users'), [userRow(1, 1)]);
  assert.equal(errors.length, 1);
  assert.match(errors[0], /remove users acc_1: 500 .*missing the required field `bladeId`/);
});

test('a query that selected fields sends those alone', async (t) => {
  const { told, fired } = await startTold(t, statuses(200));
  await fired('followingSet', { records: [{ id: 'acc_1', name: 'Ann' }] });
  assert.deepEqual(JSON.parse(told.requests[0].text).data, { bladeId: 'acc_1', name: 'Ann' });
});

const TROUBLE = [
  ['taken', statuses(202), 1, []],
  ['away for a moment', statuses(503, 502, 200), 3, []],
  ['away', statuses(503), 4, [/^\[convex-sync\] add users acc_1: 503 why$/]],
  ['refused for its secret', statuses(401), 1, [/add users acc_1: 401 why/]],
  ['refused by Convex', statuses(500), 1, [/add users acc_1: 500 why/]],
];
for (const [name, answer, tries, logged] of TROUBLE) {
  test(`an event that is ${name}: ${tries} tries, ${logged.length} errors`, async (t) => {
    const { told, fired, errors, pauses } = await startTold(t, answer);
    await fired('followingAdd', add);
    assert.equal(told.requests.length, tries);
    assert.deepEqual(pauses, [250, 1000, 4000].slice(0, tries - 1));
    assert.equal(errors.length, logged.length, errors.join('\n'));
    logged.forEach((pattern, i) => assert.match(errors[i], pattern));
  });
}

test('a relay that cannot be reached is an error in the log, and nothing worse', async (t) => {
  const { told, fired, errors, pauses } = await startTold(t, statuses(200));
  await told.close();
  await fired('followingAdd', add);
  assert.equal(pauses.length, 3);
  assert.equal(errors.length, 1);
  assert.match(errors[0], /add users acc_1: TypeError: fetch failed/);
});

for (const missing of ['CONVEX_RELAY_URL', 'SYNC_SECRET']) {
  test(`without ${missing} it says so, once, and sends nothing`, async (t) => {
    const { told, fired, errors } = await startTold(t, statuses(200), { [missing]: undefined });
    await fired('followingAdd', { records: [account(1), account(2)] });
    assert.equal(told.requests.length, 0);
    assert.equal(errors.length, 1);
    assert.match(errors[0], /must be set/);
  });
}
