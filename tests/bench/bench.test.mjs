// SPDX-License-Identifier: MIT
// That ./dev bench measures at all. The figures are not judged here: a busy machine says nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCENARIOS } from './scenarios/index.mjs';

const QUICK = { rounds: 1, seconds: 1 };

test('nginx and the relay are measured, and no answer is an error', async (t) => {
  const { run, show } = SCENARIOS['at-once'];
  const results = await run(t, { ...QUICK, peers: ['nginx', 'relay'] });
  assert.deepEqual(
    results.map(({ peer }) => peer),
    ['nginx', 'relay'],
  );
  for (const { rounds, summary } of results) {
    assert.deepEqual([rounds[0].refused, rounds[0].broken, rounds[0].valid], [0, 0, true]);
    assert.ok(summary.cpuUs.median > 0 && summary.peakMiB.median > 1, JSON.stringify(summary));
  }
  assert.match(show(results), /nginx proxy_pass.*\d us/);
});

test('batches are measured, and each call brings several events', async (t) => {
  const { run, show } = SCENARIOS.batch;
  const settings = { clients: 100, events: 1000, maxima: [50] };
  const results = await run(t, { ...QUICK, peers: ['relay'], ...settings });
  const figures = results.map(({ name, rounds: [round] }) => [
    name,
    round.valid,
    round.perCall > 1,
  ]);
  assert.deepEqual(figures, [
    ['many', true, true],
    ['one', true, false],
    ['backlog', true, true],
  ]);
  assert.match(show(results), /batches of 50 .*\d ms/);
});

test('a backlog on disk is drained', async (t) => {
  const { run } = SCENARIOS.backlog;
  const [
    {
      rounds: [round],
    },
  ] = await run(t, { ...QUICK, peers: ['relay'], events: 500 });
  assert.equal(round.valid, true);
});

test('the outbox in PostgreSQL is measured, with what the database uses', async (t) => {
  const { run, show } = SCENARIOS.postgresql;
  const parts = ['accepted', 'pending', 'minute'];
  const settings = { parts, events: 2000, drained: 1000, minuteS: 2 };
  const results = await run(t, { ...QUICK, peers: ['relay'], ...settings });
  for (const { label, part, store, rounds, summary } of results) {
    assert.equal(rounds[0].valid, true, `${part}: ${label}`);
    const { databaseUs, lastDatabaseUs } = summary;
    if (store === 'postgresql') assert.ok((databaseUs ?? lastDatabaseUs).median > 0, label);
  }
  assert.match(show(results), /PostgreSQL .*\d us .*\d us .*\d ms/);
});
