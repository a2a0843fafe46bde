// SPDX-License-Identifier: MIT
// Bodies of 16 MiB of every shape: how much memory they take. The loop's time for such bodies is
// counted in instructions by tests/cost, and measured by ./dev bench shapes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openConnection } from '../lib/connection.mjs';
import { HEADERS, syncRequest, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { outbox, outboxRows } from '../lib/outbox.mjs';
import { chunked } from '../lib/rawhttp.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { filledData, routesOf, SHAPES } from '../lib/shapes.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const MIB = 1024 * 1024;
const LARGEST = 16 * MIB;
const MORE_MIB = 4; // SQLite's cache, the pieces on their way
const SKIP = process.env.RELAY_SANITIZED ? 'a sanitizer has its own memory' : false;

async function start(t, { nulls = 'drop', upstream, files, env } = {}) {
  upstream ??= await startUpstream(t);
  files ??= makeFolder(t, { 'routes.json': routesOf(nulls) });
  const relay = await startRelay(t, {
    env: {
      CONVEX_URL: upstream.url,
      OUTBOX: files.path('outbox.db'),
      ROUTES: files.path('routes.json'),
      LOG_LEVEL: 'info',
      ...env,
    },
  });
  const memoryMib = (name) =>
    Number(
      new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(
        readFileSync(`/proc/${relay.pid}/status`, 'utf8'),
      )[1],
    ) / 1024;
  return { upstream, files, relay, memoryMib };
}

for (const [what, bodyOf, expected, nulls] of SHAPES) {
  test(`16 MiB: ${what}: ${expected}`, { skip: SKIP }, async (t) => {
    const { relay, memoryMib } = await start(t, { nulls });
    const body = bodyOf(LARGEST);
    assert.ok(Buffer.byteLength(body) <= LARGEST && Buffer.byteLength(body) > LARGEST - 32);
    assert.equal((await sync(relay, userEvent('warm'))).status, 200);
    const beforeMib = memoryMib('VmRSS');
    const client = await openConnection(t, relay.port);
    client.write(syncRequest(body));
    assert.equal((await client.answer()).status, expected);
    const tookMib = memoryMib('VmHWM') - beforeMib;
    assert.ok(tookMib <= 2 * 16 + MORE_MIB, `it took ${tookMib.toFixed(1)} MiB`);
    await waitFor('the memory', () => memoryMib('VmRSS') < beforeMib + MORE_MIB);
  });
}

// The last calls of Convex have their data, but for the nulls, in this order. A text of such a size
// is not printed.
function assertDelivered(upstream, bodies) {
  upstream.requests.slice(-bodies.length).forEach(({ text }, i) => {
    const [, data] = /"data":(.*)\}$/s.exec(bodies[i].replace('"n":null,', ''));
    assert.ok(text.includes(data), `body ${i} has arrived as it was sent`);
  });
}

test('16 MiB that come back from the outbox', async (t) => {
  const before = await start(t, { env: { SYNC_WAIT_MS: '0' } });
  before.upstream.answer = { status: 503, json: {} };
  const bodies = [
    ['"n":null,', '{"a":[]},'],
    ['', '[[[[]]]],'],
    ['', '"\\u0041",'],
  ].map(([first, unit]) => filledData(`{${first}"a":[`, unit, '1]}')(LARGEST));
  for (const body of bodies) assert.equal((await sync(before.relay, body)).status, 202);
  await before.relay.stop();

  const { upstream, relay } = await start(t, before);
  const earlier = upstream.requests.length;
  upstream.answer = SUCCESS;
  relay.signal('SIGHUP'); // what is held is tried at once
  await upstream.arrived(earlier + bodies.length);
  assertDelivered(upstream, bodies);
});

test('16 MiB that are replayed', async (t) => {
  const { upstream, files, relay } = await start(t);
  upstream.answer = { status: 200, json: { status: 'error', errorMessage: 'no' } };
  const body = filledData('{"n":null,"a":[', '{"a":[]},', '1]}')(LARGEST);
  assert.equal((await sync(relay, body)).status, 500);
  upstream.answer = SUCCESS;
  const env = { OUTBOX: files.path('outbox.db') };
  const [{ id }] = await outboxRows(env);
  assert.equal(await outbox(env, 'replay', `${id}`), `${id}: will be sent again\n`);
  await upstream.arrived(2);
  assertDelivered(upstream, [body]);
});

for (const [what, request] of [
  ['announced', (body) => syncRequest(body)],
  [
    'in chunks',
    (body) =>
      syncRequest(chunked(body, 65536), {
        headers: [...HEADERS, ['Transfer-Encoding', 'chunked']],
      }),
  ],
]) {
  test(`a byte more than 16 MiB, ${what}: 413`, async (t) => {
    const { upstream, relay } = await start(t);
    for (const [more, expected] of [
      [0, 200],
      [1, 413],
    ]) {
      const client = await openConnection(t, relay.port);
      client.write(request(filledData('{"a":"', 'x', '"}')(LARGEST + more)));
      assert.equal((await client.answer()).status, expected);
    }
    assert.equal(upstream.requests.length, 1);
  });
}
