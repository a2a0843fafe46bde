// SPDX-License-Identifier: MIT
// `convex-relay health`, as a container's health check runs it.

import assert from 'node:assert/strict';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { runRelay, startRelay } from '../lib/relay.mjs';

const health = (t, env) =>
  runRelay(t, { args: ['health'], env: { SYNC_SECRET: undefined, ...env } });

async function serve(t, onConnection) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    onConnection(socket);
  });
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return { PORT: String(server.address().port) };
}

const answering = (text) => (socket) => socket.once('data', () => socket.end(text));

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some(({ address }) => address === '::1');
for (const [host, listens] of [
  ['127.0.0.1'],
  ['localhost'],
  ['0.0.0.0', '127.0.0.1'],
  ['::1'],
  ['::', '::1'],
]) {
  const skip = host.includes(':') && !hasIpv6 && 'this machine has no ::1';
  test(`a relay whose HOST is ${host}`, { skip }, async (t) => {
    const relay = await startRelay(t, {
      env: { CONVEX_URL: 'http://127.0.0.1:9', HOST: listens ?? host },
    });
    const { code, out, err } = await health(t, { HOST: host, PORT: String(relay.port) });
    assert.deepEqual(
      [code, out, err],
      [0, `convex-relay serves at ${host}, port ${relay.port}\n`, ''],
    );
    await relay.stop();
    const gone = await health(t, { HOST: host, PORT: String(relay.port) });
    assert.deepEqual([gone.code, gone.out], [1, '']);
    assert.match(
      gone.err,
      /^convex-relay: no relay serves at \S+, port \d+: Connection refused\n$/,
    );
  });
}

test('a relay that cannot deliver is healthy: a restart would not mend it', async (t) => {
  const relay = await startRelay(t, { env: { CONVEX_URL: 'http://127.0.0.1:9' } });
  assert.equal((await health(t, { PORT: String(relay.port) })).code, 0);
});

const OTHERS = [
  ['503', answering('HTTP/1.1 503 Service Unavailable\r\n\r\n'), /the answer is not 200/],
  [
    'a status that only begins so',
    answering('HTTP/1.1 2000 Fine\r\n\r\n'),
    /the answer is not 200/,
  ],
  ['no HTTP', answering('220 smtp.example.com ESMTP\r\n'), /the answer is not 200/],
  ['half an answer', answering('HTTP/1.1'), /the answer is not 200/],
  ['nothing', () => {}, /no answer in time/],
  ['a reset', (socket) => socket.once('data', () => socket.resetAndDestroy()), /Connection reset/],
];
for (const [what, onConnection, says] of OTHERS) {
  test(`something that answers with ${what}`, async (t) => {
    const { code, out, err } = await health(t, await serve(t, onConnection));
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /^convex-relay: no relay serves at 127\.0\.0\.1, port \d+: [^\n]+\n$/);
    assert.match(err, says);
  });
}

for (const [env, says] of [
  [{ PORT: '0' }, /^convex-relay: PORT: 0 leaves the port to the kernel[^\n]*\n$/],
  [{ PORT: 'http' }, /^convex-relay: PORT: [^\n]*\n$/],
  [
    { HOST: 'no-such-host.invalid', PORT: '1' },
    /^convex-relay: no relay serves at no-such-host\.invalid[^\n]*\n$/,
  ],
]) {
  test(`health with ${JSON.stringify(env)}`, async (t) => {
    const { code, out, err } = await health(t, env);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, says);
  });
}
