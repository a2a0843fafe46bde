// SPDX-License-Identifier: MIT
// The folder of a run, which stays where something is wrong, with what somebody needs who looks for
// the reason.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const makeRunFolder = () => mkdtempSync(path.join(tmpdir(), 'convex-relay-crash-'));

// Judges what run(folder) leaves to be judged. Gives {violations, figures, folder}. The world that
// it is about tells its history.
export async function judged({ folder, seed, run, world, judge }) {
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

function keep(folder, { plan, convex, processes }, violations) {
  const write = (name, content) => writeFileSync(path.join(folder, name), content);
  const lines = (list) => list.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  write('violations.txt', violations.map(({ kind, text }) => `${kind}: ${text}\n`).join(''));
  write('events.jsonl', lines(plan.events));
  write('attempts.jsonl', lines(convex.attempts));
  write('ends.jsonl', lines(processes.ends));
  write('relay.log', processes.logs.join(''));
}
