// SPDX-License-Identifier: MIT
// How soon the relay goes on where PostgreSQL comes back, and where a million events wait.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { userEvent } from '../../lib/events.mjs';
import { sync } from '../../lib/relay.mjs';
import { drain } from '../drain.mjs';
import { startPeer } from '../measure.mjs';
import { withScope } from '../scope.mjs';

const PENDING = readFileSync(new URL('pending.sql', import.meta.url), 'utf8');

// ---- PostgreSQL is stopped and started ----

const EVERY_MS = 10; // an event is sent
const STEADY_MS = 500;
const PATIENCE_MS = 60_000;

// Sends an event every few milliseconds until it ends: [{status, atMs: of the answer}].
function startSender(server) {
  const answers = [];
  const waiting = new Set();
  let over = false;
  const send = async (i) => {
    const response = await sync({ url: `http://127.0.0.1:${server.port}` }, userEvent(`acc_${i}`));
    await response.text();
    answers.push({ status: response.status, atMs: performance.now() });
  };
  const sending = (async () => {
    for (let i = 0; !over; i++) {
      const sent = send(i).finally(() => waiting.delete(sent));
      waiting.add(sent);
      await sleep(EVERY_MS);
    }
    await Promise.all(waiting);
  })();
  return {
    answers,
    async end() {
      over = true;
      await sending;
    },
  };
}

async function firstAfter(answers, fromMs) {
  const found = () => answers.find(({ status, atMs }) => status < 300 && atMs > fromMs);
  for (const since = performance.now(); !found(); await sleep(1))
    if (performance.now() - since > PATIENCE_MS) throw new Error('no event was stored again');
  return found().atMs;
}

// firstCommitS: from when PostgreSQL takes connections again to the first answer; gapS: between the
// last answer before, and the first one after.
export async function measureAway(scope, cell) {
  const server = await startPeer(scope, cell);
  const sender = startSender(server);
  await sleep(STEADY_MS);
  await cell.database.stop(cell.mode);
  const lastMs = sender.answers.at(-1).atMs;
  await sleep(cell.awayS * 1000);
  await cell.database.start();
  const readyMs = performance.now();
  const firstMs = await firstAfter(sender.answers, readyMs);
  await sleep(STEADY_MS);
  await sender.end();
  const refused = sender.answers.filter(({ status }) => status >= 300).length;
  return {
    valid: sender.answers.length > 0,
    firstCommitS: (firstMs - readyMs) / 1000,
    gapS: (firstMs - lastMs) / 1000,
    refused,
  };
}

// ---- A million events wait ----

// The relay makes the tables, SQL fills them: to send as many events would take minutes.
async function fill(cell) {
  await withScope((scope) => startPeer(scope, cell));
  const { database, env, events } = cell;
  await database.script(`\\set schema ${env.OUTBOX_SCHEMA}\n\\set events ${events}\n${PENDING}`);
  await database.script('VACUUM ANALYZE;\nCHECKPOINT;\n');
}

export async function measurePending(scope, cell) {
  const { database, env, drained } = cell;
  await fill(cell);
  const eventsBefore = await cell.convex.events();
  const startMs = performance.now();
  const server = await startPeer(scope, cell);
  const health = await fetch(`http://127.0.0.1:${server.port}/readyz`);
  const servingS = (performance.now() - startMs) / 1000;
  const beforeS = database.cpuS();
  const convex = { events: async () => (await cell.convex.events()) - eventsBefore };
  const { firstS, drainPerSecond, drainCpuUs } = await drain(server, convex, drained);
  const afterS = database.cpuS();
  const left = Number(await database.sql(`SELECT count(*) FROM ${env.OUTBOX_SCHEMA}.letter`));
  return {
    valid: health.status === 200 && left === 0,
    servingS,
    firstS,
    drainPerSecond,
    drainCpuUs,
    databaseUs: ((afterS - beforeS) * 1e6) / drained,
    peakMiB: server.usage.peakMiB(),
  };
}
