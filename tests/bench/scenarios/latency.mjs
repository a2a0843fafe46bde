// SPDX-License-Identifier: MIT
// A Convex that takes its time: how many events a second get through, and how long each waits.

import { startConvex } from '../convex.mjs';
import { measureRounds } from '../measure.mjs';
import { PEERS } from '../peers.mjs';
import { withScope } from '../scope.mjs';
import { loadTable } from './load-table.mjs';

export const title = 'Convex takes 20 ms and 200 ms; 16, 64 and 256 clients';
export const defaults = { rounds: 2, seconds: 3 };

const DELAYS_MS = [20, 200];
const CLIENTS = [16, 64, 256];

// 64 with 64 clients and 20 ms is what the router is compared with.
const concurrencies = (delayMs, clients) =>
  delayMs === 20 && clients === 64 ? [16, 64, 256] : [16, 256];

function cellsOf(peer, convex, delayMs, clients, seconds) {
  // What wrk leaves waiting at its end would still be in the router's queue: one client leaves one.
  const cell = { peer, convex, delayMs, clients, seconds, warmUp: { clients: 1, seconds: 1 } };
  if (!PEERS[peer].isRelay) return [cell];
  return concurrencies(delayMs, clients).map((concurrency) => ({ ...cell, concurrency }));
}

export async function run(_, { peers, rounds, seconds }) {
  const results = [];
  for (const delayMs of DELAYS_MS) {
    await withScope(async (scope) => {
      const convex = await startConvex(scope, { delayMs });
      const cells = CLIENTS.flatMap((clients) =>
        peers.flatMap((peer) => cellsOf(peer, convex, delayMs, clients, seconds)),
      );
      results.push(...(await measureRounds(`latency, ${delayMs} ms`, cells, rounds)));
    });
  }
  return results;
}

export function show(results) {
  return DELAYS_MS.flatMap((delayMs) =>
    CLIENTS.map((clients) => {
      const some = results.filter(
        (result) => result.delayMs === delayMs && result.clients === clients,
      );
      return `${delayMs} ms, ${clients} clients:\n\n${loadTable(some)}`;
    }),
  ).join('\n\n');
}
