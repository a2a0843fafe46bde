// SPDX-License-Identifier: MIT
// Bodies at the limit and over it, and Expect. How requests are told apart is in framing.test.mjs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConnection } from '../lib/connection.mjs';
import { DELIVERED, HEADERS, callOf, eventOfSize, syncRequest, userEvent } from '../lib/events.mjs';
import { chunked, exchange, rawRequest } from '../lib/rawhttp.mjs';
import { SECRET, startRelay, sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const BODY = JSON.stringify(userEvent('good'));
const inOneChunk = (body, rest) => syncRequest(chunked(body, 1 << 20), rest);
const withChunks = (body) =>
  syncRequest(body, { headers: [...HEADERS, ['Transfer-Encoding', 'chunked']] });

// MAX_BODY_BYTES counts the body's bytes, however they come.
const LIMIT = 4096;
const announced = (size) => syncRequest(eventOfSize(size));
const inChunks = (size) => withChunks(chunked(eventOfSize(size), 1000));
const SIZES = [
  ['announced, at the limit', announced(LIMIT), 200],
  ['announced, one byte over', announced(LIMIT + 1), 413],
  ['announced, far over', announced(1000 * LIMIT), 413],
  ['in chunks, at the limit', inChunks(LIMIT), 200],
  ['in chunks, one byte over', inChunks(LIMIT + 1), 413],
  ['in chunks, far over', inChunks(1000 * LIMIT), 413],
];
for (const [what, bytes, expected] of SIZES) {
  test(`a body ${what}: ${expected}`, async (t) => {
    const upstream = await startUpstream(t);
    const relay = await startRelay(t, {
      env: { CONVEX_URL: upstream.url, MAX_BODY_BYTES: String(LIMIT) },
    });
    const client = await openConnection(t, relay.port);
    client.write(bytes);
    const { status, body } = await client.answer();
    assert.equal(status, expected);
    if (expected === 413)
      assert.match(body, /^\{"error":"The body is larger than MAX_BODY_BYTES, 4096"\}$/);
    assert.equal(upstream.requests.length, expected === 200 ? 1 : 0);
  });
}

test('a body in chunks without end: it is not read for ever', async (t) => {
  const relay = await startRelay(t, {
    env: { CONVEX_URL: 'http://127.0.0.1:9', MAX_BODY_BYTES: String(LIMIT) },
  });
  const client = await openConnection(t, relay.port);
  client.write(withChunks(''));
  const chunk = Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`);
  const more = () => !client.isClosed() && client.socket.write(chunk, () => setImmediate(more));
  more();
  const { status, headers } = await client.answer();
  assert.deepEqual([status, headers.connection], [413, 'close']);
  await client.closed();
});

// Codings, with what the answer names; null: it is taken.
const ENCODED = [
  ['gzip', ['gzip'], 'gzip'],
  ['in capitals, with blanks', [' GZip  '], 'GZip'],
  ['unknown', ['x-squeezed'], 'x-squeezed'],
  ['several', ['identity, deflate, br'], 'identity, deflate, br'],
  ['several, one of them nothing', [', gzip'], ', gzip'],
  ['in the second of two headers', ['identity', 'zstd'], 'zstd'],
  ['a beginning of identity', ['ident'], 'ident'],
  ['more than identity', ['identityx'], 'identityx'],
  ['not ASCII, and quotes', ['"gz\xefp"'], '\\"gz?p\\"'],
  ['long', ['z'.repeat(5000)], 'z'.repeat(40)],
  ['identity', ['identity'], null],
  ['identity, twice', ['Identity ,identity'], null],
  ['nothing', [''], null],
  ['commas', [' , ,'], null],
];

for (const [what, values, named] of ENCODED) {
  test(`Content-Encoding, ${what}: ${named === null ? 'taken' : '415'}`, async (t) => {
    const upstream = await startUpstream(t);
    const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url } });
    const encoded = (headers) => [
      ...headers,
      ...values.map((value) => ['Content-Encoding', value]),
    ];
    for (const [headers, make] of [
      [HEADERS, syncRequest],
      [[...HEADERS, ['Transfer-Encoding', 'chunked']], inOneChunk],
    ]) {
      const {
        status,
        body,
        headers: answer,
      } = await exchange(relay.port, make(BODY, { headers: encoded(headers) }));
      if (named === null) {
        assert.equal(status, 200);
        continue;
      }
      const text = `{"error":"The body must come as it is, without the Content-Encoding ${named}"}`;
      assert.deepEqual(
        [status, body.toString(), answer['content-type'], answer['accept-encoding']],
        [415, text, 'application/json', 'identity'],
      );
    }
    assert.equal(upstream.requests.length, named === null ? 2 : 0);
    const wrong = HEADERS.map(([name, value]) => [
      name,
      name === 'X-Sync-Secret' ? 'wrong' : value,
    ]);
    assert.equal(
      (await exchange(relay.port, syncRequest(BODY, { headers: encoded(wrong) }))).status,
      401,
    );
    const health = rawRequest({
      method: 'GET',
      target: '/healthz',
      headers: encoded([['Host', 'localhost']]),
    });
    assert.equal((await exchange(relay.port, health)).status, 200);
  });
}

test('Expect: 100-continue', async (t) => {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, {
    env: { CONVEX_URL: upstream.url, MAX_BODY_BYTES: '100000' },
  });
  const expecting = (headers, length) =>
    syncRequest('', {
      headers: [...headers, ['Expect', '100-continue'], ['Content-Length', String(length)]],
    });
  const cases = [
    ['goes on', HEADERS, BODY.length, 100],
    ['not with a wrong secret', HEADERS.slice(0, 2), BODY.length, 401],
    ['not with a body that is too large', HEADERS, 100_001, 413],
    [
      'not with a body that is encoded',
      [...HEADERS, ['Content-Encoding', 'gzip']],
      BODY.length,
      415,
    ],
  ];
  for (const [what, headers, length, expected] of cases) {
    await t.test(what, async () => {
      const client = await openConnection(t, relay.port);
      client.write(expecting(headers, length));
      assert.equal((await client.answer()).status, expected);
      if (expected !== 100) return;
      client.write(BODY);
      assert.equal((await client.answer()).status, 200);
    });
  }
});
