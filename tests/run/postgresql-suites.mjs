// SPDX-License-Identifier: MIT
// Which end-to-end suites hold for every outbox, and so run twice: with a file, and, under the name
// "(postgresql)", with a schema of a database (tests/lib/outbox-place.mjs). Suites are named by
// what stands between tests/ and .test.mjs.

const WITHOUT = 'asks what a relay without an outbox does';
const FILE = 'looks into the file of SQLite, locks it, or breaks it';
const CLOCK = 'holds numbers to the clock, which those of a database may lag by two minutes';
const URL = 'has another CONVEX_URL take over the outbox, which a database refuses';

// Each suite that runs twice, and which of its cases do not, by how their names begin, with the
// reason. brief: also with sanitizers. long: not without --all.
export const onBothStores = {
  'crash/crash': { brief: true },
  'e2e/admin': { but: { 'without an outbox what Convex refuses is discarded': WITHOUT } },
  'e2e/delivery': {
    but: {
      'internal mutations need the deploy key': WITHOUT,
      'a base path in CONVEX_URL, and a slash at its end': WITHOUT,
      'a conflict: 500': WITHOUT,
      'overload: 500': WITHOUT,
      'a gateway: 500': WITHOUT,
      'a reset: 500': WITHOUT,
      'a lost answer: 500': WITHOUT,
    },
  },
  'e2e/durability': {
    but: {
      'a Convex that is away gets one probe at a time': URL,
      'one write of the log in ': FILE,
    },
  },
  'e2e/order': {
    but: { 'an event that fails lets the next one of its record go': WITHOUT },
  },
  'e2e/outbox-command': {
    but: {
      'an outbox that is not there is named': FILE,
      'an outbox that is a folder is named': FILE,
      'an outbox of somebody else is named': FILE,
      'the file is found under STATE_DIRECTORY': FILE,
    },
  },
  'e2e/outbox-selections': { brief: true },
  'e2e/parcels': {
    but: {
      'without an outbox: one attempt each': WITHOUT,
      '10000 records without an outbox: one attempt each': WITHOUT,
    },
  },
  'e2e/refusals': {},
  'e2e/reload': { but: { 'in the middle of a start: it is done when that is over': FILE } },
  'e2e/rotation': { long: true },
  'e2e/sequence': {
    brief: true,
    but: {
      'the number is added to arguments of every shape': CLOCK,
      'a restored backup: the numbers go on above all': FILE,
    },
  },
  'e2e/signals': { long: true },
  'e2e/start-stop': {
    long: true,
    but: {
      'it starts while Convex is away': WITHOUT,
      'DRAIN_MS passed: 503 for what is in flight and for what waits': WITHOUT,
      'a second SIGTERM stops at once': WITHOUT,
      'a stop in the middle of the start': FILE,
      'stdin, stdout and stderr closed': FILE,
    },
  },
  'e2e/start-stop-queue': { long: true },
};

// The suites of end-to-end tests that run once, and why that is enough.
const ABOUT_FILE = 'is about the file of SQLite';
const ABOUT_DATABASE = 'is about PostgreSQL';
const ABOUT_HTTP = 'is about HTTP: what is stored makes no difference';
const ABOUT_CONVEX = "is about Convex's side: what is stored makes no difference";
const ABOUT_START = 'is about settings and processes: what is stored makes no difference';
export const onOneStore = {
  'e2e/backup': ABOUT_FILE,
  'e2e/command-line': ABOUT_START,
  'e2e/connections': ABOUT_HTTP,
  'e2e/framing': ABOUT_HTTP,
  'e2e/health': ABOUT_START,
  'e2e/http': ABOUT_HTTP,
  'e2e/large-bodies': ABOUT_HTTP,
  'e2e/logs': ABOUT_START,
  'e2e/memory': 'lets allocations of the relay fail, and would let those of libpq fail, too',
  'e2e/nginx': ABOUT_HTTP,
  'e2e/outbox-exchanged': ABOUT_FILE,
  'e2e/outbox-file': ABOUT_FILE,
  'e2e/outbox-place': ABOUT_FILE,
  'e2e/postgresql-away': ABOUT_DATABASE,
  'e2e/postgresql-check': ABOUT_DATABASE,
  'e2e/postgresql-copies': ABOUT_DATABASE,
  'e2e/postgresql-damage': ABOUT_DATABASE,
  'e2e/postgresql-failover': ABOUT_DATABASE,
  'e2e/postgresql-move': ABOUT_DATABASE,
  'e2e/postgresql-outbox': ABOUT_DATABASE,
  'e2e/reload-ca': ABOUT_CONVEX,
  'e2e/rude-clients': ABOUT_HTTP,
  'e2e/rude-convex': ABOUT_CONVEX,
  'e2e/rude-convex-long': ABOUT_CONVEX,
  'e2e/rude-convex-names': ABOUT_CONVEX,
  'e2e/service-manager': ABOUT_START,
  'e2e/tls': ABOUT_CONVEX,
  'e2e/upgrade': ABOUT_FILE,
};

const nameOf = (label) => /^tests\/(.*)\.test\.mjs/.exec(label)?.[1];
const rowOf = (label) => onBothStores[nameOf(label)];
export const isOnBothStores = (label) => Boolean(rowOf(label));
export const isOnBothStoresAlways = (label) => isOnBothStores(label) && !rowOf(label).long;
export const isOnBothStoresBriefly = (label) => Boolean(rowOf(label)?.brief);

// Arguments of node --test that leave out what holds for one store alone. A case also runs where
// the name of what it is in matches: of a file, that is <root> or nothing.
export function leaveOut(label) {
  const names = Object.keys(rowOf(label)?.but ?? {});
  const escaped = names.map((name) => name.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
  return names.length ? [`--test-name-pattern=/^(?!<root>|${escaped.join('|')})./`] : [];
}
