// SPDX-License-Identifier: MIT
// A client's connection that stays open: for keep-alive, pipelining, and requests that are sent bit
// by bit.

import net from 'node:net';
import { MessageReader } from './rawhttp.mjs';
import { waitFor, within } from './wait.mjs';

// Connects to a server on 127.0.0.1; the connection ends with the test.
export async function openConnection(t, port, options = {}) {
  const socket = net.connect({ host: '127.0.0.1', port, ...options });
  const reader = new MessageReader();
  let bytes = 0;
  let closed = false;
  let wake = () => {};
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    reader.push(chunk);
    wake();
  });
  socket.on('error', () => {}); // a reset ends the connection, too
  const end = () => {
    reader.ended = closed = true;
    wake();
  };
  socket.on('end', end).on('close', end);
  await new Promise((resolve, reject) => socket.on('connect', resolve).on('error', reject));
  t.after(() => socket.destroy());

  return {
    socket,
    write: (data) => socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data),
    isClosed: () => closed,
    received: () => bytes,

    // Resolves to the next answer: {status, headers, body}; {status: null} if the connection ends
    // first.
    async answer({ method = 'POST' } = {}) {
      const isBodiless = (start) => method === 'HEAD' || / (1\d\d|204|304) /.test(start);
      for (;;) {
        const message = reader.next({ isBodiless });
        if (message) {
          const { start, headers, body } = message;
          return { status: Number(start.split(' ')[1]), headers, body: body.toString('utf8') };
        }
        if (closed) return { status: null, headers: {}, body: '' };
        await within('an answer', new Promise((resolve) => (wake = resolve)));
      }
    },

    // Resolves once the server has closed the connection.
    closed: () => waitFor('the end of the connection', () => closed),
  };
}
