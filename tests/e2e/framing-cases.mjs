// SPDX-License-Identifier: MIT
// Requests whose boundaries can be read in two ways, or are too large, as raw bytes. Wherever two
// servers disagree about where a request ends, what one takes for the body the other takes for the
// next request: so whatever is not plain is refused, and nothing after that is read from the
// connection.
//
// A row is [what, bytes, directly, through nginx, directly with libmicrohttpd 1.0]. The last three
// say what comes of the bytes followed by BEHIND: a status, or null for no answer at all: refused,
// and the connection is closed; a string: not refused, and the events named there reach Convex.
// nginx refuses other things than the relay does, and writes what is passed on anew: then BEHIND is
// a request like any other.
//
// The last is there where libmicrohttpd 1.0 answers by itself, and otherwise than 0.9 lets the
// relay answer. Version 1.0 refuses and closes each time: the only known coding is chunked; NULs
// end the connection; a lone LF is no line end, in chunks and trailers too; and 1.0.1 counts the
// line end behind an extension as the chunk's first byte, so that the chunk never ends where it
// should.

import { HEADERS, syncRequest } from '../lib/events.mjs';
import { chunked } from '../lib/rawhttp.mjs';
import { SECRET } from '../lib/relay.mjs';
import {
  BODY,
  CHUNKED,
  head,
  HIDDEN,
  LENGTH,
  LINES,
  PARCEL,
  START,
  under,
  withChunks,
  withCoding,
  withCookies,
  withHeaders,
  withLength,
  withParcel,
  withTarget,
  withTrailer,
  withVersion,
} from './framing-bytes.mjs';
import { HEADS } from './framing-heads.mjs';

export const CASES = [
  // ---- how long the body is ----
  ['Content-Length twice, not the same', withHeaders(LENGTH, ['Content-Length', '3']), 400, 400],
  ['Content-Length twice, the same', withHeaders(LENGTH, LENGTH), 400, 400],
  ['Content-Length in a list', withLength(`${BODY.length}, ${BODY.length}`), 400, 400],
  ['Content-Length, and blanks and more', withLength(`${BODY.length} 3`), 400, 400],
  ['Content-Length in words', withLength('abc'), 400, 400],
  ['Content-Length below 0', withLength('-5'), 400, 400],
  ['Content-Length with a plus', withLength(`+${BODY.length}`), 400, 400],
  ['Content-Length in hex', withLength('0x50'), 400, 400],
  ['Content-Length with a fraction', withLength(`${BODY.length}.0`), 400, 400],
  ['Content-Length empty', withLength(''), 400, 400],
  ['Content-Length of 2^63', withLength('9223372036854775808'), 413, 400],
  [
    'Content-Length of 2^64 and as much as there is',
    withLength(String(2n ** 64n + BigInt(BODY.length))),
    413,
    400,
  ],
  ['Content-Length that no integer holds', withLength('9'.repeat(30)), 413, 400],
  ['Content-Length that a NUL cuts', withLength(`${BODY.length}\x001`), 400, 400],
  ['Content-Length that a NUL follows', withLength(`${BODY.length}\0`), 400, 400],
  [
    'Content-Length of 0 and a NUL, over a body that is a request',
    head(START, ...LINES, `Content-Length: 0\0${HIDDEN.length}`) + HIDDEN,
    400,
    400,
  ],
  [
    'a blank before the colon of Content-Length',
    head(START, ...LINES, `Content-Length : ${HIDDEN.length}`) + HIDDEN,
    400,
    400,
  ],
  [
    'Content-Length on a folded line',
    head(START, ...LINES, `Content-Length:\r\n ${HIDDEN.length}`) + HIDDEN,
    400,
    400,
  ],
  [
    'Content-Length folded behind another header',
    head(START, ...LINES, `X-A: b\r\n Content-Length: ${HIDDEN.length}`) + HIDDEN,
    400,
    400,
  ],
  [
    'Content-Length behind a lone CR',
    head(START, ...LINES, `X-A: b\rContent-Length: ${HIDDEN.length}`) + HIDDEN,
    400,
    400,
  ],
  [
    'Content-Length behind a lone LF',
    head(START, ...LINES, `X-A: b\nContent-Length: ${HIDDEN.length}`) + HIDDEN,
    400,
    'behind',
  ],
  ['Content-Length and a coding', withHeaders(LENGTH, CHUNKED), 400, 400],
  ['a coding and Content-Length', withHeaders(CHUNKED, LENGTH), 400, 400],
  [
    'an end in chunks, and Content-Length over a request',
    head(START, ...LINES, CHUNKED.join(': '), `Content-Length: ${HIDDEN.length + 5}`) +
      `0\r\n\r\n${HIDDEN}`,
    400,
    400,
  ],
  // ---- codings ----
  ['a coding that is unknown', withCoding('gzip'), 501, 501, 400],
  ['two codings', withCoding('gzip, chunked'), 501, 501, 400],
  ['chunked, and another', withCoding('chunked, gzip'), 501, 501, 400],
  ['chunked, and chunked again', withCoding('chunked, chunked'), 501, 501, 400],
  ['chunked and a comma', withCoding('chunked,'), 501, 501, 400],
  ['chunked with a parameter', withCoding('chunked;q=1'), 501, 501, 400],
  ['chunked in quotes', withCoding('"chunked"'), 501, 501, 400],
  ['Transfer-Encoding twice', withHeaders(CHUNKED, CHUNKED), 501, 400],
  [
    'Transfer-Encoding twice, one unknown',
    withHeaders(['Transfer-Encoding', 'x'], CHUNKED),
    501,
    400,
    400,
  ],
  ['identity', withCoding('identity'), 501, 501, 400],
  [
    'identity, with Content-Length',
    withHeaders(LENGTH, ['Transfer-Encoding', 'identity']),
    400,
    501,
  ],
  ['no coding at all', withCoding(''), 501, 501, 400],
  ['almost chunked', withCoding('xchunked'), 501, 501, 400],
  ['chunked behind a control character', withCoding('\x0bchunked'), 400, 501],
  ['chunked before a NUL', withCoding('chunked\0x'), 400, 400],
  [
    'a blank before the colon of Transfer-Encoding',
    head(START, ...LINES, 'Transfer-Encoding : chunked') + `0\r\n\r\n${HIDDEN}`,
    400,
    400,
  ],
  [
    'chunked in HTTP/1.0',
    syncRequest(chunked(BODY), { headers: [...HEADERS, CHUNKED], version: 'HTTP/1.0' }),
    400,
    400,
  ],
  // ---- chunks ----
  ['a chunk size that is no number', withChunks('zz\r\nhello\r\n0\r\n\r\n'), 400, 400],
  ['a chunk size below 0', withChunks('-1\r\nhello\r\n0\r\n\r\n'), 400, 400],
  [
    'a chunk size with a plus',
    withChunks(`+${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`),
    400,
    400,
  ],
  [
    'a chunk size with 0x',
    withChunks(`0x${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`),
    400,
    400,
  ],
  [
    'a blank before the chunk size',
    withChunks(` ${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`),
    400,
    400,
  ],
  ['no chunk size', withChunks(`\r\n${BODY}\r\n0\r\n\r\n`), 400, 400],
  ['only an extension', withChunks(`;x\r\n${BODY}\r\n0\r\n\r\n`), 400, 400],
  [
    'a chunk size that no integer holds',
    withChunks(`${'f'.repeat(17)}\r\nhello\r\n0\r\n\r\n`),
    413,
    400,
  ],
  [
    'a chunk size of 2^64 and as much as there is',
    withChunks(`1${BODY.length.toString(16).padStart(16, '0')}\r\n${BODY}\r\n0\r\n\r\n`),
    413,
    400,
  ],
  ['a chunk size of 2^64 - 1', withChunks(`${'f'.repeat(16)}\r\n${BODY}\r\n0\r\n\r\n`), null, 400],
  [
    'a chunk size that fills memory',
    withChunks(`${'0'.repeat(20_000)}5\r\nhello\r\n0\r\n\r\n`),
    null,
    'behind',
    413,
  ],
  [
    'an extension that fills memory',
    withChunks(`5;${'x'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`),
    null,
    'behind',
  ],
  ['a chunk longer than its size', withChunks('3\r\nhello\r\n0\r\n\r\n'), 400, 400],
  [
    'a chunk shorter than its size',
    withChunks(`${(BODY.length + 2).toString(16)}\r\n${BODY}\r\n0\r\n\r\n`),
    400,
    400,
  ],
  [
    'a chunk without its line end',
    withChunks(`${BODY.length.toString(16)}\r\n${BODY}0\r\n\r\n`),
    400,
    400,
  ],
  [
    'a chunk that ends in other bytes',
    withChunks(`${BODY.length.toString(16)}\r\n${BODY}xx0\r\n\r\n`),
    400,
    400,
  ],
  [
    'a NUL in the chunk size',
    withChunks(`${BODY.length.toString(16)}\0\r\n${BODY}\r\n0\r\n\r\n`),
    400,
    400,
  ],
  [
    'a chunk size ended by CR',
    withChunks(`${BODY.length.toString(16)}\r${BODY}\r\n0\r\n\r\n`),
    400,
    400,
  ],
  [
    'an extension with LF in it',
    withChunks(`${BODY.length.toString(16)};a\nb\r\n${BODY}\r\n0\r\n\r\n`),
    400,
    400,
  ],
  ...HEADS,
  // ---- refused for other reasons, before the body is read ----
  [
    'a wrong secret',
    syncRequest(BODY, { headers: [...HEADERS.slice(0, 2), ['X-Sync-Secret', 'wrong']] }),
    401,
    'behind',
  ],
  [
    'a wrong secret, and a body that is a request',
    syncRequest(HIDDEN, { headers: [...HEADERS.slice(0, 2), ['X-Sync-Secret', 'wrong']] }),
    401,
    'behind',
  ],
  ['no secret', syncRequest(BODY, { headers: HEADERS.slice(0, 2) }), 401, 'behind'],
  ['the secret twice', withHeaders(LENGTH, ['X-Sync-Secret', SECRET]), 401, 'behind'],
  [
    'the secret on a folded line',
    syncRequest(BODY, { headers: [...HEADERS.slice(0, 2), ['X-Sync-Secret', `x\r\n ${SECRET}`]] }),
    400,
    400,
  ],
  ['a wrong path with a body', withTarget('/convex/other'), 404, 'behind'],
  ['a wrong method with a body', syncRequest(BODY, { method: 'PUT' }), 405, 'behind'],
  // ---- methods that need no body ----
  ...['GET', 'DELETE', 'OPTIONS'].flatMap((method) => [
    [
      `${method}: Content-Length twice, not the same`,
      under(method, ['Content-Length', '0'], ['Content-Length', String(HIDDEN.length)]),
      400,
      400,
    ],
    [
      `${method}: Content-Length and a coding`,
      under(method, ['Content-Length', '0'], CHUNKED),
      400,
      400,
    ],
    [
      `${method}: a coding that is unknown`,
      under(method, ['Transfer-Encoding', 'x']),
      501,
      501,
      400,
    ],
    [
      `${method}: a body that is a request`,
      under(method, ['Content-Length', String(HIDDEN.length)]),
      405,
      'behind',
    ],
  ]),
  // ---- taken ----
  ['a trailer', withTrailer('X-A: b'), 'first behind', 'first behind'],
  [
    'a trailer with Content-Length',
    withTrailer('Content-Length: 3'),
    'first behind',
    'first behind',
  ],
  ['a trailer with a NUL', withTrailer('X-A: b\0c'), 'first behind', 'first behind', 400],
  [
    'an extension',
    withChunks(`${BODY.length.toString(16)};x=1\r\n${BODY}\r\n0\r\n\r\n`),
    'first behind',
    'first behind',
    400,
  ],
  [
    'zeros before the size',
    withChunks(`000${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`),
    'first behind',
    'first behind',
  ],
  ['zeros before Content-Length', withLength(`000${BODY.length}`), 'first behind', 'first behind'],
  ['a body in chunks', withChunks(chunked(BODY)), 'first behind', 'first behind'],
  [
    'headers just below 8 KiB',
    withHeaders(LENGTH, ['X-A', 'b'.repeat(7800)]),
    'first behind',
    'first behind',
  ],
  [
    'an empty line before the request',
    Buffer.concat([Buffer.from('\r\n'), syncRequest(BODY)]),
    'first behind',
    'first behind',
  ],
  [
    'an expectation that nobody knows',
    withHeaders(LENGTH, ['Expect', 'something']),
    'first behind',
    'first behind',
  ],
  [
    'bytes beyond ASCII in a value',
    withHeaders(LENGTH, ['X-A', 'caf\xE9']),
    'first behind',
    'first behind',
  ],
  ['fifty cookies', withCookies(50), 'first behind', 'first behind'],
  ['a tab in a value', withHeaders(LENGTH, ['X-A', 'b\tc']), 'first behind', 'first behind'],
  ['HTTP/1.0', withVersion('HTTP/1.0'), 'first', 'first'],
  [
    'HTTP/1.0, keep-alive',
    syncRequest(BODY, { version: 'HTTP/1.0', headers: [...HEADERS, ['Connection', 'keep-alive']] }),
    'first behind',
    'first behind',
  ],
  [
    'an absolute target',
    withTarget('http://localhost/convex/sync'),
    'first behind',
    'first behind',
  ],
  ['a fragment', withTarget('/convex/sync#x'), 404, 'behind'],
  // ---- parcels ----
  ['a parcel', withParcel(PARCEL), 'first behind', 'first behind'],
  ['a parcel in chunks', withParcel(chunked(PARCEL, 5), CHUNKED), 'first behind', 'first behind'],
  ['a parcel that is a request', withParcel(HIDDEN), 'behind', 'behind'],
  [
    'a parcel with a record that is none',
    withParcel('{"model":"users","records":[{"data":{"bladeId":"inside"}},5]}'),
    'behind',
    'behind',
  ],
  [
    'a parcel with two lengths',
    withParcel(
      PARCEL,
      ['Content-Length', String(PARCEL.length)],
      ['Content-Length', String(PARCEL.length - HIDDEN.length)],
    ),
    400,
    400,
  ],
  [
    'a parcel with a chunk size that is none',
    withParcel(`x\r\n${PARCEL}\r\n0\r\n\r\n`, CHUNKED),
    400,
    400,
  ],
  // ---- known limits of libmicrohttpd 0.9.75, which no proxy in front passes on like this ----
  [
    'a chunk size ended by LF',
    withChunks(`${BODY.length.toString(16)}\n${BODY}\r\n0\r\n\r\n`),
    'first behind',
    'first behind',
    400,
  ],
  [
    'a chunk ended by LF',
    withChunks(`${BODY.length.toString(16)}\r\n${BODY}\n0\r\n\r\n`),
    'first behind',
    'first behind',
    400,
  ],
  [
    'a last chunk ended by LF',
    withChunks(`${BODY.length.toString(16)}\r\n${BODY}\r\n0\n\r\n`),
    'first behind',
    'first behind',
    400,
  ],
  [
    'a NUL for a line before the request',
    Buffer.concat([Buffer.from('\0x\r\n'), syncRequest(BODY)]),
    'first behind',
    400,
    null,
  ],
];
