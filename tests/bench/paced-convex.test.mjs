// SPDX-License-Identifier: MIT
// That the Convex of the batch scenario counts calls and events, and takes the time it must.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { userEvent } from '../lib/events.mjs';
import { startPacedConvex } from './paced-convex.mjs';

const dataOf = (i) => userEvent(`acc_${i}`).data;
const callOf = (path, args) =>
  JSON.stringify({ path, format: 'convex_encoded_json', args: [args] });
const single = callOf('users:syncFromBlade', dataOf(1));
const batchOf = (n) =>
  callOf('users:syncBatch', { users: Array.from({ length: n }, (_, i) => dataOf(i)) });

async function call(convex, body) {
  const response = await fetch(`${convex.url}/api/mutation`, { method: 'POST', body });
  assert.deepEqual(await response.json(), { status: 'success', value: null });
}

async function took(work) {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

test('it counts calls, and the events that they bring', async (t) => {
  const convex = await startPacedConvex(t, { callMs: 1, itemMs: 0 });
  for (const body of [single, batchOf(2), batchOf(500), single]) await call(convex, body);
  assert.deepEqual(await convex.answered(), { calls: 4, events: 504 });
  assert.equal(await convex.events(), 504);
});

// Timers have milliseconds, and may be one early.
test('it takes a time for each call, and for each item of a batch', async (t) => {
  const convex = await startPacedConvex(t, { callMs: 30, itemMs: 2 });
  assert.ok((await took(() => call(convex, single))) >= 29);
  assert.ok((await took(() => call(convex, batchOf(50)))) >= 129);
});

test('calls beyond those that it runs at once wait their turn', async (t) => {
  const convex = await startPacedConvex(t, { callMs: 100, atOnce: 4 });
  const ms = await took(() => Promise.all(Array.from({ length: 12 }, () => call(convex, single))));
  assert.ok(ms >= 3 * 99, `${ms}`);
});
