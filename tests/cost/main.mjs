// SPDX-License-Identifier: MIT
// ./dev cost [--record]: prints what an event costs, and the dearest turns; --record: and holds
// ./dev test to them from now on.

import { writeFileSync } from 'node:fs';
import { withScope } from '../bench/scope.mjs';
import { measureEvent } from './event.mjs';
import { measureTurns } from './turns.mjs';

const args = process.argv.slice(2);
if (args.some((arg) => arg !== '--record')) {
  process.stderr.write('usage: ./dev cost [--record]\n');
  process.exit(2);
}

const cost = await withScope(measureEvent);
console.log(
  `an event: ${cost.instructions} instructions in the relay's own code, ${cost.calls} calls into libraries`,
);
const turns = await withScope(async (scope) => {
  const all = {};
  for await (const [what, instructions] of measureTurns(scope)) {
    all[what] = instructions;
    console.log(`the dearest turn, ${what}: ${instructions} instructions`);
  }
  return all;
});
if (args.length > 0) {
  writeFileSync(new URL('event.json', import.meta.url), `${JSON.stringify(cost)}\n`);
  writeFileSync(new URL('turns.json', import.meta.url), `${JSON.stringify(turns, null, 2)}\n`);
}
