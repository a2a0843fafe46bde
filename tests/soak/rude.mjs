// SPDX-License-Identifier: MIT
// Senders that no relay should have to serve: without the secret, with what is no event or no HTTP,
// or gone before the answer. Answers are checked here. The oracle checks that Convex never hears of
// such requests.

import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { exchange, rawRequest } from '../lib/rawhttp.mjs';

const EVENT = JSON.stringify({
  model: 'users',
  operation: 'set',
  hiveId: 'rude',
  data: { bladeId: 'rude', n: -1 },
});

const post = (
  secrets,
  { target = '/convex/sync', method = 'POST', body = EVENT, headers = [] } = {},
) =>
  rawRequest({
    method,
    target,
    body,
    headers: [
      ['Host', 'localhost'],
      ...secrets.map((secret) => ['X-Sync-Secret', secret]),
      ...headers,
    ],
  });

// What each sender writes, for a valid secret and a revoked one: [bytes, the status that it gets].
// Without a status the sender waits for the relay to close, or leaves.
const MANNERS = {
  withoutSecret: () => [post([]), 401],
  wrongSecret: ({ secret }) => [post([`${secret}x`]), 401],
  oldSecret: ({ revoked }) => [post([revoked]), 401],
  twoSecrets: ({ secret }) => [post([secret, secret]), 401],
  notJson: ({ secret }) => [post([secret], { body: EVENT.slice(0, -1) }), 400],
  notAnObject: ({ secret }) => [post([secret], { body: '[1]' }), 400],
  notUtf8: ({ secret }) => [
    post([secret], { body: Buffer.from(EVENT.replace('set', '\xff'), 'latin1') }),
    400,
  ],
  tooLarge: ({ secret }) => [
    post([secret], { headers: [['Content-Length', String(2 ** 30)]] }),
    413,
  ],
  twoLengths: ({ secret }) => [
    post([secret], {
      headers: [
        ['Content-Length', '5'],
        ['Content-Length', '6'],
      ],
    }),
    400,
  ],
  elsewhere: ({ secret }) => [post([secret], { target: '/convex/sync/' }), 404],
  otherMethod: ({ secret }) => [post([secret], { method: 'PUT' }), 405],
  notHttp: () => ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  halfHead: ({ secret }) => [post([secret]).subarray(0, 40)],
  halfBody: ({ secret }) => [post([secret]).subarray(0, -10)],
};

// Each sender connects, writes its bytes, and begins again. secrets(): gives the present {secret,
// revoked}. report(kind, text): tells of an answer that is not the expected one.
export function startRude(count, { dice, target, secrets, report }) {
  let isOver = false;
  const silent = new Set(); // connections that wait for no answer

  function linger(port, bytes) {
    const socket = net.connect({ host: '127.0.0.1', port }, () => socket.write(bytes));
    socket
      .on('error', () => {})
      .on('close', () => silent.delete(socket))
      .resume();
    silent.add(socket);
  }

  async function once(to, own) {
    const manner = own.pick(Object.keys(MANNERS));
    const { secret } = secrets();
    const [bytes, wanted] = MANNERS[manner](secrets());
    if (!wanted) return linger(to.port, bytes);
    const status = await exchange(to.port, bytes).then(
      (answer) => answer.status,
      (error) => error.message,
    );
    const isExcused = to.isEnding || target() !== to || secrets().secret !== secret;
    if (status !== wanted && !isExcused)
      report('unexpected', `${manner} was answered ${status} instead of ${wanted}`);
  }

  async function work(seed) {
    const own = dice.fork(`rude ${seed}`);
    while (!isOver) {
      const to = target();
      if (to && !to.isEnding) await once(to, own);
      await sleep(own.int(5, 50));
    }
  }

  const workers = Array.from({ length: count }, (_, seed) => work(seed));
  return {
    async stop() {
      isOver = true;
      await Promise.all(workers);
      silent.forEach((socket) => socket.destroy());
    },
  };
}
