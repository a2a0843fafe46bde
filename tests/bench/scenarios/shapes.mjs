// SPDX-License-Identifier: MIT
// How long the loop is busy at most between two waits with events of the largest size, of every
// shape that is dear to read: CPU time of its thread (tests/lib/turns.c), so that what a single
// core adds stays out.

import assert from 'node:assert/strict';
import path from 'node:path';
import { readFileSync, writeFileSync } from 'node:fs';
import { openConnection } from '../../lib/connection.mjs';
import { syncRequest } from '../../lib/events.mjs';
import { makeFolder } from '../../lib/files.mjs';
import { RELAY_BUILD } from '../../lib/relay.mjs';
import { routesOf, SHAPES } from '../../lib/shapes.mjs';
import { startConvex } from '../convex.mjs';
import { spread, table } from '../figures.mjs';
import { measureRounds, startPeer } from '../measure.mjs';

export const title = 'the longest turn of the loop with one event of 16 MiB, in CPU time';
export const defaults = { rounds: 3 };

const LARGEST = 16 * 1024 * 1024;

async function measureShape(scope, { shape: [, bodyOf, expected, nulls], ...cell }) {
  const files = makeFolder(scope, { turns: Buffer.alloc(8), 'routes.json': routesOf(nulls) });
  const convex = await startConvex(scope);
  const server = await startPeer(scope, {
    ...cell,
    convex,
    env: {
      ROUTES: files.path('routes.json'),
      LD_PRELOAD: path.join(RELAY_BUILD, 'tests/lib/libturns.so'),
      TURNS_FILE: files.path('turns'),
    },
  });
  writeFileSync(files.path('turns'), Buffer.alloc(8), { flag: 'r+' });
  const client = await openConnection(scope, server.port);
  client.write(syncRequest(bodyOf(LARGEST)));
  const { status } = await client.answer();
  assert.ok(status === expected || status === 202, `${status}`); // on its way, or on disk
  return { valid: true, maxMs: Number(readFileSync(files.path('turns')).readBigInt64LE()) / 1e6 };
}

export async function run(_, { peers, rounds }) {
  const cells = peers
    .filter((peer) => peer === 'relay')
    .flatMap((peer) => SHAPES.map((shape) => ({ peer, label: shape[0], shape })));
  const results = await measureRounds('shapes', cells, rounds, measureShape);
  return results.map(({ shape, ...result }) => result);
}

export const show = (results) =>
  table(
    ['relay, outbox on', 'longest turn'],
    results.map(({ label, summary }) => [
      label,
      summary === null ? 'invalid' : `${spread(summary.maxMs)} ms`,
    ]),
  );
