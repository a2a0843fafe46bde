// SPDX-License-Identifier: MIT
// How the scenarios that load a server with wrk are shown.

import { percent, short, spread, table } from '../figures.mjs';

const HEADS = [
  '',
  'CPU/event',
  'ratio',
  'user',
  'events/s',
  'busy',
  'p50',
  'p99',
  'peak',
  'errors',
];

function row(name, { rounds, summary }, base) {
  const errors = rounds.reduce((sum, round) => sum + round.refused + round.broken, 0);
  const invalid = rounds.filter((round) => !round.valid).length;
  const trouble = [
    String(errors),
    ...(invalid > 0 ? [`${invalid} of ${rounds.length} rounds invalid`] : []),
    ...(summary?.queuedPercent.median > 0
      ? [`${percent(summary.queuedPercent)} went to disk`]
      : []),
  ].join(', ');
  if (summary === null) return [name, ...HEADS.slice(2).map(() => '-'), trouble];
  return [
    name,
    `${spread(summary.cpuUs)} us`,
    base?.summary ? short(summary.cpuUs.median / base.summary.cpuUs.median) : '-',
    percent(summary.userPercent),
    spread(summary.perSecond),
    percent(summary.busyPercent),
    `${short(summary.p50Ms.median)} ms`,
    `${short(summary.p99Ms.median)} ms`,
    `${short(summary.peakMiB.median)} MiB`,
    trouble,
  ];
}

// The ratio is the one of CPU per event to nginx's.
export function loadTable(results) {
  const base = results.find(({ peer }) => peer === 'nginx');
  return table(
    HEADS,
    results.map((result) => row(result.label, result, base)),
  );
}
