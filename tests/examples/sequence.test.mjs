// SPDX-License-Identifier: MIT
// examples/convex, called as by two relays with separate outboxes: in any order, and twice. The
// newest event wins, by Blade's time, and by the relay's number where that does not tell.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startConvex } from './world.mjs';

const USER = { bladeId: 'acc_1', email: 'a@example.com' };
const POST = { bladeId: 'pos_1', title: 'T', authorBladeId: 'acc_1' };
const MODELS = [
  ['users', USER, 'name'],
  ['posts', POST, 'content'],
];

// The events of one record: {n}: the number; {at}: the time; {gone}: a removal.
const set = (n, at) => ({ n, at });
const gone = (n) => ({ n, gone: true });

// [name, events, the number of the one that wins]
const CASES = [
  ['numbers alone', [set(1), set(2), set(3)], 3],
  ['a time outweighs a number', [set(1, 20), set(2, 10), set(3, 15)], 1],
  ['equal times leave it to the number', [set(1, 10), set(2, 10), set(3, 10)], 3],
  ['a time in some of them', [set(1, 10), set(2), set(3, 20)], 3],
  ['a removal at the end', [set(1), set(2), gone(3)], 3],
  ['a removal at the end, and times', [set(1, 10), set(2, 20), gone(3)], 3],
  ['a removal of what was never here', [gone(1), gone(2), gone(3)], 3],
  ['a removal, and the record again', [set(1), gone(2), set(3)], 3],
  ['a removal between two others', [gone(1), set(2), gone(3)], 3],
  ['four of all kinds', [set(1, 10), gone(2), set(3, 30), gone(4)], 4],
];

function* ordersOf(list) {
  if (list.length === 0) yield [];
  for (const [i, first] of list.entries()) {
    for (const rest of ordersOf(list.filter((_, at) => at !== i))) yield [first, ...rest];
  }
}

const defined = (fields) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

// What the relay calls for an event.
function call(convex, model, record, field, { n, at, gone: isRemoval }) {
  const { bladeId } = record;
  if (isRemoval) {
    return convex.mutation(`${model}:deleteByBladeId`, defined({ bladeId, syncSeq: n }));
  }
  return convex.mutation(
    `${model}:syncFromBlade`,
    defined({ ...record, [field]: `value ${n}`, updatedAt: at, syncSeq: n }),
  );
}

// What is there of a record: value and number, or the number of the removal.
async function stateOf(standin, model, bladeId, field) {
  const [row] = (await standin.records(model)).filter((one) => one.bladeId === bladeId);
  if (row) return { value: row[field], n: row.syncSeq };
  const removals = await standin.records('syncRemovals');
  const [removal] = removals.filter((one) => one.bladeId === bladeId && one.table === model);
  return { gone: removal?.syncSeq };
}

for (const [model, record, field] of MODELS) {
  for (const [name, events, winner] of CASES) {
    test(`${model}: ${name}: in every order, and twice, the same wins`, async (t) => {
      const { standin, convex } = await startConvex(t);
      const { gone: isRemoval } = events.find(({ n }) => n === winner);
      const expected = isRemoval ? { gone: winner } : { value: `value ${winner}`, n: winner };
      for (const order of ordersOf(events)) {
        const bladeId = `id_${order.map(({ n }) => n).join('')}`;
        const one = { ...record, bladeId };
        for (const event of [...order, ...order]) await call(convex, model, one, field, event);
        assert.deepEqual(await stateOf(standin, model, bladeId, field), expected, bladeId);
      }
    });
  }

  test(`${model}: without numbers and times the older one wins, and what was removed is back`, async (t) => {
    const { rows, convex } = await startConvex(t);
    const send = (value) =>
      convex.mutation(`${model}:syncFromBlade`, { ...record, [field]: value });
    await send('newer');
    await send('older');
    assert.deepEqual(await rows(model), [{ ...record, [field]: 'older' }]);
    await convex.mutation(`${model}:deleteByBladeId`, { bladeId: record.bladeId });
    assert.deepEqual([await rows(model), await rows('syncRemovals')], [[], []]);
    await send('older');
    assert.deepEqual(await rows(model), [{ ...record, [field]: 'older' }]);
  });

  test(`${model}: what changes nothing writes nothing`, async (t) => {
    const { standin, convex } = await startConvex(t);
    const send = (fields) => convex.mutation(`${model}:syncFromBlade`, { ...record, ...fields });
    const changes = () =>
      standin.stdout().match(new RegExp(`^(${model}|syncRemovals)  .*`, 'gm')) ?? [];
    const settled = async (last) => {
      await convex.mutation(`${model}:syncFromBlade`, { ...record, bladeId: last });
      await standin.find('stdout', new RegExp(`"${last}"`));
      return changes().filter((line) => !line.includes('"last_'));
    };
    await send({ [field]: 'x', updatedAt: 1 });
    await send({ [field]: 'x', updatedAt: 1 });
    await send({});
    assert.equal((await settled('last_1')).length, 1);
    await send({ [field]: 'x', updatedAt: 1, syncSeq: 5 }); // the number is new
    await send({ [field]: 'y', updatedAt: 1, syncSeq: 5 });
    await send({ [field]: 'y', updatedAt: 1, syncSeq: 4 });
    await send({ [field]: 'y', updatedAt: 0, syncSeq: 9 });
    assert.equal((await settled('last_2')).length, 2);
    const remove = (syncSeq) =>
      convex.mutation(`${model}:deleteByBladeId`, { bladeId: record.bladeId, syncSeq });
    await remove(4);
    assert.equal((await settled('last_3')).length, 2);
    await remove(6);
    await remove(6);
    await remove(5);
    await send({ [field]: 'y', updatedAt: 9, syncSeq: 6 });
    assert.equal((await settled('last_4')).length, 4);
  });

  test(`${model}: a row without a number takes the first that comes`, async (t) => {
    const { standin, convex } = await startConvex(t);
    await convex.mutation(`${model}:syncFromBlade`, { ...record, [field]: 'old' });
    await call(convex, model, record, field, set(7));
    const { bladeId } = record;
    assert.deepEqual(await stateOf(standin, model, bladeId, field), { value: 'value 7', n: 7 });
  });

  test(`${model}: a part of a record that was removed since is no error`, async (t) => {
    const { convex, rows } = await startConvex(t);
    const { bladeId } = record;
    await convex.mutation(`${model}:deleteByBladeId`, { bladeId, syncSeq: 2 });
    await convex.mutation(`${model}:syncFromBlade`, { bladeId, syncSeq: 1 });
    assert.deepEqual(await rows(model), []);
    await assert.rejects(
      convex.mutation(`${model}:syncFromBlade`, { bladeId, syncSeq: 3 }),
      /is not here yet, and this event has no/,
    );
  });

  test(`${model}: the number of a removal never falls, whatever came without one`, async (t) => {
    const { standin, convex } = await startConvex(t);
    const state = () => stateOf(standin, model, record.bladeId, field);
    await call(convex, model, record, field, gone(9));
    await call(convex, model, record, field, set());
    assert.deepEqual(await state(), { value: 'value undefined', n: undefined });
    await call(convex, model, record, field, gone(5));
    await call(convex, model, record, field, set(7));
    assert.deepEqual(await state(), { gone: 9 });
    await call(convex, model, record, field, set(10));
    assert.deepEqual(await state(), { value: 'value 10', n: 10 });
    await call(convex, model, record, field, gone());
    assert.deepEqual(await state(), { gone: 9 });
  });

  test(`${model}: the app sees nothing of what was removed`, async (t) => {
    const { convex, rows } = await startConvex(t);
    await call(convex, model, { ...record, published: undefined }, field, set(1));
    await call(convex, model, record, field, gone(2));
    assert.equal(await convex.query('users:profileOf', { bladeId: record.bladeId }), null);
    assert.deepEqual(await convex.query('posts:publishedBy', { authorBladeId: 'acc_1' }), []);
    assert.deepEqual(await rows(model), []);
  });
}

test('the same id in two models is two records', async (t) => {
  const { convex, rows } = await startConvex(t);
  await convex.mutation('users:deleteByBladeId', { bladeId: 'id_1', syncSeq: 9 });
  await convex.mutation('posts:syncFromBlade', { ...POST, bladeId: 'id_1', syncSeq: 1 });
  assert.deepEqual(await rows('posts'), [{ ...POST, bladeId: 'id_1' }]);
});
