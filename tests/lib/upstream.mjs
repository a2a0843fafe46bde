// SPDX-License-Identifier: MIT
// A scripted Convex: records what arrives, and answers what the test says, byte for byte.

import http from 'node:http';
import net from 'node:net';
import { MessageReader } from './rawhttp.mjs';
import { waitFor } from './wait.mjs';

export const SUCCESS = { json: { status: 'success', value: null } };

// Starts an upstream that ends with the test. `answer` decides what each request gets:
//   {json, status = 200, headers}   an answer with a JSON body
//   {body, status = 200, headers}   an answer with this body (string or Buffer)
//   {raw}                           these bytes, the connection stays open
//   {raw, then: 'close' | 'reset'}  these bytes, then the end (raw may be left out)
//   {hang: true}                    nothing
//   a function (request) => one of these, or a promise of one
//   a list of these: one for each request; the last one stays
// A request is {n, connection, method, target, headers, rawHeaders, body, text, atMs}.
export async function startUpstream(t, answer = SUCCESS) {
  const sockets = new Set();
  const self = {
    requests: [],
    connections: 0,
    answer,
    port: 0,
    url: '',
    // Resolves once n requests have arrived.
    arrived: (n, timeoutMs) =>
      waitFor(`${n} requests at the upstream`, () => self.requests.length >= n, timeoutMs),
    closeConnections: () => sockets.forEach((socket) => socket.destroy()),
    close: () =>
      new Promise((resolve) => {
        self.closeConnections();
        server.close(() => resolve());
      }),
  };

  const server = net.createServer((socket) => {
    const connection = ++self.connections;
    const reader = new MessageReader();
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // a peer that resets the connection is no failure
    let last = Promise.resolve(); // answers leave in the order of their requests
    socket.on('data', (chunk) => {
      reader.push(chunk);
      for (let message; (message = reader.next());) {
        const request = record(self, connection, message);
        last = last.then(() => reply(socket, request, self));
      }
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  self.port = server.address().port;
  self.url = `http://127.0.0.1:${self.port}`;
  t.after(() => self.close());
  return self;
}

function record(self, connection, { start, headers, rawHeaders, body }) {
  const [method, target] = start.split(' ');
  const request = {
    n: self.requests.length,
    connection,
    method,
    target,
    headers,
    rawHeaders,
    body,
    text: body.toString('utf8'),
    atMs: performance.now(),
  };
  self.requests.push(request);
  return request;
}

async function reply(socket, request, self) {
  let answer = self.answer;
  if (Array.isArray(answer)) answer = answer[Math.min(request.n, answer.length - 1)];
  if (typeof answer === 'function') answer = await answer(request);
  if (answer.hang) return;
  const bytes =
    answer.json !== undefined || answer.body !== undefined ? rendered(answer) : answer.raw;
  if (bytes !== undefined) await new Promise((resolve) => socket.write(bytes, resolve));
  if (answer.then === 'reset' || (bytes === undefined && answer.then === undefined))
    socket.resetAndDestroy();
  else if (answer.then === 'close') socket.end();
}

function rendered({ json, body = JSON.stringify(json), status = 200, headers = {} }) {
  const bytes = Buffer.from(body);
  const type = json === undefined ? {} : { 'Content-Type': 'application/json' };
  const all = { ...type, ...headers, 'Content-Length': bytes.length };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const reason = http.STATUS_CODES[status] ?? 'Unknown';
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`),
    bytes,
  ]);
}
