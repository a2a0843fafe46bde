// SPDX-License-Identifier: MIT
// What is made of the rounds: medians, tables, verdicts; and how the command line is read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments } from './arguments.mjs';
import { judge } from './bars.mjs';
import { median, percent, ratio, short, spread, summarise, table } from './figures.mjs';
import { readSamples } from './scenarios/profile.mjs';
import { readReport } from './wrk.mjs';

for (const [numbers, expected] of [
  [[3], 3],
  [[9, 1, 5], 5],
  [[10, 2], 6],
  [[100, 9, 1, 20], 14.5],
]) {
  test(`the median of ${numbers} is ${expected}`, () => assert.equal(median(numbers), expected));
}

for (const [number, expected] of [
  [0.1234, '0.12'],
  [9.87, '9.87'],
  [12.345, '12.3'],
  [123.4, '123'],
  [12345.6, '12,346'],
  [NaN, '-'],
]) {
  test(`${number} is written ${expected}`, () => assert.equal(short(number), expected));
}

test('a ratio below one is turned around', () => {
  assert.deepEqual(
    [ratio(1.5), ratio(1), ratio(1 / 8), ratio(0)],
    ['1.50', '1.00', '1/8.00', '0.00'],
  );
});

test('a round that is not valid, and what is no number, say nothing', () => {
  const rounds = [
    { valid: true, cpuUs: 4, userPercent: NaN },
    { valid: false, cpuUs: 400, userPercent: 1 },
    { valid: true, cpuUs: 2, userPercent: NaN },
  ];
  const { cpuUs, userPercent } = summarise(rounds);
  assert.deepEqual(cpuUs, { median: 3, min: 2, max: 4 });
  assert.equal(spread(cpuUs), '3.00 (2.00-4.00)');
  assert.equal(percent(userPercent), '-');
  assert.equal(summarise([{ valid: false, cpuUs: 1 }]), null);
});

test('a table is lined up', () => {
  assert.equal(
    table(
      ['', 'ms'],
      [
        ['one', '1'],
        ['seven', '100 ms'],
      ],
    ),
    ['|       |     ms |', '| ----- | -----: |', '| one   |      1 |', '| seven | 100 ms |'].join(
      '\n',
    ),
  );
});

test("wrk's report is found behind what else it prints", () => {
  assert.deepEqual(readReport('Running 1s test\n  1 threads\n{"events":7}\n'), { events: 7 });
  assert.throws(() => readReport('unable to connect\n'), /unable to connect/);
});

// ---- bars ----

const summaryOf = (figures) =>
  Object.fromEntries(
    Object.entries(figures).map(([name, figure]) => [
      name,
      { median: figure, min: figure, max: figure },
    ]),
  );

const costs = (costsUs) => ({
  'at-once': {
    results: Object.entries(costsUs).map(([peer, cpuUs]) => ({
      peer,
      summary: summaryOf({ cpuUs }),
    })),
  },
});

const verdicts = (scenarios) => judge(scenarios).map(({ value, verdict }) => [value, verdict]);

test('a bar is met, its aim is met, or neither', () => {
  assert.deepEqual(verdicts(costs({ nginx: 10, bare: 11 })), [[1.1, 'aim met']]);
  assert.deepEqual(verdicts(costs({ nginx: 10, bare: 12 })), [[1.2, 'met']]);
  assert.deepEqual(verdicts(costs({ nginx: 10, bare: 19 })), [[1.9, 'not met']]);
});

test('events a second are compared with the faster router, at the same delay and clients', () => {
  const result = (peer, perSecond, rest) => ({
    peer,
    delayMs: 20,
    clients: 64,
    summary: summaryOf({ perSecond }),
    ...rest,
  });
  const results = [
    result('relay', 9999, { clients: 256, concurrency: 64 }),
    result('relay', 700, { concurrency: 16 }),
    result('node', 40),
    result('bun', 50),
    result('relay', 2500, { concurrency: 64 }),
  ];
  assert.deepEqual(verdicts({ latency: { results } }), [[50, 'met']]);
});

test('batches are compared with singles, of the same measurement', () => {
  const result = (name, max, figures) => ({ name, max, summary: summaryOf(figures) });
  const results = [
    result('many', 1, { perSecond: 800, p50Ms: 9 }),
    result('many', 50, { perSecond: 16_000, p50Ms: 9 }),
    result('one', 1, { perSecond: 50, p50Ms: 20 }),
    result('one', 50, { perSecond: 1, p50Ms: 25 }),
    result('backlog', 1, { drainPerSecond: 1000, peakMiB: 99 }),
    result('backlog', 50, { drainPerSecond: 40_000, peakMiB: 24.5 }),
  ];
  assert.deepEqual(verdicts({ batch: { results } }), [
    [20, 'met'],
    [40, 'aim met'],
    [1.25, 'not met'],
    [24.5, 'met'],
  ]);
});

test('the longest turn is the longest of all, and no turn of a row that is not valid', () => {
  const row = (maxMs) => ({ summary: summaryOf({ maxMs }) });
  assert.deepEqual(verdicts({ turn: { results: [row(2), row(12), row(3)] } }), [[12, 'met']]);
  assert.deepEqual(verdicts({ turn: { results: [row(2), { summary: null }] } }), []);
  assert.deepEqual(verdicts({ shapes: { results: [row(8), row(21), row(3)] } }), [[21, 'not met']]);
});

test('what was not measured is not judged', () => assert.deepEqual(judge({}), []));

// ---- the command line ----

const KNOWN = ['at-once', 'tls'];

for (const [args, expected] of [
  [[], { scenarios: KNOWN, settings: {}, json: undefined }],
  [
    ['tls', '--rounds', '7', '--json', 'x.json'],
    { scenarios: ['tls'], settings: { rounds: 7 }, json: 'x.json' },
  ],
  [
    ['--seconds', '2', '--peers', 'nginx,relay'],
    { scenarios: KNOWN, settings: { seconds: 2, peers: ['nginx', 'relay'] }, json: undefined },
  ],
]) {
  test(`arguments: ${args.join(' ') || 'none'}`, () =>
    assert.deepEqual(parseArguments(args, KNOWN), expected));
}

for (const args of [
  ['nothing'],
  ['--rounds'],
  ['--rounds', '0'],
  ['--rounds', 'x'],
  ['--json'],
  ['--peers', 'apache'],
  ['--peers'],
]) {
  test(`arguments refused: ${args.join(' ')}`, () =>
    assert.match(parseArguments(args, KNOWN).error, /\S/));
}

test('samples are told by what runs, and in the kernel by the call', () => {
  const sample = (...frames) =>
    `convex-relay\n${frames.map((frame) => `\t    7ffd0 ${frame}\n`).join('')}\n`;
  const text = [
    sample(
      'tcp_ack ([kernel.kallsyms])',
      '__sys_sendmsg ([kernel.kallsyms])',
      '__libc_sendmsg (/lib/libc.so.6)',
    ),
    sample('ksys_x ([kernel.kallsyms])', '__x64_sys_fdatasync ([kernel.kallsyms])'),
    sample('tcp_sendmsg ([kernel.kallsyms])', '___sys_sendmsg ([kernel.kallsyms])'),
    sample('sysvec_apic_timer_interrupt ([kernel.kallsyms])', 'main (/opt/convex-relay)'),
    sample('sqlite3_step (/usr/lib/libsqlite3.so.0.8.6)', 'main (/opt/convex-relay)'),
    sample('loop_turn (/opt/convex-relay)'),
    'convex-relay\n\n', // no stack was to be had
  ].join('');
  assert.deepEqual(readSamples(text), [
    ['kernel, sendmsg()', 2],
    ['kernel, fdatasync()', 1],
    ['kernel, interrupts and the way in and out', 1],
    ['libsqlite3', 1],
    ['convex-relay', 1],
  ]);
});
