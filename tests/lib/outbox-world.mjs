// SPDX-License-Identifier: MIT
// A world of tests: an upstream, an outbox, and relays between the two, one after the other.

import assert from 'node:assert/strict';
import path from 'node:path';
import { callOf } from './events.mjs';
import { makeFolder } from './files.mjs';
import { outboxRows, outboxStats } from './outbox.mjs';
import { startRelay, sync } from './relay.mjs';
import { startUpstream, SUCCESS } from './upstream.mjs';
import { waitFor } from './wait.mjs';

export const QUEUED = '{"success":true,"queued":true}';
export const NOWHERE = 'http://127.0.0.1:9'; // the discard port: nobody listens
export const HANG = { hang: true };
export const REJECTION = {
  json: { status: 'error', errorMessage: 'Uncaught Error: no such thing' },
};

// How long the relay's answers may wait for Convex.
export const PATIENT = { SYNC_WAIT_MS: '100000' };
export const HASTY = { SYNC_WAIT_MS: '0' };
export const QUICK = { SYNC_WAIT_MS: '100' };

// Starts the first relay. start() starts the next one, after the present one has ended.
export async function makeWorld(
  t,
  { answer = SUCCESS, env = {}, folder = makeFolder(t).folder } = {},
) {
  const upstream = await startUpstream(t, answer);
  const all = { CONVEX_URL: upstream.url, OUTBOX: path.join(folder, 'outbox.db'), ...env };
  const world = {
    upstream,
    folder,
    file: all.OUTBOX,
    relay: null,
    async start(more = {}) {
      world.relay = await startRelay(t, { env: { ...all, ...more } });
      return world.relay;
    },
    async send(event, init) {
      const response = await sync(world.relay, event, init);
      return { status: response.status, body: await response.text(), headers: response.headers };
    },
    dead: () => outboxRows(all, '--state', 'dead'),
    pending: () => outboxRows(all, '--state', 'pending'),
    stats: () => outboxStats(all),
    settled: () =>
      waitFor('everything to be settled', async () => (await world.stats()).pending === 0),
    calls: () => upstream.requests.map(callOf),
    log: () => world.relay.stderr(),
  };
  await world.start();
  return world;
}

export const assertAnswer = ({ status, body }, ...expected) =>
  assert.deepEqual([status, body], expected);

export function assertUnavailable({ status, body, headers }) {
  assert.equal(status, 503, body);
  assert.match(body, /^\{"error":".+"\}$/);
  assert.match(headers.get('retry-after') ?? '', /^\d+$/);
}
