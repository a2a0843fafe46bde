// SPDX-License-Identifier: MIT
// The load: wrk with keep-alive clients, each sending the next event as soon as the last one is
// answered, or when its time has come.

import { fileURLToPath } from 'node:url';
import { startChild } from '../lib/child.mjs';
import { SECRET } from '../lib/relay.mjs';
import { waitFor } from '../lib/wait.mjs';

const script = (name) => fileURLToPath(new URL(name, import.meta.url));

export const EVENT_BYTES = 500;

// What wrk.lua reports at the end. `refused`: answers that are neither 2xx nor 3xx; `broken`:
// connections that failed, and answers that did not come.
export function readReport(stdout) {
  const line = stdout.split('\n').find((each) => each.startsWith('{'));
  if (line === undefined) throw new Error(`wrk has not reported:\n${stdout}`);
  return JSON.parse(line);
}

async function reportOf(wrk) {
  const { code } = await wrk.exited;
  if (code !== 0) throw new Error(`wrk failed:\n${wrk.stdout()}${wrk.stderr()}`);
  return readReport(wrk.stdout());
}

// As few threads as there can be: it shares a CPU with Convex.
const argumentsOf = (port, clients, seconds, name) => [
  '--threads',
  '1',
  '--connections',
  `${clients}`,
  '--duration',
  `${seconds}s`,
  '--timeout',
  '120s',
  '--script',
  script(name),
  `http://127.0.0.1:${port}`,
];

const ENV = { PATH: process.env.PATH };

// Loads the server on a port for so many seconds, or until so many answers have come: then
// `accepted` answers had the status, and came within `acceptS`. rate: events a second, as far as
// the clients suffice; otherwise each client sends as soon as the last event is answered.
export async function runWrk(
  scope,
  port,
  { clients, seconds, bytes = EVENT_BYTES, records = 4096, rate = 0, answers, status },
) {
  const limit = answers === undefined ? [] : [answers, status];
  const own = ['--', SECRET, bytes, records, rate, ...limit].map(String);
  const wrk = startChild(
    scope,
    'wrk',
    [...argumentsOf(port, clients, seconds, 'wrk.lua'), ...own],
    { env: ENV },
  );
  if (answers !== undefined) {
    await waitFor(
      'enough answers',
      () => /enough/.test(wrk.stdout()) || !wrk.isRunning(),
      (seconds + 1) * 1000,
    );
    wrk.signal('SIGINT'); // it would sleep on, and reports all the same
  }
  return reportOf(wrk);
}

// Looks for so many seconds how late answers are. Where the system allows, wrk goes before all
// other programs of the same CPU: only the server's lateness should count.
export async function runProbe(scope, port, seconds) {
  const command = ['-n', '-20', 'wrk', ...argumentsOf(port, 1, seconds, 'probe.lua')];
  return reportOf(startChild(scope, 'nice', command, { env: ENV }));
}
