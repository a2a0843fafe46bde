// SPDX-License-Identifier: MIT
// The short form of ./dev soak mixed, and a test that drift() sees growth.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { assertNoViolations } from '../crash/history.mjs';
import { drift } from './drift.mjs';
import { mixed } from './mixed.mjs';

const MS = 16_000;
const LOAD_MS = 1500;
const SLACK_KIB = process.env.RELAY_SANITIZED ? Infinity : 4096; // a sanitizer keeps what was freed
const seed = Number(process.env.SOAK_SEED ?? randomInt(2 ** 32));

test(`mixed traffic, seed ${seed}`, async (t) => {
  const run = await mixed({
    seed,
    ms: MS,
    loadMs: LOAD_MS,
    slackKib: SLACK_KIB,
  });
  t.diagnostic(JSON.stringify(run.figures));
  assertNoViolations(run, `SOAK_SEED=${seed}`);
});

const rests = (...held) => held.map(([rss, fds, toConvex = 16]) => ({ rss, fds, toConvex }));
const CASES = [
  ['what comes and goes', rests([9000, 17], [20000, 19], [9500, 17], [9100, 17]), []],
  ['a leak of memory', rests([9000, 17], [11000, 17], [13000, 17], [15000, 17]), ['memory']],
  ['a leak of descriptors', rests([9000, 17], [9000, 18], [9000, 19], [9000, 20]), ['descriptors']],
  ['a leak of connections to Convex', rests([9000, 17, 3], [9000, 17, 17]), ['connections']],
  [
    'one odd look in a quarter',
    rests(...Array(9).fill([9000, 17]), [9000, 17], [90000, 99], [9000, 17]),
    [],
  ],
];
for (const [what, seen, kinds] of CASES) {
  test(`drift: ${what}`, () =>
    assert.deepEqual(
      drift(seen, 2048, 16).violations.map(({ kind }) => kind),
      kinds,
    ));
}
