// SPDX-License-Identifier: MIT
// What the figures have to come to, and whether they do.

import { ratio, short, table } from './figures.mjs';

const median = (result, name) => result?.summary?.[name]?.median;

// A figure of one scenario's results; NaN where it has not been measured.
const find = (scenarios, name, wanted) =>
  scenarios[name]?.results.find((result) =>
    Object.entries(wanted).every(([key, value]) => result[key] === value),
  );

const cost = (scenarios, peer) => median(find(scenarios, 'at-once', { peer }), 'cpuUs');

function timesTheRouter(scenarios) {
  const speed = (wanted) =>
    median(find(scenarios, 'latency', { delayMs: 20, clients: 64, ...wanted }), 'perSecond');
  const routers = ['node', 'bun']
    .map((peer) => speed({ peer }))
    .filter((figure) => figure !== undefined);
  return speed({ peer: 'relay', concurrency: 64 }) / Math.max(...routers);
}

const memory = (scenarios, name) => median(find(scenarios, name, { peer: 'relay' }), 'peakMiB');

const servingS = (scenarios) => median(find(scenarios, 'backlog', { peer: 'relay' }), 'servingS');

// Of the relay's batches of at most so many, where n senders send, or a backlog drains.
const batches = (scenarios, max, name, figure) =>
  median(find(scenarios, 'batch', { max, name }), figure);

const timesSingles = (scenarios, max, name, figure) =>
  batches(scenarios, max, name, figure) / batches(scenarios, 1, name, figure);

// Of the outbox in PostgreSQL ('postgresql') or in a file, in a part of that scenario.
const stored = (scenarios, part, wanted, figure) =>
  median(find(scenarios, 'postgresql', { part, store: 'postgresql', ...wanted }), figure);

const saturatedUs = (scenarios) =>
  stored(scenarios, 'saturated', { clients: 256 }, 'cpuUs') +
  stored(scenarios, 'saturated', { clients: 256 }, 'databaseUs');

// The worst of all rates.
const laterThanAFile = (scenarios) =>
  Math.max(
    ...(scenarios.postgresql?.results ?? [])
      .filter(({ part, store }) => part === 'answered' && store === 'postgresql')
      .map((result) => {
        const { part, rate } = result;
        const file = find(scenarios, 'postgresql', { part, rate, store: 'file' });
        return median(result, 'p50Ms') - median(file, 'p50Ms');
      }),
  );

// The last ten seconds of the worse minute, as a part of the first ones.
const lastToFirst = (pick, last, first) => (scenarios) =>
  pick(
    ...['VACUUM', 'xmin held'].map(
      (trouble) =>
        stored(scenarios, 'minute', { trouble }, last) /
        stored(scenarios, 'minute', { trouble }, first),
    ),
  );

const longestTurn = (name) => (scenarios) =>
  Math.max(...(scenarios[name]?.results ?? []).map((result) => median(result, 'maxMs') ?? NaN));

const BARS = [
  {
    what: 'relay, OUTBOX=off : nginx, CPU/event, at-once',
    of: (s) => cost(s, 'bare') / cost(s, 'nginx'),
    most: 1.4,
    aim: 1.15,
  },
  {
    what: 'relay, outbox on : nginx, CPU/event, at-once',
    of: (s) => cost(s, 'relay') / cost(s, 'nginx'),
    most: 1.7,
    aim: 1.3,
  },
  {
    what: 'relay, outbox on : router on Node, CPU/event, at-once',
    of: (s) => cost(s, 'relay') / cost(s, 'node'),
    most: 1 / 8,
    aim: 1 / 15,
  },
  {
    what: 'relay, outbox on : router on Bun, CPU/event, at-once',
    of: (s) => cost(s, 'relay') / cost(s, 'bun'),
    most: 1 / 2,
    aim: 1 / 4,
  },
  {
    what: 'relay : the faster router, events/s, 20 ms, 64 clients, concurrency 64',
    of: timesTheRouter,
    least: 40,
    aim: 60,
  },
  {
    what: 'memory with 2,000 waiting requests of 1 KiB',
    of: (s) => memory(s, 'waiting'),
    most: 64,
    aim: 32,
    unit: 'MiB',
  },
  {
    what: 'memory with 1,000,000 events pending',
    of: (s) => memory(s, 'backlog'),
    most: 32,
    aim: 24,
    unit: 'MiB',
  },
  {
    what: 'a start with 1,000,000 events pending, until it is ready',
    of: servingS,
    most: 1,
    aim: 0.5,
    unit: 's',
  },
  {
    what: 'batches of 50 : singles, events/s',
    of: (s) => timesSingles(s, 50, 'many', 'perSecond'),
    least: 20,
    aim: 30, // 33 is what Convex's own time leaves
  },
  {
    what: 'batches of 200 : singles, events/s',
    of: (s) => timesSingles(s, 200, 'many', 'perSecond'),
    least: 20,
    aim: 40,
  },
  {
    what: 'batches of 50 : singles, events/s of a backlog of 100,000',
    of: (s) => timesSingles(s, 50, 'backlog', 'drainPerSecond'),
    least: 20,
    aim: 30,
  },
  {
    what: 'a route with batch : one without, p50 of a lone event',
    of: (s) => timesSingles(s, 50, 'one', 'p50Ms'),
    most: 1.05,
    aim: 1.02,
  },
  {
    what: 'memory with a backlog of 100,000, drained in batches of 50',
    of: (s) => batches(s, 50, 'backlog', 'peakMiB'),
    most: 32,
    aim: 24,
    unit: 'MiB',
  },
  {
    what: 'PostgreSQL: events/s, 256 clients',
    of: (s) => stored(s, 'saturated', { clients: 256 }, 'perSecond'),
    least: 10_000,
    aim: 12_000,
  },
  {
    what: 'PostgreSQL: CPU of both programs an event, 256 clients',
    of: saturatedUs,
    most: 60,
    aim: 45,
    unit: 'us',
  },
  {
    what: 'PostgreSQL: p50 of a 200, later than with a file, at 100 to 4,000/s',
    of: laterThanAFile,
    most: 2,
    aim: 1,
    unit: 'ms',
  },
  {
    what: 'PostgreSQL: p99 of a 202 at 1,000/s',
    of: (s) => stored(s, 'accepted', {}, 'p99Ms'),
    most: 25,
    aim: 12,
    unit: 'ms',
  },
  {
    what: 'PostgreSQL restarted, until the first commit',
    of: (s) => stored(s, 'away', { mode: 'fast', awayS: 0 }, 'firstCommitS'),
    most: 2,
    aim: 0.5,
    unit: 's',
  },
  {
    what: 'PostgreSQL: memory with 1,000,000 events pending',
    of: (s) => stored(s, 'pending', {}, 'peakMiB'),
    most: 32,
    aim: 24,
    unit: 'MiB',
  },
  {
    what: 'PostgreSQL: a start with 1,000,000 events pending, until it is ready',
    of: (s) => stored(s, 'pending', {}, 'servingS'),
    most: 3,
    aim: 1,
    unit: 's',
  },
  {
    what: 'PostgreSQL: last : first ten seconds of a minute at 10,000/s, events/s',
    of: lastToFirst(Math.min, 'lastPerSecond', 'firstPerSecond'),
    least: 0.9,
    aim: 0.98,
  },
  {
    what: 'PostgreSQL: last : first ten seconds of a minute at 10,000/s, CPU/event',
    of: lastToFirst(Math.max, 'lastUs', 'firstUs'),
    most: 1.3,
    aim: 1.1,
  },
  {
    what: 'longest wait for a turn of the loop',
    of: longestTurn('turn'),
    most: 20,
    aim: 10,
    unit: 'ms',
  },
  {
    what: 'longest turn with an event of 16 MiB, of every shape, CPU time',
    of: longestTurn('shapes'),
    most: 20,
    aim: 10,
    unit: 'ms',
  },
];

// Of every bar whose scenarios were measured: {what, value, bar, aim, unit, verdict}.
export function judge(scenarios) {
  return BARS.map(({ what, of, most, least, aim, unit }) => {
    const value = of(scenarios);
    const within = (limit) => (least === undefined ? value <= limit : value >= limit);
    const verdict = within(aim) ? 'aim met' : within(most ?? least) ? 'met' : 'not met';
    return { what, value, bar: most ?? least, aim, unit, verdict };
  }).filter(({ value }) => Number.isFinite(value));
}

export const showBars = (bars) =>
  table(
    ['', 'measured', 'bar', 'aim', ''],
    bars.map(({ what, value, bar, aim, unit, verdict }) => {
      const text = (figure) => (unit === undefined ? ratio(figure) : `${short(figure)} ${unit}`);
      return [what, text(value), text(bar), text(aim), verdict];
    }),
  );
