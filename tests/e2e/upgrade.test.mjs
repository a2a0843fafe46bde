// SPDX-License-Identifier: MIT
// Outbox files of every version that was released: read, and drained in order. That a file of a
// newer one is refused and named is in outbox-file.test.mjs.

import assert from 'node:assert/strict';
import { copyFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { callOf, DELIVERED, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { assertAnswer, makeWorld, PATIENT } from '../lib/outbox-world.mjs';

const FIXTURES = new URL('../fixtures/', import.meta.url);
const names = readdirSync(FIXTURES).filter((name) => name.endsWith('.db'));

test('there are files to read', () => assert.notEqual(names.length, 0));

for (const name of names) {
  test(`${name}: its pending events are sent in order, its dead letters are there`, async (t) => {
    const files = makeFolder(t);
    copyFileSync(new URL(name, FIXTURES), files.path('outbox.db'));
    const world = await makeWorld(t, { folder: files.folder, env: PATIENT });
    await world.settled();

    const calls = world.upstream.requests.map(callOf);
    assert.deepEqual(
      calls.filter(({ id }) => id === 'acc_1').map(({ n }) => n),
      [0, 1, 2],
    );
    assert.deepEqual(calls.map(({ id }) => id).sort(), [
      'acc_1',
      'acc_1',
      'acc_1',
      'acc_replay',
      'acc_\ud800\u0000é',
      undefined,
    ]);
    assert.ok(
      world.upstream.requests.every(({ text }) => JSON.parse(text).path === 'users:syncFromBlade'),
    );

    const dead = await world.dead();
    assert.deepEqual(
      dead.map(({ record, stale }) => [record, stale]),
      [
        ['acc_dead', false],
        ['acc_stale', true],
      ],
    );
    assert.ok(dead.every(({ reason }) => reason === 'Uncaught Error: no such thing'));
    const { accepted, delivered, discarded } = await world.stats();
    assert.deepEqual(
      { accepted, delivered, discarded },
      { accepted: 9, delivered: 7, discarded: 0 },
    );

    assertAnswer(await world.send(userEvent('acc_1', 3)), 200, DELIVERED);
    assert.equal(readdirSync(files.folder).filter((file) => file.includes('damaged')).length, 0);
  });
}
