// SPDX-License-Identifier: MIT
// How a request comes over the wire.

import { gzipSync } from 'node:zlib';
import { chunked } from '../../lib/rawhttp.mjs';
import { within } from '../../lib/wait.mjs';
import { AUTH, BODY, DONE, HOST, JSON_TYPE, REFUSED, post, row } from '../case.mjs';

const HEADERS = [HOST, JSON_TYPE, AUTH];
const CHUNKED = [...HEADERS, ['Transfer-Encoding', 'chunked']];
const EXPECT = ['Expect', '100-continue'];
const KEEP = ['Connection', 'keep-alive'];

const withWire = (name, rest, expected = DONE) => row(name, post(rest), expected);

// Writes the head, waits until it is told to go on, then writes the body.
const afterContinue = (name, headers, body) =>
  row(
    name,
    async (socket, continued) => {
      socket.write(post({ headers: [...headers, EXPECT], body: '' }));
      await within('100 Continue', continued());
      socket.write(body);
    },
    DONE,
  );

// Writes the pieces one by one, each in a packet of its own as far as anybody can tell.
const inPieces = (name, bytes, size) =>
  row(
    name,
    async (socket) => {
      socket.setNoDelay(true);
      for (let at = 0; at < bytes.length; at += size) {
        await new Promise((resolve) => socket.write(bytes.subarray(at, at + size), resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    DONE,
  );

const big = `{"model":"users","data":{"v":"${'x'.repeat(300_000)}"}}`;
const length = (body) => ['Content-Length', String(Buffer.byteLength(body))];

// Compressed bytes are no JSON to the router, and plain ones are, whatever the header says of them.
const encoded = (name, value, body = BODY, expected = DONE) =>
  withWire(
    `Content-Encoding ${name}`,
    { headers: [...HEADERS, ['Content-Encoding', value]], body },
    expected,
  );

export default [
  withWire('a chunked body', { headers: CHUNKED, body: chunked(BODY, 16) }),
  withWire('a body in chunks of one byte', { headers: CHUNKED, body: chunked(BODY, 1) }),
  withWire('a body in one chunk', { headers: CHUNKED, body: chunked(BODY, 1 << 20) }),
  withWire('a large chunked body', { headers: CHUNKED, body: chunked(big, 4099) }),
  withWire('a chunk with an extension', {
    headers: CHUNKED,
    body: `${BODY.length.toString(16)};name=value\r\n${BODY}\r\n0\r\n\r\n`,
  }),
  withWire('chunk sizes in capitals and with zeros', {
    headers: CHUNKED,
    body: `000${BODY.length.toString(16).toUpperCase()}\r\n${BODY}\r\n0\r\n\r\n`,
  }),
  withWire('a trailer', {
    headers: CHUNKED,
    body: `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\nX-Sync-Secret: wrong\r\n\r\n`,
  }),
  withWire('Transfer-Encoding in capitals', {
    headers: [...HEADERS, ['TRANSFER-ENCODING', 'Chunked']],
    body: chunked(BODY),
  }),
  afterContinue('Expect: 100-continue', [...HEADERS, length(BODY)], BODY),
  afterContinue('Expect: 100-continue and a chunked body', CHUNKED, chunked(BODY)),
  withWire('Expect: 100-continue and a body at once', {
    headers: [...HEADERS, EXPECT, length(BODY)],
  }),
  inPieces('a request byte by byte', post({}), 1),
  inPieces(
    'a request in pieces of seven bytes',
    post({ headers: CHUNKED, body: chunked(BODY, 11) }),
    7,
  ),
  inPieces('a large request in pieces', post({ body: big }), 10_007),
  withWire('HTTP/1.0', { version: 'HTTP/1.0' }),
  withWire('HTTP/1.0 without Host', { version: 'HTTP/1.0', headers: [JSON_TYPE, AUTH] }),
  withWire('HTTP/1.0 with keep-alive', { version: 'HTTP/1.0', headers: [...HEADERS, KEEP] }),
  withWire('Connection: close', { headers: [...HEADERS, ['Connection', 'close']] }),
  withWire('a header value that is empty', { headers: [...HEADERS, ['X-Empty', '']] }),
  withWire('many headers', {
    headers: [
      ...HEADERS,
      ...Array.from({ length: 40 }, (_, i) => [`X-Header-${i}`, 'v'.repeat(50)]),
    ],
  }),
  withWire('a Host with a port', { headers: [['Host', 'localhost:3000'], JSON_TYPE, AUTH] }),
  encoded('gzip', 'gzip', gzipSync(BODY), REFUSED),
  encoded('gzip of what is plain', 'gzip'),
  encoded('of several, one of them', 'identity, br'),
  encoded('identity', 'identity'),
  encoded('identity in capitals', 'Identity'),
  encoded('that says nothing', ''),
  row(
    'a body over the limit, announced',
    async (socket, continued) => {
      const body = `{"model":"users","data":{"v":"${'x'.repeat(17 * 1024 * 1024)}"}}`;
      socket.write(post({ headers: [...HEADERS, length(body), EXPECT], body: '' }));
      await continued();
      socket.write(body);
    },
    DONE,
  ),
];
