// SPDX-License-Identifier: MIT
// The load: wrk with keep-alive clients, each sending its next event as soon as it has an answer.

import { fileURLToPath } from 'node:url';
import { startChild } from '../lib/child.mjs';
import { SECRET } from '../lib/relay.mjs';

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url));

export const EVENT_BYTES = 500;

// What wrk.lua reports at the end. `refused`: answers that are neither 2xx nor 3xx; `broken`: connections
// that failed, and answers that did not come.
export function readReport(stdout) {
  const line = stdout.split('\n').find((each) => each.startsWith('{'));
  if (line === undefined) throw new Error(`wrk has not reported:\n${stdout}`);
  return JSON.parse(line);
}

// Loads the server on a port for so many seconds.
export async function runWrk(scope, port, { clients, seconds, bytes = EVENT_BYTES, records = 4096 }) {
  const wrk = startChild(scope, 'wrk', ['--threads', '1', '--connections', String(clients),
    '--duration', `${seconds}s`, '--timeout', '120s', '--script', SCRIPT, `http://127.0.0.1:${port}`,
    '--', SECRET, String(bytes), String(records)], { env: { PATH: process.env.PATH } });
  const { code } = await wrk.exited;
  if (code !== 0) throw new Error(`wrk failed:\n${wrk.stdout()}${wrk.stderr()}`);
  return readReport(wrk.stdout());
}
