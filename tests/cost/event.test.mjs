// SPDX-License-Identifier: MIT
// An event must not become dearer unnoticed. Where it should: ./dev cost --record.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { countOf } from './callgrind.mjs';
import { measureEvent } from './event.mjs';

const recorded = JSON.parse(readFileSync(new URL('event.json', import.meta.url), 'utf8'));

test("what an event costs the relay's own code has not grown by more than 10 %", async (t) => {
  const most = (name) => recorded[name] * 1.1;
  let cost = await measureEvent(t);
  // On a busy machine an event may take more turns of the loop. What has become dearer is dear each
  // time.
  for (
    let again = 0;
    again < 4 && (cost.instructions > most('instructions') || cost.calls > most('calls'));
    again++
  ) {
    cost = await measureEvent(t);
  }
  for (const name of ['instructions', 'calls']) {
    assert.ok(cost[name] > 0, `no ${name} were counted`);
    assert.ok(
      cost[name] <= most(name),
      `${cost[name]} ${name} an event, ${recorded[name]} are recorded; ./dev cost --record if it must be`,
    );
  }
});

test("callgrind's own format: what is counted, and what is not", () => {
  const count = countOf(
    [
      'events: Ir',
      'ob=/usr/bin/relay',
      'fl=a.c',
      'fn=main',
      '0 100',
      'calls=2 0',
      '0 4000',
      'cob=/lib/libc.so.6',
      'cfi=m.c',
      'cfn=malloc',
      'calls=3 0',
      '0 7000',
      'calls=1 0',
      '0 50',
      'fn=helper',
      '0 20',
      'ob=/lib/libc.so.6',
      'fn=malloc',
      '0 7000',
      'totals: 7120',
    ].join('\n'),
    'relay',
  );
  assert.deepEqual(count, { instructions: 120, calls: 3 });
});
