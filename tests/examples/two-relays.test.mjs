// SPDX-License-Identifier: MIT
// Two relays with outboxes of their own before one Convex, which runs examples/convex: with numbers
// the newest event wins, even if an older one comes later; without numbers the later one wins.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { makeFolder } from '../lib/files.mjs';
import { outboxStats } from '../lib/outbox.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { waitFor } from '../lib/wait.mjs';
import { startWay } from '../lib/way.mjs';
import { DEPLOY_KEY, ROUTES, startConvex } from './world.mjs';

async function startTwo(t, routes) {
  const files = makeFolder(t);
  const world = await startConvex(t);
  const way = await startWay(t, new URL(world.standin.url).port);
  const start = async (name, url) => {
    const env = {
      CONVEX_URL: url,
      CONVEX_DEPLOY_KEY: DEPLOY_KEY,
      ROUTES: routes ? files.write('routes.json', routes) : ROUTES,
      OUTBOX: path.join(files.folder, `${name}.db`),
      SYNC_WAIT_MS: '100',
    };
    return { ...(await startRelay(t, { env })), stats: () => outboxStats(env) };
  };
  const [first, second] = [await start('first', way.url), await start('second', world.standin.url)];
  return { ...world, way, first, second };
}

const user = (operation, fields) => ({
  model: 'users',
  operation,
  hiveId: 'acc_1',
  data: { bladeId: 'acc_1', email: 'a@example.com', ...fields },
});

const send = async (relay, event) =>
  assert.ok([200, 202].includes((await sync(relay, event)).status));
const delivered = (relay, n) =>
  waitFor(`${n} to be delivered`, async () => (await relay.stats()).delivered === n);

// The first relay cannot reach Convex; its event comes after the second's, which is newer.
async function overtake({ way, first, second }, older, newer) {
  await send(first, user('add', { name: 'Ann' }));
  await delivered(first, 1);
  way.close();
  await send(first, older);
  await send(second, newer);
  await delivered(second, 1);
  way.open();
  first.signal('SIGHUP');
  await delivered(first, 2);
}

test('the newest wins', async (t) => {
  const world = await startTwo(t);
  await overtake(world, user('set', { name: 'Bob' }), user('set', { name: 'Cid' }));
  assert.deepEqual(
    (await world.rows('users')).map(({ name }) => name),
    ['Cid'],
  );
  const [{ syncSeq }] = await world.standin.records('users');
  assert.ok(syncSeq > 2 ** 50 && Number.isSafeInteger(syncSeq), `${syncSeq}`);
});

test('what was removed stays removed', async (t) => {
  const world = await startTwo(t);
  await overtake(world, user('set', { name: 'Bob' }), user('remove', {}));
  assert.deepEqual(await world.rows('users'), []);
});

const UNNUMBERED = {
  users: { mutation: 'users:syncFromBlade', remove: 'users:deleteByBladeId' },
};

test('without numbers the one that comes last wins, which is the older one', async (t) => {
  const world = await startTwo(t, UNNUMBERED);
  await overtake(world, user('set', { name: 'Bob' }), user('set', { name: 'Cid' }));
  assert.deepEqual(
    (await world.rows('users')).map(({ name }) => name),
    ['Bob'],
  );
});

test('without numbers what was removed is back', async (t) => {
  const world = await startTwo(t, UNNUMBERED);
  await overtake(world, user('set', { name: 'Bob' }), user('remove', {}));
  assert.equal((await world.rows('users')).length, 1);
});
