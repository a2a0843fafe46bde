// SPDX-License-Identifier: MIT
// The verdict on a run, and the folder of the run. Where something is wrong, the folder stays, with
// the history in it.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const makeRunFolder = () => mkdtempSync(path.join(tmpdir(), 'convex-relay-crash-'));

// Calls run() and then judge() with the history that run() resolves to. Returns {violations,
// figures, folder}. A failure of run() also leaves the folder. seed: for the message. world: has
// the {plan, convex, processes} to be written into the folder, and end().
export async function runAndJudge({ folder, seed, run, world, judge }) {
  try {
    const { violations, figures } = judge(await run());
    if (violations.length) keep(folder, world, violations);
    else rmSync(folder, { recursive: true });
    return { violations, figures, folder };
  } catch (error) {
    keep(folder, world, [{ kind: 'driver', text: error.stack }]);
    error.message += ` (seed ${seed}, ${folder})`;
    throw error;
  } finally {
    await world.end();
  }
}

// Fails where a run has violations, and says which. seed: the setting that has the run again.
export function assertNoViolations({ violations, figures, folder }, seed) {
  const told = violations
    .slice(0, 20)
    .map(({ kind, text }) => `${kind}: ${text}`)
    .join('\n');
  assert.equal(
    violations.length,
    0,
    `replay with ${seed}; see ${folder}\n${JSON.stringify(figures)}\n${told}`,
  );
}

function keep(folder, { plan, convex, processes }, violations) {
  const write = (name, content) => writeFileSync(path.join(folder, name), content);
  const lines = (list) => list.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  write('violations.txt', violations.map(({ kind, text }) => `${kind}: ${text}\n`).join(''));
  write('events.jsonl', lines(plan.events));
  write('attempts.jsonl', lines(convex.attempts));
  write('ends.jsonl', lines(processes.ends));
  write('relay.log', processes.logs.join(''));
}
