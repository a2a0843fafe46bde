// SPDX-License-Identifier: MIT
// What `convex-relay outbox` says and does, beside a relay or without one.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { RELAY_BIN, relayEnv } from '../lib/relay.mjs';

const run = promisify(execFile);

// The output, whatever the exit code: a replay of which a part is refused is none of our business.
async function outbox(env, ...args) {
  try {
    return (await run(RELAY_BIN, ['outbox', ...args], { env: relayEnv(env), maxBuffer: 1 << 28 })).stdout;
  } catch (error) {
    if (error.signal || typeof error.code !== 'number' || error.code > 1) throw error;
    return error.stdout;
  }
}

export async function readStats(env) {
  return JSON.parse(await outbox(env, 'stats', '--json'));
}

// The dead letters: {id, n}. Which event one is of shows in its reason or in its record.
export async function readLetters(env) {
  const lines = (await outbox(env, 'list', '--state', 'dead', '--json')).split('\n').filter(Boolean);
  return lines.map((line) => {
    const { id, record, reason } = JSON.parse(line);
    const n = /\bevent (\d+)/.exec(reason)?.[1] ?? /_(\d+)$/.exec(record)?.[1];
    return { id, n: n === undefined ? null : Number(n), reason };
  });
}

export const replayLetters = (env, letters) => change(env, 'replay', letters);
export const discardLetters = (env, letters) => change(env, 'discard', letters);

async function change(env, command, letters) {
  if (letters.length) await outbox(env, command, ...letters.map(({ id }) => String(id)));
}
