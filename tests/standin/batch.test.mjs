// SPDX-License-Identifier: MIT
// The guide's own call, `convex.mutation('users:syncBatch', { users })`, and what the stand-in
// tells of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConvexHttpClient } from 'convex/browser';
import { startStandin } from '../lib/standin.mjs';

const user = (i) => ({ bladeId: `acc_${i}`, email: `${i}@example.com` });
const post = (i) => ({
  bladeId: `pos_${i}`,
  title: 'T',
  content: 'C',
  authorBladeId: 'acc_1',
  published: true,
});

async function start(t, args = []) {
  const standin = await startStandin(t, { args });
  return { standin, convex: new ConvexHttpClient(standin.url, { logger: false }) };
}

for (const [model, record] of [
  ['users', user],
  ['posts', post],
]) {
  test(`${model}: an entry for each, and one that fails fails alone`, async (t) => {
    const { standin, convex } = await start(t);
    const list = [record(1), { bladeId: 'bad' }, record(2)];
    const results = await convex.mutation(`${model}:syncBatch`, { [model]: list });
    assert.deepEqual([results[0], results[2]], [null, null]);
    assert.match(
      results[1].error,
      /^ArgumentValidationError: Object is missing the required field/,
    );
    const ids = (await standin.records(model)).map(({ bladeId }) => bladeId).sort();
    assert.deepEqual(ids, [record(1).bladeId, record(2).bladeId]);
  });
}

test('the log has every record of a batch', async (t) => {
  const { standin, convex } = await start(t);
  await convex.mutation('users:syncBatch', { users: [user(1), user(2)] });
  await convex.mutation('users:syncFromBlade', user(2));
  const { requests, byRecord, maxInFlight } = await standin.log();
  assert.deepEqual(
    requests.map(({ record, records }) => [record, records]),
    [
      [null, ['users acc_1', 'users acc_2']],
      ['users acc_2', ['users acc_2']],
    ],
  );
  assert.deepEqual(byRecord, { 'users acc_1': 1, 'users acc_2': 1 });
  assert.equal(maxInFlight, 1);
});

test('a limit of ten writes refuses a batch of eleven, and takes its halves', async (t) => {
  const { standin, convex } = await start(t, ['--limits', '{"documentsWritten":10}']);
  const users = Array.from({ length: 11 }, (_, i) => user(i));
  await assert.rejects(
    convex.mutation('users:syncBatch', { users }),
    /Too many writes in a single function execution \(limit: 10\)/,
  );
  assert.deepEqual(await standin.records('users'), []);
  await convex.mutation('users:syncBatch', { users: users.slice(0, 6) });
  await convex.mutation('users:syncBatch', { users: users.slice(6) });
  assert.equal((await standin.records('users')).length, 11);
});

test('a fault meets batches alone where it names them', async (t) => {
  const { standin, convex } = await start(t);
  await standin.setFaults({ next: [{ conflict: true, match: 'users:syncBatch', times: 0 }] });
  await assert.rejects(
    convex.mutation('users:syncBatch', { users: [user(1)] }),
    /OptimisticConcurrencyControlFailure/,
  );
  await convex.mutation('users:syncFromBlade', user(1));
  assert.equal((await standin.records('users')).length, 1);
});
