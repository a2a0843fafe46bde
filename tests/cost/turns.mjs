// SPDX-License-Identifier: MIT
// What the dearest turn of the relay's loop costs with large events of every shape: everything on
// the loop waits for it. In instructions, of libraries too, which do not depend on what else the
// machine does; how long that takes on an idle one, ./dev bench shapes says. tests/lib/turns.c
// tells callgrind where a turn ends, and it writes down what the turn took.

import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { startChild } from '../lib/child.mjs';
import { openConnection } from '../lib/connection.mjs';
import { syncRequest, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { outbox } from '../lib/outbox.mjs';
import { RELAY_BIN, RELAY_BUILD, relayEnv, sync } from '../lib/relay.mjs';
import { filledData, routesOf, SHAPES } from '../lib/shapes.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

// so large that what is done for each byte in one turn outweighs what is done by pieces
const SIZE = 2 * 1024 * 1024;
const LOOP = 1; // the process's first thread

// The instructions of each part that callgrind has written for the loop's thread.
export function turnsOf(text) {
  const turns = [];
  let thread;
  for (const [, key, value] of text.matchAll(/^(thread|totals): (\d+)$/gm)) {
    if (key === 'thread') thread = Number(value);
    else if (thread === LOOP) turns.push(Number(value));
  }
  return turns;
}

async function startCounted(t, env) {
  const file = makeFolder(t).path('callgrind');
  const relay = startChild(
    t,
    'valgrind',
    [
      '--tool=callgrind',
      `--callgrind-out-file=${file}`,
      '--separate-threads=yes',
      '--combine-dumps=yes',
      '--dump-before=turn_ended',
      RELAY_BIN,
    ],
    {
      env: relayEnv({
        LD_PRELOAD: path.join(RELAY_BUILD, 'tests/lib/libturns.so'),
        LOG_LEVEL: 'info',
        ...env,
      }),
    },
  );
  const [, port] = await relay.find('stderr', /listening address=127\.0\.0\.1:(\d+)/);
  const url = `http://127.0.0.1:${port}`;
  const written = () => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  let read = 0;
  return {
    ...relay,
    port: Number(port),
    url,
    // The dearest turn since this was asked last.
    async dearest() {
      const before = written();
      await fetch(`${url}/healthz`); // a turn behind the ones that are meant
      await waitFor('the end of a turn', () => written() > before);
      const turns = turnsOf(readFileSync(file, 'latin1').slice(read));
      read = written();
      return Math.max(...turns);
    },
  };
}

async function start(t, { nulls, upstream, files, env } = {}) {
  upstream ??= await startUpstream(t);
  files ??= makeFolder(t, { 'routes.json': routesOf(nulls) });
  const relay = await startCounted(t, {
    CONVEX_URL: upstream.url,
    OUTBOX: files.path('outbox.db'),
    ROUTES: files.path('routes.json'),
    ...env,
  });
  return { upstream, files, relay };
}

async function* measureShapes(t, nulls, shapes) {
  const { relay } = await start(t, { nulls });
  await sync(relay, userEvent('warm'));
  await relay.dearest();
  for (const [what, bodyOf, expected] of shapes) {
    const client = await openConnection(t, relay.port);
    client.write(syncRequest(bodyOf(SIZE)));
    const { status } = await client.answer();
    if (status !== expected) throw new Error(`${what}: the relay answers ${status}`);
    yield [what, await relay.dearest()];
  }
}

const DEAR = [
  ['"n":null,', '{"a":[]},'],
  ['', '[[[[]]]],'],
  ['', '"\\u0041",'],
].map(([first, unit]) => filledData(`{${first}"a":[`, unit, '1]}')(SIZE));

async function measureBacklog(t) {
  const before = await start(t, { env: { SYNC_WAIT_MS: '0' } });
  before.upstream.answer = { status: 503, json: {} };
  for (const body of DEAR) await sync(before.relay, body);
  await before.relay.kill();

  const { upstream, relay } = await start(t, before);
  await relay.dearest();
  const earlier = upstream.requests.length;
  upstream.answer = SUCCESS;
  relay.signal('SIGHUP'); // what is held is tried at once
  await upstream.arrived(earlier + DEAR.length);
  return relay.dearest();
}

async function measureReplay(t) {
  const { upstream, files, relay } = await start(t);
  upstream.answer = { status: 200, json: { status: 'error', errorMessage: 'no' } };
  await sync(relay, DEAR[0]);
  upstream.answer = SUCCESS;
  await relay.dearest();
  await outbox({ OUTBOX: files.path('outbox.db') }, 'replay', '--all');
  await upstream.arrived(2);
  return relay.dearest();
}

// Parcels as large as they may be: of many records, of one, and of events that no mutation can
// take.
const PARCEL = 10_000;
const parcelOf = (hiveIdOf, dataOf) =>
  JSON.stringify({
    model: 'users',
    operation: 'set',
    records: Array.from({ length: PARCEL }, (_, i) => ({
      hiveId: hiveIdOf(i),
      data: dataOf({ bladeId: hiveIdOf(i), name: String(i), email: 'someone@example.com' }),
    })),
  });
const PARCELS = [
  [
    'a parcel of many records',
    parcelOf(
      (i) => `acc_${i}`,
      (data) => data,
    ),
  ],
  [
    'a parcel of one record',
    parcelOf(
      () => 'acc_1',
      (data) => data,
    ),
  ],
  [
    'a parcel of letters',
    parcelOf(
      (i) => `acc_${i}`,
      () => null,
    ),
  ],
];

async function measureParcel(t, body) {
  const { relay } = await start(t, { env: { SYNC_WAIT_MS: '1000' } });
  await sync(relay, userEvent('warm'));
  await relay.dearest();
  const { status } = await sync(relay, body, { path: '/convex/sync/batch' });
  if (![200, 202].includes(status)) throw new Error(`the relay answers ${status}`);
  return relay.dearest();
}

// Gives [what, instructions], one after the other. t: see startChild().
export async function* measureTurns(t) {
  for (const wanted of ['drop', 'keep']) {
    yield* measureShapes(
      t,
      wanted,
      SHAPES.filter(([, , , nulls = 'drop']) => nulls === wanted),
    );
  }
  for (const [what, body] of PARCELS) yield [what, await measureParcel(t, body)];
  yield ['come back from the outbox', await measureBacklog(t)];
  yield ['are replayed', await measureReplay(t)];
}
