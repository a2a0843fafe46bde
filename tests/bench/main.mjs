// SPDX-License-Identifier: MIT
// What an event costs, against what people would use instead. See ./dev help and docs in HACKING.md.

import { writeFileSync } from 'node:fs';
import { parseArguments } from './arguments.mjs';
import { describeMachine } from './machine.mjs';
import { pinLoad } from './processes.mjs';
import { progressDone } from './progress.mjs';
import { SCENARIOS } from './scenarios.mjs';
import { makeScope } from './scope.mjs';

const options = parseArguments(process.argv.slice(2), Object.keys(SCENARIOS));
if (options.error !== undefined) {
  process.stderr.write(`dev bench: ${options.error}\n`);
  process.exit(2);
}

let scope;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, async () => {
    progressDone();
    await scope?.end();
    process.exit(1);
  });
}

pinLoad(process.pid);
const report = { machine: describeMachine(), startedAt: new Date().toISOString(), scenarios: {} };
for (const name of options.scenarios) {
  const scenario = SCENARIOS[name];
  scope = makeScope();
  const settings = { ...scenario.defaults, ...options.settings };
  try {
    report.scenarios[name] = { title: scenario.title, ...settings, results: await scenario.run(scope, settings) };
  } finally {
    await scope.end();
  }
  progressDone();
  console.log(`\n## ${name}: ${scenario.title}\n\n${scenario.show(report.scenarios[name].results)}`);
}
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
