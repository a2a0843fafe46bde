// SPDX-License-Identifier: MIT
// A far side that says more than was asked for, or before it has heard all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventOfSize, userEvent } from '../lib/events.mjs';
import { sync } from '../lib/relay.mjs';
import { waitFor } from '../lib/wait.mjs';
import {
  assertOutcome,
  CLEAR,
  FINE_ANSWER,
  MIB,
  MORE_MIB,
  ok,
  peakMib,
  say,
  SHORT,
  startRude,
  startTried,
  TIMEOUT_MS,
  TLS,
} from './rude-convex.mjs';

const REFUSAL = '{"status":"error","errorMessage":"not for this event"}';
const REFUSAL_ANSWER = ok(`Content-Length: ${REFUSAL.length}\r\n`, REFUSAL);

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
