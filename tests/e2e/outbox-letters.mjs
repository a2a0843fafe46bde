// SPDX-License-Identifier: MIT
// Relays whose events become dead letters, and the command that looks at them.

import assert from 'node:assert/strict';
import { makeFolder } from '../lib/files.mjs';
import { runRelay, startRelay, sync } from '../lib/relay.mjs';
import { isInDatabase } from '../lib/outbox-place.mjs';
import { startStandin } from '../lib/standin.mjs';
import { waitFor } from '../lib/wait.mjs';

export const ROUTES = {
  users: { mutation: 'users:syncFromBlade' },
  posts: { mutation: 'posts:syncFromBlade' },
};

export const POISON = {
  // Blade sends what is unset as null, and v.optional(v.string()) refuses it.
  nullForOptional: {
    model: 'users',
    operation: 'set',
    hiveId: 'acc_1',
    data: { bladeId: 'acc_1', email: 'a@example.com', name: 'A', handle: null },
  },
  // The guide's trigger for an update leaves out what its mutation requires.
  noAuthor: {
    model: 'posts',
    operation: 'set',
    hiveId: 'pos_1',
    data: { bladeId: 'pos_1', title: 'T', content: 'C', published: true },
  },
  noRoute: { model: 'teams', operation: 'add', hiveId: 'tea_1', data: { bladeId: 'tea_1' } },
  noData: { model: 'users', operation: 'set', hiveId: 'acc_2', data: null },
};

// A folder with a routes file and the settings of a relay that keeps its outbox there. The command
// needs OUTBOX alone, and does not look at the rest.
export function makeWorld(t, convexUrl) {
  const files = makeFolder(t, { 'routes.json': ROUTES });
  const kept = { OUTBOX: files.path('outbox.db') };
  const own = { ...kept, SYNC_SECRET: undefined, PORT: 'nonsense' };
  return {
    files,
    start: () =>
      startRelay(t, { env: { ...kept, CONVEX_URL: convexUrl, ROUTES: files.path('routes.json') } }),
    env: own,
    // Runs the command: {code, out, err}.
    outbox: (...args) => runOutbox(t, own, args),
    async rows(...args) {
      const { code, out } = await runOutbox(t, own, ['list', '--json', ...args]);
      assert.equal(code, 0);
      return out
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    },
    async stats() {
      const { out } = await runOutbox(t, own, ['stats', '--json']);
      const { bytes, oldest_seconds: _, ...counts } = JSON.parse(out);
      const { accepted, delivered, discarded, dead, pending } = counts;
      assert.ok(bytes > 0 || (isInDatabase && dead + pending === 0), JSON.stringify({ bytes }));
      assert.equal(accepted, delivered + discarded + dead + pending);
      return counts;
    },
  };
}

export const runOutbox = (t, env, args) => runRelay(t, { env, args: ['outbox', ...args] });

export async function startWithStandin(t) {
  const standin = await startStandin(t);
  const world = makeWorld(t, standin.url);
  return { standin, world, relay: await world.start() };
}

// Sends events one after the other, so that their ids rise.
export async function sendAll(relay, events, status = 500) {
  for (const event of events) assert.equal((await sync(relay, event)).status, status);
}

// Their rows, once there are n.
export const kept = (world, n) =>
  waitFor(`${n} dead letters`, async () => {
    const rows = await world.rows('--state=dead');
    return rows.length === n && rows;
  });
