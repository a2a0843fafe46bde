// SPDX-License-Identifier: MIT
// One connection of a client that is in no hurry to close it: for keep-alive, pipelining, and
// requests that come bit by bit.

import net from 'node:net';
import { MessageReader } from './rawhttp.mjs';
import { waitFor } from './wait.mjs';

// Connects to a server on 127.0.0.1; the connection ends with the test.
export async function openConnection(t, port, options = {}) {
  const socket = net.connect({ host: '127.0.0.1', port, ...options });
  const reader = new MessageReader();
  let bytes = 0;
  let closed = false;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    reader.push(chunk);
  });
  socket.on('error', () => {}); // a reset is an end, too
  const end = () => (reader.ended = closed = true);
  socket.on('end', end).on('close', end);
  await new Promise((resolve, reject) => socket.on('connect', resolve).on('error', reject));
  t.after(() => socket.destroy());

  return {
    socket,
    write: (data) => socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data),
    isClosed: () => closed,
    received: () => bytes,

    // The next answer: {status, headers, body}; {status: null} if the connection ends without one.
    async answer({ method = 'POST' } = {}) {
      const isBodiless = (start) => method === 'HEAD' || / (1\d\d|204|304) /.test(start);
      const message = await waitFor('an answer', () =>
        reader.next({ isBodiless }) ?? (closed ? reader.next({ isBodiless }) ?? { start: '' } : null));
      const status = message.start ? Number(message.start.split(' ')[1]) : null;
      return { status, headers: message.headers ?? {}, body: message.body?.toString('utf8') ?? '' };
    },

    // Resolves once the server has closed the connection.
    closed: () => waitFor('the end of the connection', () => closed),
  };
}
