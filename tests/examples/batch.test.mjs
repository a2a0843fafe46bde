// SPDX-License-Identifier: MIT
// syncBatch of examples/convex, called by Convex's own client: an entry for each item, and one that
// fails fails alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startConvex } from './world.mjs';

const user = (i, more) => ({ bladeId: `acc_${i}`, email: `${i}@example.com`, ...more });
const post = (i, more) => ({ bladeId: `pos_${i}`, title: 'T', authorBladeId: 'acc_1', ...more });
const MODELS = [
  ['users', user, 'email'],
  ['posts', post, 'title'],
];

for (const [model, record, required] of MODELS) {
  const batch = (convex, list) => convex.mutation(`${model}:syncBatch`, { [model]: list });

  test(`${model}: what a batch leaves is what one by one leaves`, async (t) => {
    const list = [
      record(1, { createdAt: 1, updatedAt: 2 }),
      record(2, { syncSeq: 5 }),
      record(1, { updatedAt: 1 }), // older
      record(2, { syncSeq: 4 }), // older
      record(3),
      { ...record(3), [required]: 'changed' },
    ];
    const [together, alone] = [await startConvex(t), await startConvex(t)];
    assert.deepEqual(await batch(together.convex, list), Array(list.length).fill(null));
    for (const one of list) await alone.convex.mutation(`${model}:syncFromBlade`, one);
    assert.deepEqual(await together.rows(model), await alone.rows(model));
    assert.equal((await alone.rows(model)).length, 3);
  });

  test(`${model}: one that is refused says why, and the others are there`, async (t) => {
    const { standin, convex, rows } = await startConvex(t);
    await standin.setFaults({ redact: true }); // as in production
    const results = await batch(convex, [
      record(1),
      { ...record(2), admin: true },
      { ...record(3), [required]: undefined },
      'nonsense',
      record(4),
    ]);
    assert.equal(results.length, 5);
    assert.deepEqual([results[0], results[4]], [null, null]);
    assert.match(
      results[1].error,
      /^ArgumentValidationError: Object contains extra field `admin` that is not in the validator\./,
    );
    const { bladeId } = record(3);
    assert.match(
      results[2].error,
      new RegExp(
        `^Uncaught ConvexError: ${model} ${bladeId} is not here yet, and this event has no ${required}\\n`,
      ),
    );
    assert.match(
      results[3].error,
      /^The arguments to a Convex function must be an object\. Received: /,
    );
    const ids = (await rows(model)).map((row) => row.bladeId).sort();
    assert.deepEqual(ids, [record(1).bladeId, record(4).bladeId]);
  });

  test(`${model}: a limit of the whole call is nobody's fault, and nothing is done`, async (t) => {
    const limits = JSON.stringify({ documentsWritten: 3 });
    const { convex, rows } = await startConvex(t, { args: ['--limits', limits] });
    const list = [1, 2, 3, 4].map((i) => record(i));
    await assert.rejects(
      batch(convex, list),
      /Server Error\nUncaught Error: Uncaught Error: Too many writes in a single function execution \(limit: 3\)\n/,
    );
    assert.deepEqual(await rows(model), []);
    assert.deepEqual(await batch(convex, list.slice(0, 3)), [null, null, null]);
  });

  for (const [name, limits] of [
    ['reads', { databaseQueries: 6 }],
    ['documents', { documentsRead: 2 }],
    ['bytes', { bytesRead: 200 }],
    ['bytes that are written', { bytesWritten: 300 }],
  ]) {
    test(`${model}: so is one of ${name}`, async (t) => {
      const args = ['--limits', JSON.stringify(limits)];
      const { convex, rows } = await startConvex(t, { args });
      const list = [1, 2, 3, 4, 5].map((i) => record(i));
      for (const one of list) await convex.mutation(`${model}:syncFromBlade`, one);
      const before = await rows(model);
      await assert.rejects(
        batch(
          convex,
          list.map((one) => ({ ...one, updatedAt: 1 })),
        ),
        /Too many .* in a single function execution \(limit: /,
      );
      assert.deepEqual(await rows(model), before);
    });
  }

  test(`${model}: 500 at once are within Convex's limits, new and again`, async (t) => {
    const { convex, rows } = await startConvex(t);
    for (const syncSeq of [1, 2]) {
      const list = Array.from({ length: 500 }, (_, i) => record(i, { syncSeq }));
      assert.deepEqual(await batch(convex, list), Array(500).fill(null));
    }
    assert.equal((await rows(model)).length, 500);
  });

  test(`${model}: none at all are no trouble`, async (t) => {
    const { convex } = await startConvex(t);
    assert.deepEqual(await batch(convex, []), []);
  });

  test(`${model}: nobody without the deploy key can`, async (t) => {
    const { convex, rows } = await startConvex(t);
    convex.clearAuth();
    await assert.rejects(batch(convex, [record(1)]), /Could not find public function/);
    assert.deepEqual(await rows(model), []);
  });
}
