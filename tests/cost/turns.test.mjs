// SPDX-License-Identifier: MIT
// The loop must not be kept for longer unnoticed. Where it should: ./dev cost --record.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { measureTurns, turnsOf } from './turns.mjs';

// What is done twice, or for each byte once more, shows; how much comes in one piece, and what is
// in a library, does not.
const GROWTH = 1.5;
const SLACK = 2_000_000;
const recorded = JSON.parse(readFileSync(new URL('turns.json', import.meta.url), 'utf8'));

test('what the dearest turn costs with large events has not grown by more than half', async (t) => {
  const seen = [];
  for await (const [what, instructions] of measureTurns(t)) {
    seen.push(what);
    await t.test(what, () =>
      assert.ok(
        instructions > 0 && instructions <= recorded[what] * GROWTH + SLACK,
        `${instructions} instructions in one turn, ${recorded[what]} are recorded; ./dev cost --record if it must be`,
      ),
    );
  }
  assert.deepEqual(Object.keys(recorded), seen);
});

test("callgrind's own format: the turns are those of the loop's thread", () => {
  const part = (thread, totals) =>
    `part: 1\nthread: ${thread}\n\nsummary: ${totals}\n\nfn=(1) main\n0 7\ntotals: ${totals}\n`;
  assert.deepEqual(turnsOf(part(1, 100) + part(2, 9000) + part(1, 300)), [100, 300]);
});
