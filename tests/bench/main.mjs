// SPDX-License-Identifier: MIT
// What an event costs, against what people would use instead. See HACKING.md.

import { writeFileSync } from 'node:fs';
import { parseArguments } from './arguments.mjs';
import { judge, showBars } from './bars.mjs';
import { describeMachine, showMachine } from './machine.mjs';
import { PEERS } from './peers.mjs';
import { pinLoad } from './processes.mjs';
import { progressDone } from './progress.mjs';
import { SCENARIOS } from './scenarios/index.mjs';
import { endAllScopes, withScope } from './scope.mjs';

const options = parseArguments(process.argv.slice(2), Object.keys(SCENARIOS));
if (options.error !== undefined) {
  process.stderr.write(`dev bench: ${options.error}\n`);
  process.exit(2);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, async () => {
    progressDone();
    await endAllScopes().finally(() => process.exit(1));
  });
}

pinLoad(process.pid);
const report = {
  machine: await describeMachine(),
  startedAt: new Date().toISOString(),
  scenarios: {},
};
console.log(showMachine(report.machine));
for (const name of options.scenarios) {
  const { title, defaults, run, show } = SCENARIOS[name];
  const settings = { peers: Object.keys(PEERS), ...defaults, ...options.settings };
  const results = await withScope((scope) => run(scope, settings));
  report.scenarios[name] = { title, ...settings, results };
  progressDone();
  console.log(`\n## ${name}: ${title}\n\n${show(results)}`);
}

report.bars = judge(report.scenarios);
if (report.bars.length > 0) console.log(`\n## bars\n\n${showBars(report.bars)}`);
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
