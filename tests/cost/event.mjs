// SPDX-License-Identifier: MIT
// What one event costs the relay's own code: instructions, and calls into libraries. The processor
// is valgrind's, so that the figures hardly depend on the machine, busy or not. Instructions in
// libraries do not count: their number depends on versions. What starting and stopping cost drops
// out by counting two runs, of which one takes twice as many events.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../lib/child.mjs';
import { openConnection } from '../lib/connection.mjs';
import { syncRequest, userEvent } from '../lib/events.mjs';
import { RELAY_BIN, relayEnv } from '../lib/relay.mjs';
import { SUCCESS, startUpstream } from '../lib/upstream.mjs';
import { within } from '../lib/wait.mjs';
import { countOf } from './callgrind.mjs';

const EVENTS = 100;
// Like the real one, this Convex takes so long that each event goes the same way: the connection is
// suspended.
const CONVEX_MS = 10;

async function deliver(t, port, events) {
  const client = await openConnection(t, port);
  for (let n = 0; n < events; n++) {
    client.write(syncRequest(userEvent(`acc_${1000 + n}`, 1000 + n)));
    const { status, body } = await client.answer();
    if (status !== 200) throw new Error(`the relay answers ${status} ${body}`);
  }
  client.socket.destroy();
}

async function countRun(t, directory, events) {
  const upstream = await startUpstream(t, () => sleep(CONVEX_MS, SUCCESS));
  const file = path.join(directory, `callgrind.${events}`);
  const relay = startChild(
    t,
    'valgrind',
    [
      '--tool=callgrind',
      `--callgrind-out-file=${file}`,
      '--compress-strings=no',
      '--compress-pos=no',
      '--dump-line=no',
      RELAY_BIN,
    ],
    { env: relayEnv({ CONVEX_URL: upstream.url, LOG_LEVEL: 'info' }) },
  );
  const [, port] = await relay.find('stderr', /listening address=127\.0\.0\.1:(\d+)/);
  await deliver(t, Number(port), events);
  relay.signal('SIGTERM');
  const { code } = await within('the relay to stop', relay.exited);
  if (code !== 0)
    throw new Error(`the relay under valgrind ended with ${code}:\n${relay.stderr()}`);
  return countOf(await readFile(file, 'utf8'), path.basename(RELAY_BIN));
}

// {instructions, calls} of one event that Convex takes, OUTBOX=off. t: see startChild().
export async function measureEvent(t) {
  const directory = await mkdtemp(path.join(tmpdir(), 'convex-relay-cost-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const once = await countRun(t, directory, EVENTS);
  const twice = await countRun(t, directory, 2 * EVENTS);
  const each = (name) => (twice[name] - once[name]) / EVENTS;
  return {
    instructions: Math.round(each('instructions')),
    calls: Math.round(each('calls') * 10) / 10,
  };
}
