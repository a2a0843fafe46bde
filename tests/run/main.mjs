// SPDX-License-Identifier: MIT
// Runs every suite, as many at once as there are CPUs, or as JOBS says, and counts the cases.
//
//   node tests/run/main.mjs [--all | --quick | --plain | --coverage | --valgrind] [NAME...]
//
// With NAMEs, only suites run whose label holds one of them.
//
// A suite is a C program of meson's test list (cmocka, or a corpus of tests/fuzz) or a
// tests/**/*.test.mjs (node:test); all speak TAP. modes.mjs says which suites run against which
// build. A suite that crashes, says nothing or takes too long counts as a failed case. The last
// line is `N passed, N failed[, N skipped]`.
import { availableParallelism } from 'node:os';
import { isMeasured, modes } from './modes.mjs';
import { endPostgres, lendPostgres } from './postgres.mjs';
import { endRunning, runSuite } from './process.mjs';
import { startProgress } from './progress.mjs';
import { runAll } from './schedule.mjs';
import { findSuites } from './suites.mjs';

// A suite may want a gigabyte, for what holds millions of events or many bodies of 16 MiB.
const JOBS_MAX = 8;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    endRunning(); // its PostgreSQL ends with this process
    if (process.stdout.isTTY) process.stdout.write('\n');
    process.exit(1);
  });
}

const jobs = Number(process.env.JOBS ?? Math.min(availableParallelism(), JOBS_MAX));
if (!Number.isInteger(jobs) || jobs < 1) {
  console.error('JOBS is how many suites run at once: a number from 1');
  process.exit(1);
}

const mode = process.argv[2] in modes ? process.argv[2] : '';
const names = process.argv.slice(mode ? 3 : 2);
const suites = findSuites(modes[mode]).filter(
  ({ label }) => names.length === 0 || names.some((name) => label.includes(name)),
);
if (suites.length === 0) {
  const among = mode ? `, of those that ${mode} runs` : '';
  console.error(`no suite's label holds ${names.join(' or ')}${among}`);
  process.exit(1);
}

const progress = startProgress(suites.length, process.stdout);
await runAll(suites, {
  jobs,
  isMeasured,
  async run(suite) {
    progress.begin(suite);
    progress.end(await runSuite(await lendPostgres(suite)));
  },
});
await endPostgres();
process.exit(progress.finish() ? 1 : 0);
