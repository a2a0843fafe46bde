// SPDX-License-Identifier: MIT
// Convex is away, 10,000 events come at once; then it is back.

import { userEvent } from '../../lib/events.mjs';
import { freePorts } from '../../lib/ports.mjs';
import { outboxStats } from '../../lib/outbox.mjs';
import { sync } from '../../lib/relay.mjs';
import { startConvex } from '../convex.mjs';
import { drain, sendDuringOutage } from '../drain.mjs';
import { short, spread, table } from '../figures.mjs';
import { measureRounds, startPeer } from '../measure.mjs';
import { makeOutboxFile } from '../peers.mjs';

export const title = 'Convex is away, 10,000 events come from 64 clients, then it is back';
export const defaults = { rounds: 3, events: 10_000 };

// What becomes of an event where nothing keeps it.
async function measureLoss(scope, cell) {
  const server = await startPeer(scope, cell);
  const response = await sync({ url: `http://127.0.0.1:${server.port}` }, userEvent('acc_1'));
  await response.text();
  return { valid: true, status: response.status };
}

async function measureOutage(scope, cell) {
  if (cell.peer !== 'relay') return measureLoss(scope, cell);
  const OUTBOX = makeOutboxFile(scope);
  const server = await startPeer(scope, { ...cell, env: { OUTBOX, SYNC_WAIT_MS: '0' } });
  const before = server.usage.cpu();
  const { acceptS, accepted, p50Ms, p99Ms, refused, broken } = await sendDuringOutage(
    scope,
    server,
    cell.events,
  );
  const after = server.usage.cpu();
  const { pending } = await outboxStats({ OUTBOX });
  const back = await startConvex(scope, { port: cell.port });
  const drained = await drain(server, back, pending);
  const left = await outboxStats({ OUTBOX });
  return {
    valid:
      refused + broken === 0 && accepted === cell.events && pending >= accepted && left.dead === 0,
    acceptS,
    acceptPerSecond: accepted / acceptS,
    acceptCpuUs: ((after.cpuS - before.cpuS) * 1e6) / accepted,
    p50Ms,
    p99Ms,
    pending,
    ...drained,
    peakMiB: server.usage.peakMiB(),
  };
}

export async function run(_, { peers, rounds, events }) {
  const [port] = await freePorts(1);
  const away = { url: `http://127.0.0.1:${port}` };
  const cells = peers.map((peer) => ({ peer, convex: away, port, events, unchecked: true }));
  return measureRounds('outage', cells, rounds, measureOutage);
}

function row({ label, peer, summary }) {
  if (summary === null) return [label, 'invalid', '-', '-', '-', '-', '-', '-'];
  if (peer !== 'relay')
    return [
      label,
      `cannot: answers ${summary.status.median}, keeps nothing`,
      '-',
      '-',
      '-',
      '-',
      '-',
      '-',
    ];
  return [
    label,
    `${spread(summary.acceptS)} s`,
    `${short(summary.acceptCpuUs.median)} us`,
    `${short(summary.p50Ms.median)} ms`,
    `${spread(summary.p99Ms)} ms`,
    `${spread(summary.firstS)} s`,
    `${spread(summary.drainS)} s`,
    `${short(summary.peakMiB.median)} MiB`,
  ];
}

export const show = (results) =>
  table(
    [
      '',
      'to accept all',
      'CPU/event',
      'p50 of the 202',
      'p99 of the 202',
      'back to first call',
      'first call to drained',
      'peak',
    ],
    results.map(row),
  );
