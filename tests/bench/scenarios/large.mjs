// SPDX-License-Identifier: MIT
// Large records: what a byte costs.

import { startConvex } from '../convex.mjs';
import { measureRounds } from '../measure.mjs';
import { loadTable } from './load-table.mjs';

export const title = '64 clients, bodies of 256 KiB, Convex answers at once';
export const defaults = { rounds: 3, seconds: 3 };

const BODY = { bytes: 256 * 1024, records: 128 }; // more records would be much memory, in wrk

export async function run(scope, { peers, rounds, seconds }) {
  const convex = await startConvex(scope);
  const cells = peers.map((peer) => ({ peer, convex, clients: 64, seconds, ...BODY }));
  return measureRounds('large', cells, rounds);
}

export const show = loadTable;
