// SPDX-License-Identifier: MIT
// The move from a file to PostgreSQL and back, by the script that docs/postgresql.md gives to the
// service: nobody is refused, nothing is lost, and each record keeps its order.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { blocksOf } from '../docs/pages.mjs';
import { callOf, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { outboxStats } from '../lib/outbox.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { RELAY_BIN, SECRET } from '../lib/relay.mjs';
import { startManager } from '../lib/service-manager.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const RECORDS = 8;
const AWAY = { status: 503, json: { code: 'ServiceUnavailable', message: 'away' } };

// The script as the page has it, from one outbox to the other.
function scriptOf(from, to, moved) {
  const blocks = blocksOf('docs/postgresql.md').map(({ text }) => text);
  const [, script] = blocks
    .map((text) => /<<'END'\n(#!\/bin\/sh\nfrom=[^]*?)^END$/m.exec(text))
    .find(Boolean);
  assert.match(script, /^from=\S+\nto=\S+.*$/m);
  return script
    .replace(/^from=.*$/m, `from='${from}'`)
    .replace(/^to=.*$/m, `to='${to}'`)
    .replace('/var/lib/convex-relay/moved', moved);
}

// The far side. It is away while isAway, and otherwise succeeds after a moment.
async function startConvex(t) {
  const convex = { isAway: false, ran: [] };
  const upstream = await startUpstream(t, async (request) => {
    if (request.target !== '/api/mutation') return SUCCESS;
    await sleep(Math.random() * 5);
    if (convex.isAway) return AWAY;
    convex.ran.push(callOf(request));
    return SUCCESS;
  });
  return Object.assign(convex, { url: upstream.url });
}

// A sender for each record, which sends one event after the other, each on a connection of its own.
function startSenders(port) {
  const accepted = new Map();
  let isOver = false;
  const post = (body) =>
    new Promise((resolve, reject) => {
      const headers = { 'X-Sync-Secret': SECRET };
      const options = { port, host: '127.0.0.1', method: 'POST', path: '/convex/sync', headers };
      const request = http.request({ ...options, agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      });
      request.on('error', reject).end(body);
    });
  const work = async (id) => {
    for (let n = 1; !isOver; n++) {
      const status = await post(JSON.stringify(userEvent(id, n)));
      assert.ok([200, 202].includes(status), `${id}: ${status}`);
      accepted.set(id, n);
      await sleep(10);
    }
  };
  const workers = Promise.all(Array.from({ length: RECORDS }, (_, i) => work(`acc_${i}`)));
  workers.catch(() => {}); // stop() tells
  return {
    accepted,
    stop: () => ((isOver = true), workers),
  };
}

test('the move there and back, under load', async (t) => {
  const postgres = await startPostgres(t);
  const files = makeFolder(t);
  const convex = await startConvex(t);
  const file = files.path('outbox.db');
  const uri = postgres.uri();
  const script = files.path('move');
  const moved = files.path('moved');
  writeFileSync(files.path('convex-relay'), `#!/bin/sh\nexec '${RELAY_BIN}' "$@"\n`);
  chmodSync(files.path('convex-relay'), 0o755);
  const write = (from, to) => {
    writeFileSync(script, scriptOf(from, to, moved));
    chmodSync(script, 0o755);
  };
  write(file, uri);
  const manager = await startManager(t, {
    command: script,
    env: {
      CONVEX_URL: convex.url,
      OUTBOX: undefined,
      SYNC_WAIT_MS: '100',
      DRAIN_MS: '5000',
      PATH: `${files.folder}:${path.dirname(process.execPath)}:${process.env.PATH}`,
    },
  });
  let pid = await manager.start();
  let ends = 0;
  const restart = async () => {
    process.kill(pid, 'SIGTERM');
    assert.equal(await manager.ended(++ends), 'exit 0');
    pid = await manager.start();
  };
  const senders = startSenders(manager.port);
  const pendingIn = async (outbox) => (await outboxStats({ OUTBOX: outbox })).pending;

  for (const [from, to] of [
    [file, uri],
    [uri, file],
  ]) {
    write(from, to);
    rmSync(moved, { force: true });
    const before = new Map(senders.accepted);
    await waitFor('events in the old outbox', () =>
      [...senders.accepted].every(([id, n]) => n > (before.get(id) ?? 0) + 3),
    );
    convex.isAway = true;
    await waitFor('a backlog', async () => (await pendingIn(from)) > RECORDS);
    await restart();
    assert.equal(existsSync(moved), false, 'with a backlog, it serves the old outbox');
    convex.isAway = false;
    while (!existsSync(moved)) {
      await waitFor('less of a backlog', async () => (await pendingIn(from)) <= RECORDS);
      await restart();
    }
    const then = new Map(senders.accepted);
    await waitFor('events in the new outbox', () =>
      [...senders.accepted].every(([id, n]) => n > then.get(id) + 3),
    );
    assert.equal(await pendingIn(from), 0);
  }

  await senders.stop();
  await waitFor('all to be delivered', async () => (await pendingIn(file)) === 0);
  for (const [id, last] of senders.accepted) {
    const order = convex.ran.filter((call) => call.id === id).map(({ n }) => n);
    assert.deepEqual(
      [...new Set(order)],
      Array.from({ length: last }, (_, i) => i + 1),
      `${id}: each event, in the order of its record`,
    );
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
      `${id}: none after a newer one`,
    );
  }
  const all = [...senders.accepted.values()].reduce((sum, n) => sum + n, 0);
  // What Convex took before it was stored is counted within a second.
  const counts = await waitFor('all to be counted', async () => {
    const both = await Promise.all([file, uri].map((OUTBOX) => outboxStats({ OUTBOX })));
    return both[0].delivered + both[1].delivered >= all && both;
  });
  assert.ok(counts.every(({ delivered, dead }) => delivered > 0 && dead === 0));
  assert.equal(counts[0].delivered + counts[1].delivered, all);
});
