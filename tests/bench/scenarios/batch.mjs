// SPDX-License-Identifier: MIT
// What a batch function saves where Convex takes a time for each call and runs 16 at once: events a
// second, how long a lone event takes, and how long a backlog.

import { makeFolder } from '../../lib/files.mjs';
import { outboxStats } from '../../lib/outbox.mjs';
import { freePorts } from '../../lib/ports.mjs';
import { drain, sendDuringOutage } from '../drain.mjs';
import { percent, short, spread, table } from '../figures.mjs';
import { measureOnce, measureRounds, startPeer } from '../measure.mjs';
import { startPacedConvex } from '../paced-convex.mjs';
import { makeOutboxFile } from '../peers.mjs';

export const title = 'Convex takes 20 ms a call and 0.2 ms an item of a batch, 16 calls at once';

const SINGLES = 1;

// maxima: events that may go in one call. Of the backlog of singles, which would take two minutes,
// only so many as singlesWaitedFor are waited for.
export const defaults = {
  rounds: 3,
  seconds: 5,
  clients: 2000,
  events: 100_000,
  singlesWaitedFor: 8000,
  maxima: [SINGLES, 50, 200],
};

function routesOf({ max }) {
  const batch = max === SINGLES ? {} : { batch: { mutation: 'users:syncBatch', max } };
  return { users: { mutation: 'users:syncFromBlade', ...batch } };
}

function withRoutes(scope, cell) {
  const files = makeFolder(scope, { 'routes.json': routesOf(cell) });
  return { ...cell, env: { ...cell.env, ROUTES: files.path('routes.json') } };
}

async function measureLoad(scope, cell) {
  const before = await cell.convex.answered();
  const round = await measureOnce(scope, withRoutes(scope, cell));
  const after = await cell.convex.answered();
  return { ...round, perCall: (after.events - before.events) / (after.calls - before.calls) };
}

async function measureBacklog(scope, cell) {
  const OUTBOX = makeOutboxFile(scope);
  const env = { OUTBOX, SYNC_WAIT_MS: '0' };
  const server = await startPeer(scope, withRoutes(scope, { ...cell, env }));
  const { accepted, refused, broken } = await sendDuringOutage(scope, server, cell.events);
  const convex = await startPacedConvex(scope, { port: cell.port });
  const waitedFor = cell.max === SINGLES ? cell.singlesWaitedFor : cell.events;
  const { drainPerSecond, drainCpuUs } = await drain(server, convex, waitedFor);
  const { calls, events } = await convex.answered();
  const { dead } = await outboxStats({ OUTBOX });
  return {
    valid: refused + broken + dead === 0 && accepted === cell.events,
    waitedFor,
    drainPerSecond,
    drainCpuUs,
    allS: cell.events / drainPerSecond,
    perCall: events / calls,
    peakMiB: server.usage.peakMiB(),
  };
}

export async function run(scope, { peers, rounds, seconds, clients, maxima, ...backlog }) {
  if (!peers.includes('relay')) return [];
  const [port] = await freePorts(1);
  const convex = await startPacedConvex(scope);
  const away = { url: `http://127.0.0.1:${port}` };
  // What many clients leave waiting at the end of a warm-up would be in the way: one leaves one.
  const warmUp = { clients: 1, seconds: 1 };
  const load = { convex, seconds, warmUp };
  const measures = [
    { name: 'many', ...load, clients, measure: measureLoad },
    { name: 'one', ...load, clients: 1, measure: measureLoad },
    { name: 'backlog', ...backlog, convex: away, port, unchecked: true, measure: measureBacklog },
  ];
  const results = [];
  for (const { measure, ...rest } of measures) {
    const cells = maxima.map((max) => ({
      peer: 'relay',
      concurrency: 16,
      max,
      label: max === SINGLES ? 'singles' : `batches of ${max}`,
      ...rest,
    }));
    results.push(...(await measureRounds(`batch, ${rest.name}`, cells, rounds, measure)));
  }
  return results;
}

const COLUMNS = {
  many: {
    'events/s': ({ perSecond }) => spread(perSecond),
    'events a call': ({ perCall }) => short(perCall.median),
    p50: ({ p50Ms }) => `${short(p50Ms.median)} ms`,
    'CPU/event': ({ cpuUs }) => `${spread(cpuUs)} us`,
    busy: ({ busyPercent }) => percent(busyPercent),
    peak: ({ peakMiB }) => `${short(peakMiB.median)} MiB`,
  },
  one: {
    p50: ({ p50Ms }) => `${spread(p50Ms)} ms`,
    p99: ({ p99Ms }) => `${spread(p99Ms)} ms`,
    'CPU/event': ({ cpuUs }) => `${spread(cpuUs)} us`,
  },
  backlog: {
    'of them waited for': ({ waitedFor }) => short(waitedFor.median),
    drained: ({ drainPerSecond }) => `${spread(drainPerSecond)}/s`,
    'all of them': ({ allS }) => `${spread(allS)} s`,
    'events a call': ({ perCall }) => short(perCall.median),
    'CPU/event': ({ drainCpuUs }) => `${short(drainCpuUs.median)} us`,
    peak: ({ peakMiB }) => `${short(peakMiB.median)} MiB`,
  },
};

const HEADINGS = {
  many: ({ clients }) => `${short(clients)} clients`,
  one: () => 'one client: a lone event',
  backlog: ({ events }) => `${short(events)} events that came while Convex was away`,
};

function showOne(name, results) {
  const columns = Object.entries(COLUMNS[name]);
  const rows = results.map(({ label, summary }) => [
    label,
    ...columns.map(([, show]) => (summary === null ? 'invalid' : show(summary))),
  ]);
  const heads = ['relay, outbox on, concurrency 16', ...columns.map(([head]) => head)];
  return `${HEADINGS[name](results[0])}:\n\n${table(heads, rows)}`;
}

export const show = (results) =>
  results.length === 0
    ? 'Only the relay has batches.'
    : Object.keys(COLUMNS)
        .map((name) =>
          showOne(
            name,
            results.filter((result) => result.name === name),
          ),
        )
        .join('\n\n');
