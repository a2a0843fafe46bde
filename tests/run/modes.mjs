// SPDX-License-Identifier: MIT
// Which suites run against which build, and why.
//
// A mode is a list of builds: { name, directory, runs(label), isSanitized, isMemcheck,
// isOnPostgres }. A label is what ./dev test prints: unit/NAME, fuzz/NAME, or the path of a
// tests/**/*.test.mjs. Below, labels are named by how they begin.
import {
  isOnBothStores,
  isOnBothStoresAlways,
  isOnBothStoresBriefly,
} from './postgresql-suites.mjs';

const beginsWithOneOf =
  (...beginnings) =>
  (label) =>
    beginnings.some((beginning) => label.startsWith(beginning));

const isOfTheSources = beginsWithOneOf(
  'tests/bench/',
  'tests/checks/',
  'tests/cost/',
  'tests/image/',
  'tests/install/',
  'tests/standin/',
);
const isOfTheBuild = (label) => !isOfTheSources(label);

// What waits for a database most of the time. What sanitizers could see there, they see in
// crash.test.mjs.
const waitsForDatabase = beginsWithOneOf(
  'tests/e2e/postgresql-away',
  'tests/e2e/postgresql-copies',
  'tests/e2e/postgresql-failover',
);

// Suites in which the loop's thread works at the same time as the writer's, or as a second process.
const isThreaded = beginsWithOneOf(
  'unit/outbox-away',
  'unit/outbox-group',
  'unit/outbox-pages',
  'unit/outbox-tend',
  'unit/outbox-writer',
  'unit/relay-ages',
  'unit/relay-away',
  'unit/relay-batch',
  'unit/relay-events',
  'unit/relay-parcel',
  'tests/crash/',
  'tests/e2e/delivery',
  'tests/e2e/durability',
  'tests/e2e/outbox-',
  'tests/e2e/parcels',
  'tests/e2e/reload',
  'tests/e2e/start-stop',
  'tests/soak/',
);

// Valgrind sees what ASan cannot: memory that is used before anything was written there, inside
// libraries, too. So each full run has under Valgrind: suites of what reads bytes from outside, one
// suite for each library, and the README's event on its way through the binary. Each takes seconds.
const isBriefUnderValgrind = beginsWithOneOf(
  'fuzz/',
  'unit/auth-keyring',
  'unit/base-buf',
  'unit/base-config',
  'unit/base-log-sum',
  'unit/base-table',
  'unit/convex-',
  'unit/handlers-',
  'unit/outbox-rows',
  'unit/outbox-store',
  'unit/server-',
  'tests/docs/tutorial',
);

// --quick leaves out what asks how the relay lives for long, what an event costs and whether the
// image can be built, and each suite that takes 10 s or more on two idle cores.
export const slowSuites = [
  'unit/convex-answers',
  'unit/convex-connections',
  'unit/outbox-ended',
  'unit/outbox-faults',
  'unit/outbox-pages',
  'unit/relay-ages',
  'unit/relay-away',
  'unit/relay-crash',
  'unit/relay-journal',
  'unit/relay-offers',
  'unit/relay-outage',
  'tests/checks/without-postgresql.test.mjs',
  'tests/e2e/connections.test.mjs',
  'tests/e2e/durability.test.mjs',
  'tests/e2e/framing.test.mjs',
  'tests/e2e/large-bodies.test.mjs',
  'tests/e2e/memory.test.mjs',
  'tests/e2e/outbox-command.test.mjs',
  'tests/e2e/outbox-exchanged.test.mjs',
  'tests/e2e/outbox-file.test.mjs',
  'tests/e2e/parcels.test.mjs',
  'tests/e2e/postgresql-away.test.mjs',
  'tests/e2e/postgresql-check.test.mjs',
  'tests/e2e/postgresql-copies.test.mjs',
  'tests/e2e/postgresql-failover.test.mjs',
  'tests/e2e/postgresql-outbox.test.mjs',
  'tests/e2e/rotation.test.mjs',
  'tests/e2e/rude-clients.test.mjs',
  'tests/e2e/rude-convex.test.mjs',
  'tests/e2e/start-stop-queue.test.mjs',
  'tests/examples/backup.test.mjs',
  'tests/standin/client.test.mjs',
];
const isOfAnotherKind = beginsWithOneOf(
  'tests/bench/',
  'tests/cost/',
  'tests/crash/',
  'tests/image/',
  'tests/soak/',
);
// Suites that run alone (schedule.mjs).
export const isMeasured = beginsWithOneOf('tests/cost/');

const isQuick = (label) => !isOfAnotherKind(label) && !slowSuites.includes(label);

const plain = { name: '', directory: 'build', runs: () => true };
const sanitized = {
  name: ' (sanitized)',
  directory: 'build-asan',
  isSanitized: true,
  runs: (label) => isOfTheBuild(label) && !waitsForDatabase(label),
};
const threads = {
  name: ' (threads)',
  directory: 'build-tsan',
  isSanitized: true,
  // What libpq does is hidden from it, and the threads are those of SQLite's runs.
  runs: (label) => isThreaded(label) && !label.endsWith('-on-postgresql'),
};
const valgrind = {
  name: ' (valgrind)',
  directory: 'build',
  isMemcheck: true,
  runs: isOfTheBuild,
};
const coverage = { name: ' (coverage)', directory: 'build-coverage', runs: isOfTheBuild };

// The same build, with outboxes in PostgreSQL.
const onPostgres = (build, runs) => ({
  ...build,
  runs: (label) => build.runs(label) && runs(label),
  name: ` (postgresql${build.name.replace(/ \((.*)\)/, ', $1')})`,
  isOnPostgres: true,
});

export const modes = {
  '': [
    plain,
    onPostgres(plain, isOnBothStoresAlways),
    sanitized,
    onPostgres(sanitized, isOnBothStoresBriefly),
    threads,
    { ...valgrind, runs: isBriefUnderValgrind },
  ],
  '--all': [
    plain,
    onPostgres(plain, isOnBothStores),
    { ...sanitized, runs: isOfTheBuild },
    onPostgres(sanitized, isOnBothStores),
    threads,
    onPostgres(threads, isOnBothStores),
    { ...valgrind, runs: isBriefUnderValgrind },
  ],
  '--quick': [{ ...plain, runs: isQuick }],
  '--plain': [plain, onPostgres(plain, isOnBothStoresAlways)],
  '--coverage': [coverage],
  '--valgrind': [valgrind],
};
