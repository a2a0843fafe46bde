// SPDX-License-Identifier: MIT
// A start with a million events on disk: time until the relay serves, memory, and how fast the
// events go.

import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { outboxStats } from '../../lib/outbox.mjs';
import { startConvex } from '../convex.mjs';
import { drain } from '../drain.mjs';
import { short, spread, table } from '../figures.mjs';
import { measureRounds, startPeer } from '../measure.mjs';
import { makeOutboxFile } from '../peers.mjs';
import { withScope } from '../scope.mjs';

export const title = 'a start with 1,000,000 events pending';
export const defaults = { rounds: 1, events: 1_000_000 };

const FILL = fileURLToPath(new URL('backlog.sql', import.meta.url));

// The relay makes the file, SQL fills it: to send as many events would take a minute.
async function fillOutbox(cell, OUTBOX) {
  await withScope((scope) => startPeer(scope, { ...cell, env: { OUTBOX } }));
  const commands = ['.bail on', `.parameter set :events ${cell.events}`, `.read '${FILL}'`].join(
    '\n',
  );
  execFileSync('sqlite3', [OUTBOX], { input: commands });
}

async function measureBacklog(scope, cell) {
  const OUTBOX = makeOutboxFile(scope);
  await fillOutbox(cell, OUTBOX);
  const fileMiB = statSync(OUTBOX).size / 2 ** 20;
  const eventsBefore = await cell.convex.events();
  const startMs = performance.now();
  const server = await startPeer(scope, { ...cell, env: { OUTBOX } });
  const health = await fetch(`http://127.0.0.1:${server.port}/readyz`);
  const servingS = (performance.now() - startMs) / 1000;
  const convex = { events: async () => (await cell.convex.events()) - eventsBefore };
  const { drainPerSecond, drainCpuUs, drainS } = await drain(server, convex, cell.events);
  const { dead } = await outboxStats({ OUTBOX });
  return {
    valid: health.status === 200 && dead === 0,
    fileMiB,
    servingS,
    drainPerSecond,
    drainCpuUs,
    drainS,
    peakMiB: server.usage.peakMiB(),
  };
}

export async function run(scope, { peers, rounds, events }) {
  const convex = await startConvex(scope);
  const cells = peers
    .filter((peer) => peer === 'relay')
    .map((peer) => ({ peer, convex, events, unchecked: true }));
  return measureRounds('backlog', cells, rounds, measureBacklog);
}

const OTHERS = 'nginx, the router and the relay with OUTBOX=off keep no events: they cannot.';

export const show = (results) =>
  `${table(
    ['', 'file', 'start to ready', 'drained', 'CPU/event', 'peak'],
    results.map(({ label, summary }) =>
      summary === null
        ? [label, 'invalid', '-', '-', '-', '-']
        : [
            label,
            `${short(summary.fileMiB.median)} MiB`,
            `${spread(summary.servingS)} s`,
            `${spread(summary.drainPerSecond)}/s`,
            `${short(summary.drainCpuUs.median)} us`,
            `${spread(summary.peakMiB)} MiB`,
          ],
    ),
  )}\n\n${OTHERS}`;
