// SPDX-License-Identifier: MIT
// What an event costs when nothing but the server is slow.

import { startConvex } from '../convex.mjs';
import { measureRounds } from '../measure.mjs';
import { loadTable } from './load-table.mjs';

export const title = '64 clients, Convex answers at once';
export const defaults = { rounds: 5, seconds: 3 };

export async function run(scope, { peers, rounds, seconds }) {
  const convex = await startConvex(scope);
  const cells = peers.map((peer) => ({ peer, convex, clients: 64, seconds }));
  return measureRounds('at-once', cells, rounds);
}

export const show = loadTable;
