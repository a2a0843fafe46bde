// SPDX-License-Identifier: MIT
// A long minute at a steady rate: whether its last ten seconds are as its first.

import { setTimeout as sleep } from 'node:timers/promises';
import { startPeer } from '../measure.mjs';
import { runWrk } from '../wrk.mjs';

const SLICES = 6; // of ten seconds each, in a minute

// What goes on in the database meanwhile: {end()}.
const TROUBLES = {
  VACUUM: (database) => vacuumNowAndThen(database),
  'xmin held': (database) => holdSnapshot(database),
};

function vacuumNowAndThen(database) {
  let over = false;
  const vacuuming = (async () => {
    while (!over) {
      await database.sql('VACUUM ANALYZE');
      for (let i = 0; i < 50 && !over; i++) await sleep(100);
    }
  })();
  return {
    async end() {
      over = true;
      await vacuuming;
    },
  };
}

// A session that has looked, and idles in its transaction: no deleted row goes before it ends.
function holdSnapshot(database) {
  const ended = database.sql(
    'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class; SELECT pg_sleep(3600)',
  );
  ended.catch(() => {}); // terminated below
  return {
    end: () =>
      database.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)%'" +
          ' AND pid <> pg_backend_pid()',
      ),
  };
}

async function reading(cell, server) {
  return {
    atMs: performance.now(),
    events: await cell.convex.events(),
    relayS: server.usage.cpu().cpuS,
    databaseS: cell.database.cpuS(),
  };
}

const sliceOf = (from, to) => {
  const events = to.events - from.events;
  return {
    perSecond: (events * 1000) / (to.atMs - from.atMs),
    cpuUs: ((to.relayS - from.relayS) * 1e6) / events,
    databaseUs: ((to.databaseS - from.databaseS) * 1e6) / events,
  };
};

async function readSlices(cell, server) {
  const readings = [await reading(cell, server)];
  for (let i = 1; i <= SLICES; i++) {
    const atMs = readings[0].atMs + (i * cell.minuteS * 1000) / SLICES;
    await sleep(atMs - performance.now());
    readings.push(await reading(cell, server));
  }
  return readings.slice(1).map((to, i) => sliceOf(readings[i], to));
}

const deadRows = async ({ database, env }) =>
  Number(
    await database.sql(
      `SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'event'` +
        ` AND schemaname = '${env.OUTBOX_SCHEMA}'`,
    ),
  );

export async function measureMinute(scope, cell) {
  const { clients, rate, minuteS } = cell;
  const server = await startPeer(scope, cell);
  await runWrk(scope, server.port, { clients, rate, seconds: 2 });
  const trouble = TROUBLES[cell.trouble](cell.database);
  const load = runWrk(scope, server.port, { clients, rate, seconds: minuteS + 2 });
  await sleep(500);
  const slices = await readSlices(cell, server);
  const { refused, broken, p50Ms, p99Ms } = await load;
  const dead = await deadRows(cell);
  await trouble.end();
  const [first, last] = [slices[0], slices.at(-1)];
  return {
    valid: refused + broken === 0,
    slices,
    firstPerSecond: first.perSecond,
    lastPerSecond: last.perSecond,
    firstUs: first.cpuUs + first.databaseUs,
    lastUs: last.cpuUs + last.databaseUs,
    firstDatabaseUs: first.databaseUs,
    lastDatabaseUs: last.databaseUs,
    p50Ms,
    p99Ms,
    deadRows: dead,
  };
}
