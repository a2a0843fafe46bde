// SPDX-License-Identifier: MIT
// One measurement: a new server, warmed up, loaded for a while, and its cost.

import assert from 'node:assert/strict';
import { DELIVERED, userEvent } from '../lib/events.mjs';
import { sync } from '../lib/relay.mjs';
import { summarise } from './figures.mjs';
import { PEERS } from './peers.mjs';
import { watchServer } from './processes.mjs';
import { progress } from './progress.mjs';
import { withScope } from './scope.mjs';
import { runWrk } from './wrk.mjs';

// Starts a peer on a CPU of its own and sends one event through, unless the cell is `unchecked`:
// {port, pid, usage}.
export async function startPeer(scope, cell) {
  const server = await PEERS[cell.peer].start(scope, cell);
  await (await fetch(`http://127.0.0.1:${server.port}/healthz`)).text(); // now nginx has its worker
  if (!cell.unchecked) await assertDelivers(server, cell);
  return { ...server, usage: watchServer(server.pid) };
}

async function assertDelivers(server, { peer }) {
  const response = await sync({ url: `http://127.0.0.1:${server.port}` }, userEvent('acc_0'));
  const body = await response.text();
  assert.equal(response.status, 200, body);
  if (peer !== 'nginx') assert.equal(body, DELIVERED); // it passes on what Convex says
}

// One round. A round is valid if every answer was 2xx and Convex has seen an event for each; where
// there is an outbox, the unseen events are in there.
export async function measureOnce(scope, cell) {
  const { clients, seconds, bytes, records, rate, convex, database } = cell;
  const { warmUp = { clients, seconds: 1 } } = cell;
  const server = await startPeer(scope, cell);
  await runWrk(scope, server.port, { bytes, records, rate, ...warmUp });
  const eventsBefore = await convex.events();
  const databaseBeforeS = database?.cpuS();
  const before = server.usage.cpu();
  const {
    events,
    seconds: took,
    ...load
  } = await runWrk(scope, server.port, { clients, seconds, bytes, records, rate });
  const after = server.usage.cpu();
  const databaseUs = ((database?.cpuS() - databaseBeforeS) * 1e6) / events;
  const delivered = (await convex.events()) - eventsBefore;
  const perEventUs = (name) => ((after[name] - before[name]) * 1e6) / events;
  const split = after.userS - before.userS + after.systemS - before.systemS;
  return {
    valid:
      load.refused + load.broken === 0 &&
      events > 0 &&
      (delivered >= events || cell.peer === 'relay'),
    cpuUs: perEventUs('cpuS'),
    databaseUs,
    // counted in ticks
    userPercent: split < 0.2 ? NaN : (100 * (after.userS - before.userS)) / split,
    perSecond: events / took,
    busyPercent: (100 * (after.cpuS - before.cpuS)) / took,
    peakMiB: server.usage.peakMiB(),
    events,
    delivered,
    queuedPercent: 100 * Math.max(0, 1 - delivered / events),
    ...load,
  };
}

// Measures each cell once a round, one after the other, so that what disturbs a machine for a while
// disturbs all cells alike. A cell: {peer, convex, clients, seconds, and, where they differ from
// the defaults, concurrency, env, bytes, records, warmUp}. Gives the cells with `rounds` and
// `summary`.
export async function measureRounds(title, cells, rounds, measure = measureOnce) {
  const results = cells.map((cell) => ({ cell, rounds: [] }));
  for (let round = 1; round <= rounds; round++) {
    for (const result of results) {
      progress(`${title}, round ${round} of ${rounds}: ${labelOf(result.cell)}`);
      result.rounds.push(await withScope((scope) => measure(scope, result.cell)));
    }
  }
  return results.map(({ cell, rounds: all }) => {
    const { convex, ...parameters } = cell;
    return { ...parameters, label: labelOf(cell), rounds: all, summary: summarise(all) };
  });
}

function labelOf({ peer, concurrency, label }) {
  if (label !== undefined) return label;
  const { name } = PEERS[peer];
  return concurrency === undefined ? name : `${name}, concurrency ${concurrency}`;
}
