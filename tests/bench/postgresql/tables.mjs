// SPDX-License-Identifier: MIT
// How the parts of the scenario are shown.

import { percent, short, spread, table } from '../figures.mjs';

const us = (figure) => `${short(figure.median)} us`;
const both = ({ cpuUs, databaseUs }) =>
  `${short(cpuUs.median + (Number.isNaN(databaseUs.median) ? 0 : databaseUs.median))} us`;

const LOAD = {
  'events/s': ({ perSecond }) => spread(perSecond),
  'CPU/event': both,
  relay: ({ cpuUs }) => us(cpuUs),
  PostgreSQL: ({ databaseUs }) => us(databaseUs),
  busy: ({ busyPercent }) => percent(busyPercent),
  p50: ({ p50Ms }) => `${spread(p50Ms)} ms`,
  p99: ({ p99Ms }) => `${spread(p99Ms)} ms`,
  peak: ({ peakMiB }) => `${short(peakMiB.median)} MiB`,
};

const PARTS = {
  saturated: ['as fast as it goes; a 200 after Convex', LOAD],
  answered: ['a steady rate; a 200 after Convex', LOAD],
  accepted: ['1,000 events/s, SYNC_WAIT_MS=0: a 202 after the commit', LOAD],
  away: [
    'PostgreSQL stops, is away for a while, and takes connections again',
    {
      'first commit after': ({ firstCommitS }) => `${spread(firstCommitS)} s`,
      'without answers': ({ gapS }) => `${spread(gapS)} s`,
      'answered 503': ({ refused }) => short(refused.median),
    },
  ],
  pending: [
    'a start with 1,000,000 events pending',
    {
      'start to ready': ({ servingS }) => `${spread(servingS)} s`,
      'to the first call': ({ firstS }) => `${spread(firstS)} s`,
      drained: ({ drainPerSecond }) => `${spread(drainPerSecond)}/s`,
      relay: ({ drainCpuUs }) => us(drainCpuUs),
      PostgreSQL: ({ databaseUs }) => us(databaseUs),
      peak: ({ peakMiB }) => `${spread(peakMiB)} MiB`,
    },
  ],
  minute: [
    'a minute at 10,000 events/s: its first and last ten seconds',
    {
      'events/s, first': ({ firstPerSecond }) => short(firstPerSecond.median),
      last: ({ lastPerSecond }) => short(lastPerSecond.median),
      'CPU/event, first': ({ firstUs }) => us(firstUs),
      'last ': ({ lastUs }) => us(lastUs),
      'PostgreSQL, first': ({ firstDatabaseUs }) => us(firstDatabaseUs),
      ' last': ({ lastDatabaseUs }) => us(lastDatabaseUs),
      p99: ({ p99Ms }) => `${spread(p99Ms)} ms`,
      'dead rows': ({ deadRows }) => short(deadRows.median),
    },
  ],
};

function showPart(part, results) {
  const [heading, columns] = PARTS[part];
  const rows = results.map(({ label, summary }) => [
    label,
    ...Object.values(columns).map((show) => (summary === null ? 'invalid' : show(summary))),
  ]);
  return `${heading}:\n\n${table(['', ...Object.keys(columns)], rows)}`;
}

export const showAll = (results) =>
  Object.keys(PARTS)
    .map((part) => [part, results.filter((result) => result.part === part)])
    .filter(([, some]) => some.length > 0)
    .map(([part, some]) => showPart(part, some))
    .join('\n\n');
