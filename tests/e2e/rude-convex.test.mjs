// SPDX-License-Identifier: MIT
// A far side that does not behave. Whatever it does: an attempt ends in time and takes little
// memory, is judged as the contract says, the event is kept, and arrives once Convex is itself
// again.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import { makeAuthority } from '../lib/certificates.mjs';
import { callOf, eventOfSize, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { underEtc } from '../lib/mounts.mjs';
import { MessageReader } from '../lib/rawhttp.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { PATIENCE_MS, waitFor } from '../lib/wait.mjs';

// Of what only the time ends; what ends by itself has all the time there is.
// under Valgrind a handshake takes a second
const TIMEOUT_MS = process.env.RELAY_MEMCHECK ? 4000 : 700;
const SHORT = { CONVEX_TIMEOUT_MS: String(TIMEOUT_MS) };
const MIB = 1024 * 1024;
// What an attempt may take besides its event.
const MORE_MIB = process.env.RELAY_SANITIZED ? 400 : 16; // ASan keeps 256 MiB of what was freed
const FINE = '{"status":"success","value":null}';
const ok = (headers, body) => `HTTP/1.1 200 OK\r\n${headers}\r\n${body}`;
const FINE_ANSWER = ok(`Content-Length: ${FINE.length}\r\n`, FINE);
const REFUSAL = '{"status":"error","errorMessage":"not for this event"}';
const FINE_GZIP = gzipSync(FINE).toString('latin1');
const REFUSAL_ANSWER = ok(`Content-Length: ${REFUSAL.length}\r\n`, REFUSAL);

// ---- what it does with a socket once a request has begun ----

const say = (bytes) => (socket) => socket.write(bytes, 'latin1');
const sayAndClose = (bytes) => (socket) => socket.end(bytes, 'latin1');
// The same piece again and again, as fast as it is read, or so often.
const flood =
  (first, piece, times = Infinity, then = () => {}) =>
  (socket) => {
    const bytes = Buffer.from(
      piece.repeat(Math.max(1, Math.floor(65536 / piece.length))),
      'latin1',
    );
    socket.write(first);
    let left = times / Math.floor(65536 / piece.length);
    const more = () => {
      while (!socket.destroyed && left-- > 0)
        if (!socket.write(bytes)) return socket.once('drain', more);
      if (!socket.destroyed) then(socket);
    };
    more();
  };
const trickle =
  (first, piece, everyMs = 20) =>
  (socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(piece), everyMs);
    socket.on('close', () => clearInterval(timer));
  };

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

// ---- a far side that can be mended ----

// secure: of a TLS server; without, it speaks in clear.
async function startRude(t, serve, secure = null) {
  const self = { isMended: false, serve, delivered: [], connections: 0 };
  const sockets = new Set();
  const listen = secure ? (fn) => tls.createServer(secure, fn) : net.createServer;
  const server = listen((socket) => {
    sockets.add(socket);
    self.connections += 1;
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    const reader = new MessageReader();
    let began = false;
    socket.on('data', (chunk) => {
      if (!self.isMended) {
        if (!began) self.serve(socket);
        began = true;
        return;
      }
      reader.push(chunk);
      for (let message; (message = reader.next());) {
        self.delivered.push(callOf({ text: message.body.toString() }).id);
        socket.write(FINE_ANSWER);
      }
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    sockets.forEach((socket) => socket.destroy());
    return new Promise((resolve) => server.close(resolve));
  });
  self.port = server.address().port;
  // What was begun as rude stays so; from now on it is Convex.
  self.mend = () => {
    self.isMended = true;
    sockets.forEach((socket) => socket.destroy());
  };
  return self;
}

async function startTried(t, env, options = {}) {
  const files = makeFolder(t);
  const relay = await startRelay(t, {
    ...options,
    env: {
      ADMIN_PORT: '0',
      OUTBOX: files.path('outbox.db'),
      SYNC_WAIT_MS: '0',
      DRAIN_MS: '100',
      ...env,
    },
  });
  const [, admin] = await relay.find('stderr', /admin listening.*?:(\d+)/);
  const counts = async () => {
    const page = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
    return Object.fromEntries(
      ['done', 'rejected', 'again', 'held'].map((outcome) => [
        outcome,
        Number(new RegExp(`attempts_total\\{outcome="${outcome}"\\} (\\d+)`).exec(page)[1]),
      ]),
    );
  };
  return { ...relay, counts };
}

const peakMib = (relay) =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${relay.pid}/status`, 'utf8'))[1]) / 1024;

// The first attempt's outcome, at its time by the relay's own clock and not before, or by itself;
// others are served meanwhile.
async function assertOutcome(relay, expected, { leastMs = 0 } = {}) {
  const counts = await waitFor('an attempt to end', async () => {
    assert.equal((await fetch(`${relay.url}/healthz`)).status, 200);
    const all = await relay.counts();
    return Object.values(all).some((count) => count > 0) && all;
  });
  assert.ok(counts[expected] > 0, `${JSON.stringify(counts)}, and not ${expected}`);
  const [, tookMs] = await relay.find('stderr', / debug attempt .* ms=(\d+)/);
  assert.ok(Number(tookMs) >= leastMs && Number(tookMs) < PATIENCE_MS / 2, `it took ${tookMs} ms`);
}

const CLEAR = [
  'in clear',
  async (t, serve) => {
    const convex = await startRude(t, serve);
    return { convex, env: { CONVEX_URL: `http://127.0.0.1:${convex.port}` } };
  },
];
const TLS = [
  'over TLS',
  async (t, serve) => {
    const authority = makeAuthority(t, 'convex-relay test authority');
    const { certificate, key } = authority.issue('IP:127.0.0.1');
    const convex = await startRude(t, serve, {
      cert: readFileSync(certificate),
      key: readFileSync(key),
    });
    return {
      convex,
      env: { CONVEX_URL: `https://127.0.0.1:${convex.port}`, CONVEX_CA_FILE: authority.file },
    };
  },
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

// ---- long answers ----

// What Convex may return, and more: judged by the beginning, the rest is thrown away, and nothing
// runs twice.
const LONG = [
  ['1.5 MiB of value', `{"status":"success","value":"${'v'.repeat(1.5 * MIB)}"}`, 200],
  [
    '16 MiB of value and 8 MiB of log lines',
    `{"status":"success","value":"${'v'.repeat(16 * MIB)}","logLines":["${'l'.repeat(8 * MIB)}"]}`,
    200,
  ],
  [
    '8 MiB of log lines behind a refusal',
    `{"status":"error","errorMessage":"no","logLines":["${'l'.repeat(8 * MIB)}"]}`,
    500,
    'no',
  ],
  [
    'a refusal that echoes 3 MiB',
    `{"status":"error","errorMessage":"ArgumentValidationError: ${'é'.repeat(1.5 * MIB)}"}`,
    500,
    /^ArgumentValidationError: é{500000,}$/,
  ],
  ['a page of 2 MiB with 403', 'x'.repeat(2 * MIB), 202, /^x{4096}$/, 403],
];
for (const [how, start] of [CLEAR, TLS]) {
  for (const [what, body, expected, message, status = 200] of LONG) {
    test(`${how}: ${what}: one attempt, one connection, little memory`, async (t) => {
      const bytes = Buffer.from(body);
      const answer = Buffer.concat([
        Buffer.from(`HTTP/1.1 ${status} X\r\nContent-Length: ${bytes.length}\r\n\r\n`),
        bytes,
      ]);
      const { convex, env } = await start(t, (socket) => socket.write(answer));
      const relay = await startTried(t, {
        ...env,
        CONVEX_TIMEOUT_MS: '30000',
        SYNC_WAIT_MS: expected === 202 ? '1000' : '30000',
      });
      const beforeMib = peakMib(relay);
      const response = await sync(relay, userEvent('acc_1'));
      const { error } = await response.json();
      assert.equal(response.status, expected);
      if (message) assert.match(error, new RegExp(message));
      assert.ok(peakMib(relay) - beforeMib < MORE_MIB, `it took ${peakMib(relay) - beforeMib} MiB`);
      convex.isMended = true; // its connections stay
      if (expected === 202) return;
      assert.equal((await sync(relay, userEvent('acc_2'))).status, 200);
      assert.deepEqual(convex.delivered, ['acc_2'], 'the first did not run again');
      assert.equal(convex.connections, 1);
    });
  }
}

test('success, and then a broken connection: Convex has it, and it does not run again', async (t) => {
  const convex = await startRude(t, (socket) =>
    socket.end(ok('Content-Length: 3000000\r\n', '{"status":"success","value":"vvvv')),
  );
  const relay = await startTried(t, {
    CONVEX_URL: `http://127.0.0.1:${convex.port}`,
    SYNC_WAIT_MS: '10000',
  });
  assert.equal((await sync(relay, userEvent('acc_1'))).status, 200);
  assert.deepEqual(await relay.counts(), { done: 1, rejected: 0, again: 0, held: 0 });
});

// ---- answers that nobody asked for ----

for (const [what, more] of [
  ['an answer', REFUSAL_ANSWER],
  ['1 MiB', 'x'.repeat(MIB)],
  ['half an answer', 'HTTP/1.1 200 OK\r\nCont'],
]) {
  test(`${what} behind the answer: the next event does not get it`, async (t) => {
    const convex = await startRude(t, say(FINE_ANSWER + more));
    const relay = await startTried(t, {
      CONVEX_URL: `http://127.0.0.1:${convex.port}`,
      CONVEX_TIMEOUT_MS: '100000',
      SYNC_WAIT_MS: '100000',
    });
    assert.equal((await sync(relay, userEvent('first'))).status, 200);
    convex.isMended = true; // its connections stay
    assert.equal((await sync(relay, userEvent('second'))).status, 200);
    assert.deepEqual(convex.delivered, ['second']);
  });
}

test('a refusal before the request is whole: it is the answer, and the connection is not used again', async (t) => {
  const body = '{"code":"BadJsonBody","message":"too large"}';
  const convex = await startRude(t, (socket) =>
    socket
      .pause()
      .write(`HTTP/1.1 400 Bad Request\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
  );
  const relay = await startTried(t, {
    CONVEX_URL: `http://127.0.0.1:${convex.port}`,
    CONVEX_TIMEOUT_MS: '100000',
    SYNC_WAIT_MS: '100000',
  });
  const response = await sync(relay, eventOfSize(16 * MIB, 'large'));
  assert.deepEqual([response.status, (await response.json()).error], [500, body]);
  convex.isMended = true;
  assert.equal((await sync(relay, userEvent('next'))).status, 200);
});

for (const [how, start] of [CLEAR, TLS]) {
  test(`${how}: does not read: a large event ends in time, and small ones go on`, async (t) => {
    const { convex, env } = await start(t, (socket) => socket.pause());
    const relay = await startTried(t, { ...env, ...SHORT });
    assert.equal((await sync(relay, eventOfSize(8 * MIB, 'large'))).status, 202);
    await assertOutcome(relay, 'again', { leastMs: TIMEOUT_MS });
    convex.mend();
    assert.ok((await sync(relay, userEvent('small'))).ok);
    await waitFor(
      'both',
      () => convex.delivered.includes('small') && convex.delivered.includes('large'),
    );
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

// ---- names ----

test('a name that does not exist', async (t) => {
  const relay = await startTried(t, { CONVEX_URL: 'http://convex.invalid' });
  assert.equal((await sync(relay, userEvent('kept'))).status, 202);
  await assertOutcome(relay, 'again');
  assert.match(relay.stderr(), /Could not resolve host|Resolving timed out/);
});

// libcurl leaves its threads in getaddrinfo() to themselves.
const LEFT_THREADS = process.env.RELAY_MEMCHECK
  ? 'what threads hold that end with the process Valgrind calls possibly lost'
  : false;
test('a nameserver that does not answer', { skip: LEFT_THREADS }, async (t) => {
  // resolv.conf names no port; on an address at random nobody else has it.
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const nameserver = dgram.createSocket('udp4');
  let asked = 0;
  nameserver.on('message', () => asked++);
  const refused = await new Promise((resolve) => {
    nameserver.on('error', resolve).bind(53, address, () => resolve(null));
  });
  if (refused) return t.skip(`nothing can listen on ${address}, port 53: ${refused.code}`);
  t.after(() => nameserver.close());
  const endless = 'options timeout:30 attempts:5'; // longer than anybody waits for the stop
  const files = makeFolder(t, {
    'resolv.conf': `nameserver ${address}\n${endless}\n`,
    'nsswitch.conf': 'hosts: dns\n',
  });
  const { command, skip } = underEtc({
    'resolv.conf': files.path('resolv.conf'),
    'nsswitch.conf': files.path('nsswitch.conf'),
  });
  if (skip) return t.skip(skip);

  const relay = await startTried(
    t,
    { CONVEX_URL: 'http://convex.example.com', ...SHORT },
    { under: command },
  );
  const threads = () =>
    Number(/^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${relay.pid}/status`, 'utf8'))[1]);
  await Promise.all(Array.from({ length: 100 }, (_, i) => sync(relay, userEvent(`acc_${i}`))));
  await assertOutcome(relay, 'again');
  assert.ok(asked > 0, 'it was asked');
  assert.ok(threads() < 40, `${threads()} threads`); // 16 at once; getaddrinfo() cannot be stopped
  await relay.stop(); // which the resolver would hold up
});

test('a name with two addresses, of which one is dead', async (t) => {
  const upstream = await startUpstream(t); // on 127.0.0.1
  const files = makeFolder(t, { hosts: '127.0.0.9 convex.test\n127.0.0.1 convex.test\n' });
  const { command, skip } = underEtc({ hosts: files.path('hosts') });
  if (skip) return t.skip(skip);
  const relay = await startTried(
    t,
    { CONVEX_URL: `http://convex.test:${upstream.port}`, SYNC_WAIT_MS: '100000' },
    { under: command },
  );
  assert.equal((await sync(relay, userEvent('acc_1'))).status, 200);
});

test('an address that changes: the next connection goes to the new one', async (t) => {
  const upstream = await startUpstream(t);
  const files = makeFolder(t, { hosts: '127.0.0.9 convex.test\n' });
  const { command, skip } = underEtc({ hosts: files.path('hosts') });
  if (skip) return t.skip(skip);
  const relay = await startTried(
    t,
    { CONVEX_URL: `http://convex.test:${upstream.port}` },
    { under: command },
  );
  assert.equal((await sync(relay, userEvent('kept'))).status, 202);
  await assertOutcome(relay, 'again');
  files.write('hosts', '127.0.0.1 convex.test\n'); // in place: the mount is of the file
  await waitFor('the event', () =>
    upstream.requests.some((request) => callOf(request).id === 'kept'),
  );
});
