// SPDX-License-Identifier: MIT
// As at-once, but Convex speaks TLS, as the real one does; each peer verifies the certificate.

import { startConvex } from '../convex.mjs';
import { measureRounds } from '../measure.mjs';
import { loadTable } from './load-table.mjs';

export const title = '64 clients, TLS to Convex, which answers at once';
export const defaults = { rounds: 3, seconds: 3 };

export async function run(scope, { peers, rounds, seconds }) {
  const convex = await startConvex(scope, { tls: true });
  const cells = peers.map((peer) => ({ peer, convex, clients: 64, seconds }));
  return measureRounds('tls', cells, rounds);
}

export const show = loadTable;
