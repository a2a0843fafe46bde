// SPDX-License-Identifier: MIT
// Two relays with outboxes of their own, the second as nginx's backup, before one Convex, which
// runs examples/convex. The first is killed or frozen while events wait in its outbox, newer events
// of the same records go to the second, and then the first is back. With numbers the newest wins
// always; without them the older one does.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { makeFolder } from '../lib/files.mjs';
import { startInFront } from '../lib/front.mjs';
import { outboxStats } from '../lib/outbox.mjs';
import { freePorts } from '../lib/ports.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { waitFor } from '../lib/wait.mjs';
import { startWay } from '../lib/way.mjs';
import { DEPLOY_KEY, ROUTES, startConvex } from './world.mjs';

const RECORDS = 12;
const ROUNDS = 3;
const AHEAD_MS = 1000; // by which numbers may be ahead of the clock after a crash

const UNNUMBERED = {
  users: { mutation: 'users:syncFromBlade', remove: 'users:deleteByBladeId' },
};

// nginx as docker/nginx.conf has it, with the second relay, and one worker that knows what has
// failed.
const changesFor = (port, more = []) => [
  ['# server 127.0.0.1:3002 backup;', `server 127.0.0.1:${port} backup;`],
  ['worker_processes auto', 'worker_processes 1'],
  ...more,
];

// Only the way of the first relay to Convex can be cut.
async function startTwo(t, { routes, changes } = {}) {
  const files = makeFolder(t);
  const world = await startConvex(t);
  const way = await startWay(t, new URL(world.standin.url).port);
  const [port] = await freePorts(1); // the first relay comes back there
  const start = async (name, more) => {
    const env = {
      CONVEX_DEPLOY_KEY: DEPLOY_KEY,
      ROUTES: routes ? files.write('routes.json', routes) : ROUTES,
      OUTBOX: path.join(files.folder, `${name}.db`),
      SYNC_WAIT_MS: '100',
      ...more,
    };
    return { ...(await startRelay(t, { env })), stats: () => outboxStats(env) };
  };
  const startFirst = () => start('first', { CONVEX_URL: way.url, PORT: String(port) });
  const first = await startFirst();
  const second = await start('second', { CONVEX_URL: world.standin.url });
  const { front } = await startInFront(t, first, { changes: changesFor(second.port, changes) });
  return { ...world, way, first, second, startFirst, front };
}

const user = (id, name, operation = 'set') => ({
  model: 'users',
  operation,
  hiveId: id,
  data: { bladeId: id, email: `${id}@example.com`, name },
});
const ids = Array.from({ length: RECORDS }, (_, i) => `acc_${i}`);
const named = (name) => ids.map((id) => user(id, name));
const removed = () => ids.map((id) => user(id, '', 'remove'));
const PROBE = 'acc_probe'; // of whom only nginx's choice matters

const settled = (relay) =>
  waitFor('nothing to be pending', async () => (await relay.stats()).pending === 0);

const accepted = async (relay) => (await relay.stats()).accepted;

// Sends events, which the given relay takes.
async function sendTo(relay, { front }, events) {
  const before = await accepted(relay);
  const answers = await Promise.all(events.map((event) => sync(front, event)));
  for (const { status } of answers) assert.ok([200, 202].includes(status), `${status}`);
  await waitFor(
    'them to be counted',
    async () => (await accepted(relay)) === before + events.length,
  );
}

// The same, and Convex has them.
async function bringTo(relay, world, events) {
  await sendTo(relay, world, events);
  await settled(relay);
}

// Events go to the second relay until nginx tries the first one again.
async function untilTried({ front, first, second }) {
  const [before, beforeAll] = [await accepted(first), await acceptedByBoth()];
  let probes = 0;
  await waitFor('nginx to try the first relay', async () => {
    probes += 1;
    assert.ok((await sync(front, user(PROBE, 'nobody'))).ok);
    return (await accepted(first)) > before;
  });
  await waitFor('all to be counted', async () => (await acceptedByBoth()) === beforeAll + probes);

  async function acceptedByBoth() {
    return (await accepted(first)) + (await accepted(second));
  }
}

// The names of the records that are there, all in one.
async function assertNames({ rows }, wanted) {
  const found = (await rows('users')).filter(({ bladeId }) => bladeId !== PROBE);
  assert.deepEqual(
    found.map(({ name }) => name),
    wanted === null ? [] : ids.map(() => wanted),
  );
}

// The first relay holds the older events when it is killed. It comes back once Convex has the newer
// ones from the second.
async function killBetween(world, older, newer) {
  world.way.close();
  await sendTo(world.first, world, older);
  await world.first.kill();
  await bringTo(world.second, world, newer);
  world.way.open();
  world.first = await world.startFirst();
  await settled(world.first);
}

// The same with a relay that stands still meanwhile: nginx finds out by an event of another record.
const PATIENT_NGINX = [
  ['proxy_read_timeout 60s', 'proxy_read_timeout 3s'],
  ['max_fails=1 fail_timeout=1s', 'max_fails=1 fail_timeout=600s'],
];
async function freezeBetween(world, older, newer) {
  const { way, first, second, front } = world;
  way.close();
  await sendTo(first, world, older);
  first.signal('SIGSTOP');
  assert.equal((await sync(front, user(PROBE, 'nobody'))).status, 504);
  await bringTo(second, world, newer);
  way.open();
  first.signal('SIGCONT');
  first.signal('SIGHUP'); // Convex is looked for at once
  await settled(first);
}

test('killed and back, again and again: the newest wins', async (t) => {
  const world = await startTwo(t);
  await bringTo(world.first, world, named('at first'));
  for (let round = 1; round <= ROUNDS; round++) {
    await killBetween(world, named(`${round}, older`), named(`${round}, newer`));
    await assertNames(world, `${round}, newer`);
    const back = Date.now();
    await waitFor('the numbers to be right', () => Date.now() > back + AHEAD_MS);
    await untilTried(world);
  }
  await bringTo(world.first, world, named('in the end'));
  await assertNames(world, 'in the end');
});

// [what, how, nginx's changes]
const ENDS = [
  ['killed', killBetween, []],
  ['frozen', freezeBetween, PATIENT_NGINX],
];
// [what is sent later, the names then, and without numbers]
const LATER = [
  ['changes', named('newer'), 'newer', 'older'],
  ['removals', removed(), null, 'older'],
];
for (const [end, between, changes] of ENDS) {
  for (const [what, newer, right, wrong] of LATER) {
    for (const [how, routes, wanted] of [
      ['with numbers the newest wins', undefined, right],
      ['without numbers the older one does', UNNUMBERED, wrong],
    ]) {
      test(`${end} and back, ${what}: ${how}`, async (t) => {
        const world = await startTwo(t, { routes, changes });
        await bringTo(world.first, world, named('at first'));
        await between(world, named('older'), newer);
        await assertNames(world, wanted);
      });
    }
  }
}
