// SPDX-License-Identifier: MIT
// The outbox in PostgreSQL, beside the same in a file: what an event costs both programs, how long
// answers take, and what comes after a restart, with a backlog, and in a long minute.

import { startConvex } from '../convex.mjs';
import { startDatabase } from '../database.mjs';
import { measureOnce, measureRounds } from '../measure.mjs';
import { measureAway, measurePending } from '../postgresql/events.mjs';
import { measureMinute } from '../postgresql/minute.mjs';
import { showAll } from '../postgresql/tables.mjs';

export const title = 'the outbox in PostgreSQL and in a file; Convex answers at once';

// Of the events that wait, so many as `drained` are waited for.
export const defaults = {
  rounds: 3,
  seconds: 5,
  events: 1_000_000,
  drained: 100_000,
  minuteS: 60,
  parts: ['saturated', 'answered', 'accepted', 'away', 'pending', 'minute'],
};

const withDatabase = async (scope, cell) => {
  const database = await startDatabase(scope);
  return { ...cell, database, env: { ...cell.env, ...database.env() } };
};

const measureLoad = async (scope, cell) =>
  measureOnce(scope, cell.store === 'file' ? cell : await withDatabase(scope, cell));

const measureIn = (measure) => async (scope, cell) =>
  measure(scope, await withDatabase(scope, cell));

const FILE = { store: 'file', label: 'file' };
const POSTGRESQL = { store: 'postgresql', label: 'PostgreSQL' };
const SOON = { SYNC_WAIT_MS: '0' };

// Of each part: its cells, and how one is measured.
function partsOf({ seconds, events, drained, minuteS }) {
  const stores = [FILE, POSTGRESQL];
  const each = (cell) => stores.map((store) => ({ ...store, ...cell, seconds }));
  return {
    saturated: [
      measureLoad,
      [...each({ clients: 64 }), { ...POSTGRESQL, clients: 256, seconds }].map((cell) => ({
        ...cell,
        label: `${cell.label}, ${cell.clients} clients`,
      })),
    ],
    answered: [
      measureLoad,
      [
        ...each({ clients: 1, rate: 100 }),
        ...each({ clients: 64, rate: 1000 }),
        ...each({ clients: 64, rate: 4000 }),
      ].map((cell) => ({ ...cell, label: `${cell.label}, ${cell.rate} events/s` })),
    ],
    accepted: [measureLoad, each({ clients: 64, rate: 1000, env: SOON, unchecked: true })],
    away: [
      measureIn(measureAway),
      [
        { mode: 'fast', awayS: 0 },
        { mode: 'immediate', awayS: 0 },
        { mode: 'fast', awayS: 10 },
      ].map((cell) => ({
        ...POSTGRESQL,
        ...cell,
        label: `${cell.mode}, away for ${cell.awayS} s`,
      })),
    ],
    pending: [measureIn(measurePending), [{ ...POSTGRESQL, events, drained, unchecked: true }]],
    minute: [
      measureIn(measureMinute),
      ['VACUUM', 'xmin held'].map((trouble) => ({
        ...POSTGRESQL,
        label: trouble,
        trouble,
        clients: 256,
        rate: 10_000,
        minuteS,
      })),
    ],
  };
}

// A minute or a million once: those take their time.
const ROUNDS = { pending: 1, minute: 1 };

export async function run(scope, { peers, rounds, parts, ...settings }) {
  if (!peers.includes('relay')) return [];
  const convex = await startConvex(scope);
  const all = partsOf(settings);
  const results = [];
  for (const part of parts) {
    const [measure, cells] = all[part];
    const known = cells.map((cell) => ({ peer: 'relay', part, convex, ...cell }));
    const count = Math.min(rounds, ROUNDS[part] ?? rounds);
    results.push(...(await measureRounds(`postgresql, ${part}`, known, count, measure)));
  }
  return results.map(({ database: _, ...result }) => result);
}

export const show = (results) =>
  results.length === 0 ? 'Only the relay has an outbox.' : showAll(results);
