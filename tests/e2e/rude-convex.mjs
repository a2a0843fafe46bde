// SPDX-License-Identifier: MIT
// A far side that does not behave until mended, and a relay that calls it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { makeAuthority } from '../lib/certificates.mjs';
import { callOf } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { MessageReader } from '../lib/rawhttp.mjs';
import { startRelay } from '../lib/relay.mjs';
import { PATIENCE_MS, waitFor } from '../lib/wait.mjs';

// Of what only the time ends; what ends by itself has all the time there is. Under Valgrind a
// handshake takes a second.
export const TIMEOUT_MS = process.env.RELAY_MEMCHECK ? 4000 : 700;
export const SHORT = { CONVEX_TIMEOUT_MS: String(TIMEOUT_MS) };
export const MIB = 1024 * 1024;
// What an attempt may take besides its event. ASan keeps 256 MiB of what was freed.
export const MORE_MIB = process.env.RELAY_SANITIZED ? 400 : 16;
export const FINE = '{"status":"success","value":null}';
export const ok = (headers, body) => `HTTP/1.1 200 OK\r\n${headers}\r\n${body}`;
export const FINE_ANSWER = ok(`Content-Length: ${FINE.length}\r\n`, FINE);

// ---- what it does with a socket once a request has begun ----

export const say = (bytes) => (socket) => socket.write(bytes, 'latin1');
export const sayAndClose = (bytes) => (socket) => socket.end(bytes, 'latin1');
// The same piece again and again, as fast as it is read, or so often.
export const flood =
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
export const trickle =
  (first, piece, everyMs = 20) =>
  (socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(piece), everyMs);
    socket.on('close', () => clearInterval(timer));
  };

// ---- a far side that can be mended ----

// secure: of a TLS server; without, it speaks in clear.
export async function startRude(t, serve, secure = null) {
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

export async function startTried(t, env, options = {}) {
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

export const peakMib = (relay) =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${relay.pid}/status`, 'utf8'))[1]) / 1024;

// The first attempt's outcome, at the time that the relay's clock tells and not before, or by
// itself; others are served meanwhile.
export async function assertOutcome(relay, expected, { leastMs = 0 } = {}) {
  const counts = await waitFor('an attempt to end', async () => {
    assert.equal((await fetch(`${relay.url}/healthz`)).status, 200);
    const all = await relay.counts();
    return Object.values(all).some((count) => count > 0) && all;
  });
  assert.ok(counts[expected] > 0, `${JSON.stringify(counts)}, and not ${expected}`);
  const [, tookMs] = await relay.find('stderr', / debug attempt .* ms=(\d+)/);
  assert.ok(Number(tookMs) >= leastMs && Number(tookMs) < PATIENCE_MS / 2, `it took ${tookMs} ms`);
}

export const CLEAR = [
  'in clear',
  async (t, serve) => {
    const convex = await startRude(t, serve);
    return { convex, env: { CONVEX_URL: `http://127.0.0.1:${convex.port}` } };
  },
];
export const TLS = [
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
