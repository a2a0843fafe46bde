// SPDX-License-Identifier: MIT
// 64 keep-alive clients, and a Convex that answers at once: what an event costs.

import { startConvex } from './convex.mjs';
import { measureRounds } from './measure.mjs';
import { loadTable } from './load-table.mjs';
import { PEERS } from './peers.mjs';

export const title = '64 clients, Convex answers at once';
export const defaults = { rounds: 5, seconds: 3 };

export async function run(scope, { rounds, seconds, peers = Object.keys(PEERS) }) {
  const convex = await startConvex(scope);
  const cells = peers.map((peer) => ({ peer, convex, clients: 64, seconds }));
  return measureRounds('at-once', cells, rounds);
}

export const show = loadTable;
