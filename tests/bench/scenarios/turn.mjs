// SPDX-License-Identifier: MIT
// Everything on the loop waits for the present turn: how late /healthz is while something large,
// slow or dear goes on. The first row, with nothing going on, is what the machine adds.

import assert from 'node:assert/strict';
import { openConnection } from '../../lib/connection.mjs';
import { syncRequest } from '../../lib/events.mjs';
import { startConvex } from '../convex.mjs';
import { short, spread, table } from '../figures.mjs';
import { measureRounds, startPeer } from '../measure.mjs';
import { runProbe, runWrk } from '../wrk.mjs';

export const title = 'how late GET /healthz is while other things go on';
export const defaults = { rounds: 3, seconds: 2 };

const LARGEST = 16 * 1024 * 1024;

const eventWith = (data) =>
  `{"model":"users","operation":"set","hiveId":"acc_1","data":{"bladeId":"acc_1",${data}}}`;

// An event of the largest size that is taken; fill(i) gives its pieces.
function largeEvent(open, fill, close) {
  const pieces = [];
  let room = LARGEST - eventWith(open + close).length;
  for (let i = 0; ; i++) {
    const piece = fill(i);
    room -= piece.length + 1;
    if (room < 0) return eventWith(open + pieces.join(',') + close);
    pieces.push(piece);
  }
}

const LARGE_EVENTS = {
  'one string': () => eventWith(`"name":"${'x'.repeat(LARGEST - eventWith('"name":""').length)}"`),
  'a list of ones': () => largeEvent('"list":[', () => '1', ']'),
  'a million members': () => largeEvent('', (i) => `"k${i}":${i}`, ''),
};

// What goes on meanwhile: each function starts something when called, and resolves at the end.
const withClients =
  (clients) =>
  (scope, { port }, { seconds }) =>
    runWrk(scope, port, { clients, seconds });

const withLargeEvents =
  (make) =>
  async (scope, { port }, { seconds }) => {
    const request = syncRequest(make());
    const client = await openConnection(scope, port);
    for (const endMs = performance.now() + seconds * 1000; performance.now() < endMs;) {
      client.write(request);
      const { status } = await client.answer();
      assert.ok(status === 200 || status === 202, `${status}`); // on its way, or on disk
    }
  };

const AWAY = { url: 'http://127.0.0.1:9' };
const NAMELESS = { url: 'http://convex.invalid' }; // RFC 2606: no such name
const AT_ONCE_202 = { SYNC_WAIT_MS: '0' };

const DISTURBANCES = [
  { label: 'nothing', start: async () => {} },
  { label: '64 clients, delivered', start: withClients(64) },
  { label: '64 clients, written to disk', convex: AWAY, env: AT_ONCE_202, start: withClients(64) },
  {
    label: '64 clients, a TLS handshake for each',
    options: { tls: true, oneCallEach: true },
    start: withClients(64),
  },
  {
    label: '64 clients, a host that has no address',
    convex: NAMELESS,
    env: AT_ONCE_202,
    start: withClients(64),
  },
  ...Object.entries(LARGE_EVENTS).map(([what, make]) => ({
    label: `16 MiB: ${what}`,
    start: withLargeEvents(make),
  })),
];

async function measureTurn(scope, cell) {
  const convex = cell.convex ?? (await startConvex(scope, cell.options));
  const server = await startPeer(scope, { ...cell, convex, unchecked: true });
  const [probe] = await Promise.all([
    runProbe(scope, server.port, cell.seconds),
    cell.start(scope, server, cell),
  ]);
  return { valid: probe.refused + probe.broken === 0 && probe.answers > 0, ...probe };
}

export async function run(_, { peers, rounds, seconds }) {
  const cells = peers
    .filter((peer) => peer === 'relay')
    .flatMap((peer) => DISTURBANCES.map((disturbance) => ({ peer, seconds, ...disturbance })));
  return measureRounds('turn', cells, rounds, measureTurn);
}

export const show = (results) =>
  table(
    ['relay, outbox on', 'p50', 'p99.9', 'longest', 'answers'],
    results.map(({ label, summary }) =>
      summary === null
        ? [label, 'invalid', '-', '-', '-']
        : [
            label,
            `${short(summary.p50Ms.median)} ms`,
            `${spread(summary.p999Ms)} ms`,
            `${spread(summary.maxMs)} ms`,
            short(summary.answers.median),
          ],
    ),
  );
