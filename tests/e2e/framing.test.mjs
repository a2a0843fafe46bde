// SPDX-License-Identifier: MIT
// Where requests begin and end: framing-cases.mjs, directly and through nginx. What is inside of a
// body never reaches Convex, and neither does what stands behind a request that is refused: nobody
// can know where the next one begins.

import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { openConnection } from '../lib/connection.mjs';
import { callOf, userEvent } from '../lib/events.mjs';
import { startInFront } from '../lib/front.mjs';
import { HAS_MICROHTTPD_1 } from '../lib/libraries.mjs';
import { scrape } from '../lib/metrics.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { BEHIND, LARGE_BEHIND_COOKIES, NO_HOST } from './framing-bytes.mjs';
import { CASES } from './framing-cases.mjs';
import { isCounted } from './framing-heads.mjs';

// Some of these wait for more, and are cut off.
const env = { REQUEST_TIMEOUT_MS: '3000' };
const bytesOf = (text) => (Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1'));

const idsAt = (upstream) => upstream.requests.map((request) => callOf(request).id);

async function assertRefused(client, upstream, expected, server) {
  assert.equal((await client.answer()).status, expected);
  await client.closed();
  assert.equal((await client.answer()).status, null, 'one answer');
  // The next event arrives, and nothing comes before it.
  assert.equal((await sync(server, userEvent('after'))).status, 200);
  assert.deepEqual(idsAt(upstream), ['after']);
}

// A refusal counts by its status, whoever has refused.
function assertCounted(before, after, status) {
  const seen = (metrics) => metrics.sum('requests_total', { status: String(status) });
  assert.equal(seen(after) - seen(before), 1, `requests with ${status} that count`);
}

async function assertTaken(client, upstream, expected) {
  for (let taken = 0; taken < expected.length;) {
    const { status } = await client.answer();
    assert.notEqual(status, null, `the end after ${taken} events`);
    if (status === 200) taken++;
  }
  assert.deepEqual(idsAt(upstream), expected);
}

function runCases(what, start, expectedOf, countsOf = () => false) {
  test(what, async (t) => {
    const upstream = await startUpstream(t);
    const relay = await startRelay(t, {
      env: { CONVEX_URL: upstream.url, ADMIN_PORT: '0', ...env },
    });
    const server = await start(t, relay);
    for (const row of CASES) {
      const [name, bytes] = row;
      const expected = expectedOf(row);
      await t.test(`${name}: ${expected ?? 'no answer'}`, async (t) => {
        upstream.requests.length = 0;
        const before = await scrape(relay);
        const client = await openConnection(t, server.port);
        client.write(Buffer.concat([bytesOf(bytes), bytesOf(BEHIND)]));
        if (typeof expected === 'string') await assertTaken(client, upstream, expected.split(' '));
        else await assertRefused(client, upstream, expected, server);
        if (typeof expected === 'number' && countsOf(name))
          assertCounted(before, await scrape(relay), expected);
      });
    }
    await t.test('others are served', async () => {
      upstream.requests.length = 0;
      assert.equal((await sync(server, userEvent('good'))).status, 200);
      assert.deepEqual(idsAt(upstream), ['good']);
    });
  });
}

runCases(
  'directly',
  async (_, relay) => relay,
  (row) => (HAS_MICROHTTPD_1 && row.length > 4 ? row[4] : row[2]),
  isCounted,
);
runCases(
  'through nginx',
  async (t, relay) => (await startInFront(t, relay)).front,
  (row) => row[3],
);

// The bytes that come back to a client that still sends when the server has ended, and the client's
// error.
function exchangeBytes(port, bytes) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let answer = '';
    let failure = null;
    socket.setEncoding('latin1').on('data', (text) => (answer += text));
    socket
      .on('error', ({ code }) => (failure = code))
      .on('end', () => socket.end('more'))
      .on('close', () => resolve({ answer, failure }));
    socket.write(bytesOf(bytes));
  });
}

test('HTTP/1.1 without Host gets one answer', async (t) => {
  const relay = await startRelay(t, { env: { CONVEX_URL: 'http://127.0.0.1:1', ...env } });
  const { answer } = await exchangeBytes(relay.port, NO_HOST);
  assert.equal(answer.match(/HTTP\/1\.1 400 /g)?.length, 1, answer);
});

test('what libmicrohttpd refuses while the body still comes is no reset', async (t) => {
  const relay = await startRelay(t, { env: { CONVEX_URL: 'http://127.0.0.1:1', ...env } });
  const { answer, failure } = await exchangeBytes(relay.port, LARGE_BEHIND_COOKIES);
  assert.match(answer, /^HTTP\/1\.1 431 /);
  assert.equal(failure, null);
});
