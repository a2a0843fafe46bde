// SPDX-License-Identifier: MIT
// examples/convex behind the relay: what becomes of events that come, come twice, late or in part.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DELIVERED } from '../lib/events.mjs';
import { sync } from '../lib/relay.mjs';
import { startWorld } from './world.mjs';

const USER = {
  bladeId: 'acc_1',
  email: 'a@example.com',
  name: 'Ann',
  handle: 'ann',
  createdAt: 1,
  updatedAt: 1,
};
const POST = {
  bladeId: 'pos_1',
  title: 'T',
  content: 'C',
  authorBladeId: 'acc_1',
  published: false,
  createdAt: 1,
  updatedAt: 1,
};
const TABLES = [
  ['users', USER],
  ['posts', POST],
];

const event = (model, operation, data) => ({ model, operation, data, hiveId: data.bladeId });
const put = (model, data) => event(model, 'set', data);
const remove = (model, { bladeId }) => event(model, 'remove', { bladeId });

// Sends events one after the other; each must be delivered.
async function deliver(relay, ...events) {
  for (const one of events) {
    const response = await sync(relay, one);
    assert.deepEqual([response.status, await response.text()], [200, DELIVERED]);
  }
}

function* ordersOf(list) {
  if (list.length === 0) yield [];
  for (const [i, first] of list.entries()) {
    for (const rest of ordersOf(list.filter((_, at) => at !== i))) yield [first, ...rest];
  }
}

for (const [model, record] of TABLES) {
  test(`${model}: add, set, remove`, async (t) => {
    const { relay, rows } = await startWorld(t);
    await deliver(relay, event(model, 'add', record));
    assert.deepEqual(await rows(model), [record]);
    const later = {
      ...record,
      updatedAt: 2,
      ...(model === 'users' ? { name: 'Bob' } : { title: 'U' }),
    };
    await deliver(relay, put(model, later));
    assert.deepEqual(await rows(model), [later]);
    await deliver(relay, remove(model, record));
    assert.deepEqual(await rows(model), []);
  });

  test(`${model}: what comes twice changes nothing the second time`, async (t) => {
    const { relay, rows } = await startWorld(t);
    const add = event(model, 'add', record);
    await deliver(relay, add, add, add);
    assert.deepEqual(await rows(model), [record]);
    await deliver(relay, remove(model, record), remove(model, record));
    assert.deepEqual(await rows(model), []);
  });

  test(`${model}: in whatever order they arrive, the newest stays`, async (t) => {
    const { relay, rows } = await startWorld(t);
    for (const order of ordersOf([1, 2, 3])) {
      await deliver(relay, ...order.map((updatedAt) => put(model, { ...record, updatedAt })));
      assert.deepEqual(await rows(model), [{ ...record, updatedAt: 3 }], order.join());
      await deliver(relay, remove(model, record));
    }
  });

  test(`${model}: without a time, the one that arrives last stays`, async (t) => {
    const { relay, rows } = await startWorld(t);
    const { updatedAt: _, ...timeless } = record;
    const field = model === 'users' ? 'name' : 'content';
    await deliver(relay, put(model, record), put(model, { ...timeless, [field]: 'new' }));
    assert.deepEqual(await rows(model), [{ ...record, [field]: 'new' }]);
  });

  test(`${model}: many at a time`, async (t) => {
    const { relay, rows } = await startWorld(t);
    const records = Array.from({ length: 40 }, (_, i) => ({ ...record, bladeId: `id_${i}` }));
    await Promise.all(records.map((one) => deliver(relay, event(model, 'add', one))));
    const ids = (await rows(model)).map(({ bladeId }) => bladeId);
    assert.deepEqual(ids.sort(), records.map(({ bladeId }) => bladeId).sort());
  });

  test(`${model}: nobody without the deploy key can write`, async (t) => {
    const { standin, rows } = await startWorld(t);
    for (const [name, args] of [
      ['syncFromBlade', record],
      ['deleteByBladeId', { bladeId: record.bladeId }],
    ]) {
      const response = await fetch(`${standin.url}/api/mutation`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ path: `${model}:${name}`, format: 'json', args }),
      });
      assert.match((await response.json()).errorMessage, /Could not find public function/);
    }
    assert.deepEqual(await rows(model), []);
  });
}

for (const [model, record] of TABLES) {
  test(`${model}: many at a time go in few calls, numbered, and one bad one fails alone`, async (t) => {
    const { relay, standin } = await startWorld(t);
    const records = Array.from({ length: 100 }, (_, i) => ({ ...record, bladeId: `id_${i}` }));
    const bad = { ...record, bladeId: 'bad', admin: true };
    const [refused] = await Promise.all([
      sync(relay, event(model, 'add', bad)),
      ...records.map((one) => deliver(relay, event(model, 'add', one))),
    ]);
    assert.equal(refused.status, 500);
    assert.match((await refused.json()).error, /extra field `admin`/);
    const { requests } = await standin.log();
    assert.ok(requests.length < 50, `${requests.length} calls`);
    assert.ok(requests.some(({ body }) => body.includes(`"${model}:syncBatch"`)));
    const rows = await standin.records(model);
    assert.equal(rows.length, 100);
    assert.equal(new Set(rows.map(({ syncSeq }) => syncSeq)).size, 100);
    assert.ok(rows.every(({ syncSeq }) => Number.isSafeInteger(syncSeq) && syncSeq >= 2 ** 50));
  });

  test(`${model}: a removal leaves its number`, async (t) => {
    const { relay, standin } = await startWorld(t);
    await deliver(relay, event(model, 'add', record));
    const [{ syncSeq }] = await standin.records(model);
    await deliver(relay, remove(model, record));
    const [removal] = await standin.records('syncRemovals');
    assert.deepEqual([removal.table, removal.bladeId], [model, record.bladeId]);
    assert.ok(removal.syncSeq > syncSeq);
  });
}

// Blade sends what is unset as null; what a query did not select is left out.
const CHANGES = [
  ['users', USER, { handle: null }, ({ handle, ...rest }) => rest],
  ['users', USER, { name: null, handle: null }, ({ name, handle, ...rest }) => rest],
  ['users', USER, { name: 'Bob' }, (row) => ({ ...row, name: 'Bob' })],
  ['users', USER, { email: 'b@example.com' }, (row) => ({ ...row, email: 'b@example.com' })],
  ['users', USER, {}, (row) => row],
  ['posts', POST, { content: null, published: null }, ({ content, published, ...rest }) => rest],
  [
    'posts',
    POST,
    { title: 'U', content: 'D', published: true },
    (row) => ({ ...row, title: 'U', content: 'D', published: true }),
  ],
];
for (const [model, record, change, expected] of CHANGES) {
  test(`${model}: a set of ${JSON.stringify(change)} alone`, async (t) => {
    const { relay, rows } = await startWorld(t);
    await deliver(
      relay,
      event(model, 'add', record),
      put(model, { bladeId: record.bladeId, ...change }),
    );
    assert.deepEqual(await rows(model), [expected(record)]);
  });
}

test('nulls in what is new are left out', async (t) => {
  const { relay, rows } = await startWorld(t);
  await deliver(
    relay,
    event('users', 'add', { bladeId: 'acc_1', email: 'a@example.com', name: null, handle: null }),
  );
  assert.deepEqual(await rows('users'), [{ bladeId: 'acc_1', email: 'a@example.com' }]);
});

const REFUSALS = [
  [{ bladeId: 'acc_1', name: 'Ann' }, /users acc_1 is not here yet, and this event has no email/],
  [{ bladeId: 'acc_1', email: null }, /ArgumentValidationError: .*email/s],
  [{ ...USER, admin: true }, /extra field `admin`/],
];
for (const [data, reason] of REFUSALS) {
  test(`a user that is ${JSON.stringify(data)} is refused`, async (t) => {
    const { relay, rows } = await startWorld(t);
    const response = await sync(relay, put('users', data));
    assert.equal(response.status, 500);
    assert.match((await response.json()).error, reason);
    assert.deepEqual(await rows('users'), []);
  });
}

test('the queries read what was written, and no more', async (t) => {
  const { standin, relay } = await startWorld(t);
  await deliver(
    relay,
    put('users', USER),
    put('posts', POST),
    put('posts', { ...POST, bladeId: 'pos_2', published: true }),
  );
  const query = async (path, args) => {
    const response = await fetch(`${standin.url}/api/query`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ path, format: 'json', args }),
    });
    return (await response.json()).value;
  };
  assert.deepEqual(await query('users:profileOf', { bladeId: 'acc_1' }), {
    name: 'Ann',
    handle: 'ann',
  });
  assert.equal(await query('users:profileOf', { bladeId: 'acc_2' }), null);
  const posts = await query('posts:publishedBy', { authorBladeId: 'acc_1' });
  assert.deepEqual(
    posts.map(({ bladeId }) => bladeId),
    ['pos_2'],
  );
});
