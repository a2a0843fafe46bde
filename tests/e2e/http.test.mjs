// SPDX-License-Identifier: MIT
// Requests that are not well-formed HTTP, or too large. None reaches Convex, and neither does what
// stands behind them on the connection: nobody can know where the next request begins.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConnection } from '../lib/connection.mjs';
import { DELIVERED, HEADERS, callOf, eventOfSize, syncRequest, userEvent } from '../lib/events.mjs';
import { chunked } from '../lib/rawhttp.mjs';
import { SECRET, startRelay, sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const BODY = JSON.stringify(userEvent('bad'));
const LENGTH = ['Content-Length', String(BODY.length)];
const CHUNKED = ['Transfer-Encoding', 'chunked'];

// The right request, with these headers more; framing and all, as they stand.
const withHeaders = (...more) => syncRequest(BODY, { headers: [...HEADERS, ...more] });
const withLength = (value) => withHeaders(['Content-Length', value]);
const withCoding = (value) => withHeaders(['Transfer-Encoding', value]);
const withChunks = (body) => syncRequest(body, { headers: [...HEADERS, CHUNKED] });
const withVersion = (version) => syncRequest(BODY, { version });

const REFUSED = {
  'Content-Length twice, not the same': [withHeaders(LENGTH, ['Content-Length', '3']), 400],
  'Content-Length twice, the same': [withHeaders(LENGTH, LENGTH), 400],
  'Content-Length in a list': [withLength(`${BODY.length}, ${BODY.length}`), 400],
  'Content-Length in words': [withLength('abc'), 400],
  'Content-Length below 0': [withLength('-5'), 400],
  'Content-Length with a plus': [withLength(`+${BODY.length}`), 400],
  'Content-Length in hex': [withLength('0x50'), 400],
  'Content-Length empty': [withLength(''), 400],
  'Content-Length of 2^63': [withLength('9223372036854775808'), 413],
  'Content-Length that no integer holds': [withLength('9'.repeat(30)), 413],
  'Content-Length and a coding': [withHeaders(LENGTH, CHUNKED), 400],
  'a coding and Content-Length': [withHeaders(CHUNKED, LENGTH), 400],
  'a coding that is unknown': [withCoding('gzip'), 501],
  'two codings': [withCoding('gzip, chunked'), 501],
  'chunked, and chunked again': [withCoding('chunked, chunked'), 501],
  'Transfer-Encoding twice': [withHeaders(CHUNKED, CHUNKED), 501],
  'identity': [withCoding('identity'), 501],
  'no coding at all': [withCoding(''), 501],
  'almost chunked': [withCoding('xchunked'), 501],
  'chunked behind a control character': [withCoding('\x0bchunked'), 400],
  'a chunk size that is no number': [withChunks('zz\r\nhello\r\n0\r\n\r\n'), 400],
  'a chunk size below 0': [withChunks('-1\r\nhello\r\n0\r\n\r\n'), 400],
  'a chunk size that no integer holds': [withChunks(`${'f'.repeat(17)}\r\nhello\r\n0\r\n\r\n`), 413],
  'a chunk longer than its size': [withChunks('3\r\nhello\r\n0\r\n\r\n'), 400],
  'a blank before the colon': [withHeaders(LENGTH, ['X-A ', 'b']), 400],
  'a blank before the colon of the length': [withHeaders(CHUNKED, ['Content-Length ', '3']), 400],
  'a blank before the first header': [`POST /convex/sync HTTP/1.1\r\n X-A: b\r\nHost: localhost\r\n\r\n`, 400],
  'a line without a colon': ['POST /convex/sync HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n', 400],
  'a parenthesis in a name': [withHeaders(LENGTH, ['X(A', 'b']), 400],
  'a control character in a name': [withHeaders(LENGTH, ['X\x01A', 'b']), 400],
  'a name beyond ASCII': [withHeaders(LENGTH, ['X\xE9A', 'b']), 400],
  'a control character in a value': [withHeaders(LENGTH, ['X-A', 'b\x01c']), 400],
  'DEL in a value': [withHeaders(LENGTH, ['X-A', 'b\x7Fc']), 400],
  'a lone CR in a value': [withHeaders(LENGTH, ['X-A', 'b\rc']), 400],
  'no Host': [syncRequest(BODY, { headers: HEADERS.slice(1) }), 400],
  'Host twice': [withHeaders(LENGTH, ['Host', 'elsewhere']), 400],
  'headers above 8 KiB': [withHeaders(LENGTH, ['X-A', 'b'.repeat(8300)]), 431],
  'headers above all memory': [withHeaders(LENGTH, ['X-A', 'b'.repeat(17_000)]), 431],
  'a thousand headers': [withHeaders(LENGTH, ...Array.from({ length: 1000 }, (_, i) => [`X-${i}`, 'v'])), 431],
  'a target above 8 KiB': [syncRequest(BODY, { target: `/convex/sync?${'x'.repeat(8300)}` }), 431],
  'HTTP/1.9': [withVersion('HTTP/1.9'), 400],
  'HTTP/2.0': [withVersion('HTTP/2.0'), 505],
  'HTTP/0.9': [withVersion('HTTP/0.9'), 505],
  'http/1.1': [withVersion('http/1.1'), 400],
  'no version': ['POST /convex/sync\r\nHost: localhost\r\n\r\n', 400],
  'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  'a wrong secret, refused before the body': [
    syncRequest(BODY, { headers: [...HEADERS.slice(0, 2), ['X-Sync-Secret', 'wrong']] }), 401],
  'no secret': [syncRequest(BODY, { headers: HEADERS.slice(0, 2) }), 401],
  'the secret twice': [withHeaders(LENGTH, ['X-Sync-Secret', SECRET]), 401],
  'the secret on a folded line': [
    syncRequest(BODY, { headers: [...HEADERS.slice(0, 2), ['X-Sync-Secret', `x\r\n ${SECRET}`]] }), 401],
  'a wrong path with a body': [syncRequest(BODY, { target: '/convex/other' }), 404],
  'a wrong method with a body': [syncRequest(BODY, { method: 'PUT' }), 405],
};

test('refused, and the connection with it', async (t) => {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url } });
  for (const [name, [bytes, expected]] of Object.entries(REFUSED)) {
    await t.test(`${name}: ${expected}`, async () => {
      const client = await openConnection(t, relay.port);
      client.write(Buffer.concat([Buffer.from(bytes, 'latin1'), syncRequest(userEvent('behind'))]));
      const { status } = await client.answer();
      assert.equal(status, expected);
      await client.closed();
    });
  }
  await t.test('nothing reached Convex, and others are served', async () => {
    assert.equal((await sync(relay, userEvent('good'))).status, 200);
    assert.deepEqual(upstream.requests.map((request) => callOf(request).id), ['good']);
  });
});

const TAKEN = {
  'a body in chunks': withChunks(chunked(BODY)),
  'headers just below 8 KiB': withHeaders(LENGTH, ['X-A', 'b'.repeat(7800)]),
  'an empty line before the request': Buffer.concat([Buffer.from('\r\n'), syncRequest(BODY)]),
  'an expectation that nobody knows': withHeaders(LENGTH, ['Expect', 'something']),
  'a tab in a value': withHeaders(LENGTH, ['X-A', 'b\tc']),
  'bytes beyond ASCII in a value': withHeaders(LENGTH, ['X-A', 'caf\xE9']),
  'a folded line': withHeaders(LENGTH, ['X-A', 'b\r\n c']),
};

test('taken, and the connection lives on', async (t) => {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url } });
  for (const [name, bytes] of Object.entries(TAKEN)) {
    await t.test(name, async () => {
      const client = await openConnection(t, relay.port);
      client.write(Buffer.concat([bytes, syncRequest(userEvent('behind'))]));
      for (let n = 0; n < 2; n++) {
        const { status, body } = await client.answer();
        assert.deepEqual([status, body], [200, DELIVERED]);
      }
    });
  }
});

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
    const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url, MAX_BODY_BYTES: String(LIMIT) } });
    const client = await openConnection(t, relay.port);
    client.write(bytes);
    const { status, body } = await client.answer();
    assert.equal(status, expected);
    if (expected === 413) assert.match(body, /^\{"error":"The body is larger than MAX_BODY_BYTES, 4096"\}$/);
    assert.equal(upstream.requests.length, expected === 200 ? 1 : 0);
  });
}

test('a body in chunks without end: it is not read for ever', async (t) => {
  const relay = await startRelay(t, { env: { CONVEX_URL: 'http://127.0.0.1:9', MAX_BODY_BYTES: String(LIMIT) } });
  const client = await openConnection(t, relay.port);
  client.write(withChunks(''));
  const chunk = Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`);
  const more = () => !client.isClosed() && client.socket.write(chunk, () => setImmediate(more));
  more();
  const { status, headers } = await client.answer();
  assert.deepEqual([status, headers.connection], [413, 'close']);
  await client.closed();
});

test('Expect: 100-continue', async (t) => {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url, MAX_BODY_BYTES: '100000' } });
  const expecting = (headers, length) => syncRequest('', {
    headers: [...headers, ['Expect', '100-continue'], ['Content-Length', String(length)]],
  });
  const cases = [
    ['goes on', HEADERS, BODY.length, 100],
    ['not with a wrong secret', HEADERS.slice(0, 2), BODY.length, 401],
    ['not with a body that is too large', HEADERS, 100_001, 413],
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
