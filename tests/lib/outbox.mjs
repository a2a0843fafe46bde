// SPDX-License-Identifier: MIT
// Runs `convex-relay outbox`, with or without a relay beside it.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { RELAY_BIN, relayEnv } from './relay.mjs';

const run = promisify(execFile);

// Returns the output, also after exit code 1, which says that some ids were refused.
export async function outbox(env, ...args) {
  try {
    return (await run(RELAY_BIN, ['outbox', ...args], { env: relayEnv(env), maxBuffer: 1 << 28 }))
      .stdout;
  } catch (error) {
    if (error.code !== 1) throw error;
    return error.stdout;
  }
}

// The counts: {accepted, delivered, discarded, dead, pending, ...}.
export const outboxStats = async (env) => JSON.parse(await outbox(env, 'stats', '--json'));

// The rows of a list, as objects.
export async function outboxRows(env, ...args) {
  const text = await outbox(env, 'list', '--json', ...args);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
