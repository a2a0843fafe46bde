// SPDX-License-Identifier: MIT
// A far side that does not behave. Whatever Convex does: an attempt ends in time, takes little
// memory and is judged as the contract says; the event is kept, and arrives once Convex is well
// again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { userEvent } from '../lib/events.mjs';
import { sync } from '../lib/relay.mjs';
import { waitFor } from '../lib/wait.mjs';
import {
  assertOutcome,
  CLEAR,
  FINE,
  FINE_ANSWER,
  flood,
  MIB,
  MORE_MIB,
  ok,
  peakMib,
  say,
  sayAndClose,
  SHORT,
  startRude,
  startTried,
  TIMEOUT_MS,
  TLS,
  trickle,
} from './rude-convex.mjs';

const REFUSAL = '{"status":"error","errorMessage":"not for this event"}';
const FINE_GZIP = gzipSync(FINE).toString('latin1');

// [what, what it does, the outcome of the attempt, and where one text is to be expected, the reason
// logged]
const CASES = [
  // ---- time ----
  ['says nothing', () => {}, 'again', /timed out/],
  ['a status line that trickles', trickle('HTTP/1.1 200 ', 'O'), 'again', /timed out/],
  ['headers that trickle', trickle('HTTP/1.1 200 OK\r\n', 'X-A: b\r\n'), 'again', /timed out/],
  [
    'a body that trickles',
    trickle(ok('Content-Length: 1000000\r\n', ''), 'x'),
    'again',
    /timed out/,
  ],
  [
    'chunks that trickle',
    trickle(ok('Transfer-Encoding: chunked\r\n', ''), '1\r\nx\r\n'),
    'again',
    /timed out/,
  ],
  ['1xx that trickle', trickle('', 'HTTP/1.1 103 Early Hints\r\n\r\n'), 'again', /timed out/],
  [
    'half a body, and silence',
    say(ok('Content-Length: 100\r\n', '{"status"')),
    'again',
    /timed out/,
  ],
  ['100 Continue, and silence', say('HTTP/1.1 100 Continue\r\n\r\n'), 'again', /timed out/],
  [
    'a body that only the end could end, and no end',
    say(ok('', FINE.slice(0, 10))),
    'again',
    /timed out/,
  ],
  // ---- size ----
  ['a body without end', flood(ok('', ''), 'x'), 'again', /longer than|timed out/],
  [
    'chunks without end',
    flood(ok('Transfer-Encoding: chunked\r\n', ''), '400\r\n' + 'x'.repeat(1024) + '\r\n'),
    'again',
    /longer than|timed out/,
  ],
  [
    'a body of 1 GiB',
    flood(ok(`Content-Length: ${1024 * MIB}\r\n`, ''), 'x'),
    'again',
    /longer than|timed out/,
  ],
  [
    'one chunk of 1 GiB',
    flood(ok('Transfer-Encoding: chunked\r\n', '40000000\r\n'), 'x'),
    'again',
    /longer than|timed out/,
  ],
  ['a chunk size without end', flood(ok('Transfer-Encoding: chunked\r\n', ''), '0'), 'again'],
  ['an extension without end', flood(ok('Transfer-Encoding: chunked\r\n', '5;'), 'x'), 'again'],
  [
    'trailers without end',
    flood(ok('Transfer-Encoding: chunked\r\n', '0\r\n'), 'X-A: b\r\n'),
    'again',
  ],
  [
    'a header of 100 KiB',
    say(ok(`X-A: ${'b'.repeat(100 * 1024)}\r\nContent-Length: ${FINE.length}\r\n`, FINE)),
    'again',
  ],
  [
    '100 KiB of headers',
    say(ok(`${'X-A: b\r\n'.repeat(12_800)}Content-Length: ${FINE.length}\r\n`, FINE)),
    'again',
  ],
  ['headers without end', flood('HTTP/1.1 200 OK\r\n', 'X-A: b\r\n'), 'again'],
  ['a header without end', flood('HTTP/1.1 200 OK\r\nX-A: ', 'b'), 'again'],
  ['a status line without end', flood('HTTP/1.1 200 ', 'x'), 'again'],
  ['1xx without end', flood('', 'HTTP/1.1 103 Early Hints\r\n\r\n'), 'again'],
  [
    '5000 times 1xx, and an answer',
    flood('', 'HTTP/1.1 100 Continue\r\n\r\n', 5000, say(FINE_ANSWER)),
    'again',
  ],
  // ---- what is no HTTP ----
  ['closes', sayAndClose(''), 'again'],
  ['resets', (socket) => socket.resetAndDestroy(), 'again'],
  ['another protocol', sayAndClose('SSH-2.0-OpenSSH_9.2\r\n'), 'again'],
  ['another protocol, and waits', say('220 mail.example.com ESMTP\r\n'), 'again'],
  ['an answer of TLS', sayAndClose('\x15\x03\x01\x00\x02\x02\x28'), 'again'],
  ['bytes at random', sayAndClose('\x00\xff\x80\r\n\r\n'.repeat(50)), 'again'],
  ['HTTP/0.9', sayAndClose(FINE), 'again'],
  ['HTTP/2 without being asked', say('HTTP/2 200\r\n\r\n'), 'again'],
  ['a status of 0', sayAndClose('HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n'), 'again'],
  ['a status of 999', sayAndClose('HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n'), 'again'],
  [
    'another protocol after 101',
    sayAndClose('HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
    'again',
  ],
  // ---- lengths that are wrong ----
  ['half a head', sayAndClose('HTTP/1.1 200 OK\r\nContent-Le'), 'again'],
  [
    'less than Content-Length',
    sayAndClose(ok('Content-Length: 100\r\n', REFUSAL.slice(0, -2))),
    'again',
  ],
  ['Content-Length below 0', sayAndClose(ok('Content-Length: -5\r\n', FINE)), 'again'],
  ['Content-Length that is too small', sayAndClose(ok('Content-Length: 10\r\n', FINE)), 'again'],
  [
    'a chunk that is too short',
    sayAndClose(ok('Transfer-Encoding: chunked\r\n', '40\r\n{}\r\n0\r\n\r\n')),
    'again',
  ],
  [
    'a chunk size that is no number',
    sayAndClose(ok('Transfer-Encoding: chunked\r\n', 'zz\r\n{}\r\n0\r\n\r\n')),
    'again',
  ],
  // ---- HTTP, but not Convex ----
  ['200 with a page', sayAndClose(ok('Content-Length: 13\r\n', '<html></html>')), 'again'],
  ['200 without a body', sayAndClose(ok('Content-Length: 0\r\n', '')), 'again'],
  ['204', sayAndClose('HTTP/1.1 204 No Content\r\n\r\n'), 'again'],
  [
    '200, compressed',
    sayAndClose(ok(`Content-Encoding: gzip\r\nContent-Length: ${FINE_GZIP.length}\r\n`, FINE_GZIP)),
    'held',
    /cause="compressed answer" reason="the answer is compressed \(gzip\)/,
  ],
  [
    '400, compressed',
    sayAndClose(`HTTP/1.1 400 X\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\nabcd`),
    'held',
    /cause="compressed answer" reason="the answer is compressed \(br\)/,
  ],
  [
    '503, compressed',
    sayAndClose(
      `HTTP/1.1 503 X\r\nContent-Encoding: gzip\r\nContent-Length: ${FINE_GZIP.length}\r\n\r\n${FINE_GZIP}`,
    ),
    'again',
    /http 503/,
  ],
  [
    '200, and then bytes that are not UTF-8',
    sayAndClose(ok('Content-Length: 2\r\n', '\xff\xfe')),
    'again',
  ],
  [
    'a redirect to itself',
    say('HTTP/1.1 307 X\r\nLocation: /api/mutation\r\nContent-Length: 0\r\n\r\n'),
    'held',
  ],
  [
    'a redirect to a file',
    say('HTTP/1.1 302 X\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n'),
    'held',
  ],
];

const isReset = (what) => what === 'resets'; // TLS has none of its own
const RUNS = CASES.flatMap((row) => [[CLEAR, row], ...(isReset(row[0]) ? [] : [[TLS, row]])]);
for (const [[how, start], [what, serve, outcome, reason = /./]] of RUNS) {
  test(`${how}: ${what}: ${outcome}`, async (t) => {
    const isOfTime = reason.source === 'timed out';
    const { convex, env } = await start(t, serve);
    const relay = await startTried(t, { ...env, ...(isOfTime ? SHORT : {}) });
    const beforeMib = peakMib(relay);
    assert.equal((await sync(relay, userEvent('kept'))).status, 202);
    await assertOutcome(relay, outcome, { leastMs: isOfTime ? TIMEOUT_MS : 0 });
    const tookMib = peakMib(relay) - beforeMib;
    assert.ok(tookMib < MORE_MIB, `it took ${tookMib} MiB`);
    assert.match(relay.stderr(), reason);
    convex.mend();
    await waitFor('the event', () => convex.delivered.includes('kept'));
  });
}

// ---- TLS that stalls ----

const SERVER_HELLO = '\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03'; // its first eleven bytes
for (const [what, serve] of [
  ['nothing', () => {}],
  ['half a server hello', say(SERVER_HELLO)],
  ['a server hello that trickles', trickle(Buffer.from(SERVER_HELLO, 'latin1'), Buffer.of(3), 50)],
  ['a record without end', flood('', '\x16\x03\x03\x40\x00' + '\x01'.repeat(16384))],
  ['alerts without end', flood('', '\x15\x03\x03\x00\x02\x01\x00')],
]) {
  test(`a TLS handshake that gets ${what}`, async (t) => {
    const convex = await startRude(t, serve);
    const relay = await startTried(t, { CONVEX_URL: `https://127.0.0.1:${convex.port}`, ...SHORT });
    const beforeMib = peakMib(relay);
    assert.equal((await sync(relay, userEvent('kept'))).status, 202);
    await assertOutcome(relay, 'again');
    assert.ok(peakMib(relay) - beforeMib < MORE_MIB);
  });
}
