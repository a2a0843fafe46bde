// SPDX-License-Identifier: MIT
// 2,000 senders have sent an event and wait for its answer: how much memory that takes.

import { readFileSync } from 'node:fs';
import net from 'node:net';
import { eventOfSize, syncRequest } from '../../lib/events.mjs';
import { waitFor } from '../../lib/wait.mjs';
import { startConvex } from '../convex.mjs';
import { short, spread, table } from '../figures.mjs';
import { measureRounds, startPeer } from '../measure.mjs';

export const title = '2,000 requests of 1 KiB wait at once: memory';
export const defaults = { rounds: 1, senders: 2000 };

const REQUEST_BYTES = 1024;
const LONGER_MS = 60_000; // than the measurement takes

const requestOf = (i) => {
  const event = eventOfSize(REQUEST_BYTES, `acc_${i}`);
  const head = syncRequest(event).length - event.length;
  return syncRequest(eventOfSize(REQUEST_BYTES - head, `acc_${i}`));
};

// How many connections of a port the server has read everything from.
function readConnections(port) {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .slice(1)
    .filter((line) => {
      const [, address, , state, queues] = line.trim().split(/\s+/);
      return address?.endsWith(local) && state === '01' && queues.endsWith(':00000000');
    }).length;
}

// Resolves once its request is on the way.
function startSender(scope, port, i, answers) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', port }, () =>
      socket.write(requestOf(i), resolve),
    );
    socket.on('error', reject).on('data', (bytes) => answers.push(bytes.toString()));
    scope.after(() => socket.destroy());
  });
}

// The figure that it no longer changes from.
async function settled(measure) {
  let [last, since] = [measure(), performance.now()];
  await waitFor('memory to settle', () => {
    const now = measure();
    if (now !== last) [last, since] = [now, performance.now()];
    return performance.now() - since > 500;
  });
}

async function measureWaiting(scope, cell) {
  const { usage, port } = await startPeer(scope, cell);
  const idleMiB = usage.residentMiB();
  const answers = [];
  await Promise.all(
    Array.from({ length: cell.senders }, (_, i) => startSender(scope, port, i, answers)),
  );
  await waitFor('every request to be read', () => readConnections(port) >= cell.senders);
  await settled(usage.peakMiB);
  const peakMiB = usage.peakMiB();
  return {
    valid: answers.length === 0,
    idleMiB,
    peakMiB,
    perRequestKiB: ((peakMiB - idleMiB) * 1024) / cell.senders,
  };
}

export async function run(scope, { peers, rounds, senders }) {
  const convex = await startConvex(scope, { delayMs: LONGER_MS });
  const cells = peers.map((peer) => ({ peer, convex, senders, unchecked: true }));
  return measureRounds('waiting', cells, rounds, measureWaiting);
}

export const show = (results) =>
  table(
    ['', 'peak', 'idle', 'a request'],
    results.map(({ label, summary }) =>
      summary === null
        ? [label, 'not all waited', '-', '-']
        : [
            label,
            `${spread(summary.peakMiB)} MiB`,
            `${short(summary.idleMiB.median)} MiB`,
            `${short(summary.perRequestKiB.median)} KiB`,
          ],
    ),
  );
