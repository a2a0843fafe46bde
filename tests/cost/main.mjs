// SPDX-License-Identifier: MIT
// ./dev cost [--record]: prints what an event costs; --record: and holds ./dev test to it from now on.

import { writeFileSync } from 'node:fs';
import { withScope } from '../bench/scope.mjs';
import { measureEvent } from './event.mjs';

const args = process.argv.slice(2);
if (args.some((arg) => arg !== '--record')) {
  process.stderr.write('usage: ./dev cost [--record]\n');
  process.exit(2);
}

const cost = await withScope(measureEvent);
console.log(`an event: ${cost.instructions} instructions in the relay's own code, ${cost.calls} calls into libraries`);
if (args.length > 0) writeFileSync(new URL('event.json', import.meta.url), `${JSON.stringify(cost)}\n`);
