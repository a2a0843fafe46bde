// SPDX-License-Identifier: MIT
// HTTP/1.1 as bytes on a socket: requests exactly as given, and answers that are parsed but not
// judged.

import net from 'node:net';
import { PATIENCE_MS } from './wait.mjs';

// Reads messages (requests or answers) from a stream of bytes. next() returns the first whole
// message and forgets it: {start, rawHeaders, headers, body}; null while none is whole. untilEnd: a
// message without a length ends with the stream.
export class MessageReader {
  constructor() {
    this.bytes = Buffer.alloc(0);
    this.chunks = []; // pieces that arrived since the last parse
    this.missing = 0; // bytes until the body is whole; pieces are only joined then
    this.ended = false;
  }

  push(chunk) {
    this.chunks.push(chunk);
    this.missing -= chunk.length;
  }

  next({ isBodiless = () => false, untilEnd = false } = {}) {
    if (this.missing > 0 && !this.ended) return null;
    if (this.chunks.length > 0) this.bytes = Buffer.concat([this.bytes, ...this.chunks.splice(0)]);
    const end = this.bytes.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const [start, ...lines] = this.bytes.toString('latin1', 0, end).split('\r\n');
    const rawHeaders = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    const headers = {};
    for (const [name, value] of rawHeaders) {
      const key = name.toLowerCase();
      headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
    }
    const rest = this.bytes.subarray(end + 4);
    const found = isBodiless(start)
      ? { body: Buffer.alloc(0), length: 0 }
      : takeBody(headers, rest, untilEnd, this.ended);
    if (!found) {
      const isChunked = /chunked/i.test(headers['transfer-encoding'] ?? '');
      if (!isChunked) this.missing = Number(headers['content-length'] ?? 0) - rest.length;
      return null;
    }
    this.bytes = rest.subarray(found.length);
    return { start, rawHeaders, headers, body: Buffer.from(found.body) };
  }
}

function takeBody(headers, rest, untilEnd, ended) {
  if (/chunked/i.test(headers['transfer-encoding'] ?? '')) return takeChunks(rest);
  if (headers['content-length'] !== undefined) {
    const length = Number(headers['content-length']);
    return rest.length >= length ? { body: rest.subarray(0, length), length } : null;
  }
  if (!untilEnd) return { body: Buffer.alloc(0), length: 0 };
  return ended ? { body: rest, length: rest.length } : null;
}

function takeChunks(rest) {
  const parts = [];
  for (let at = 0; ;) {
    const line = rest.indexOf('\r\n', at);
    if (line < 0) return null;
    const size = Number.parseInt(rest.toString('latin1', at, line), 16);
    const data = line + 2;
    if (rest.length < data + size + 2) return null;
    if (size === 0) return { body: Buffer.concat(parts), length: data + 2 };
    parts.push(rest.subarray(data, data + size));
    at = data + size + 2;
  }
}

const isInterim = (start) => /^HTTP\/1\.[01] 1\d\d/.test(start);

// Sends bytes to a server on 127.0.0.1 and resolves to the answer:
//   {status, headers, body, interim: statuses of 1xx answers, closed: by the server afterwards}
// or {status: null, closed: true} if the connection ends without one.
// request: a Buffer or string (latin1), or a function (socket, continued) => Promise that writes
// the request; continued() resolves when "100 Continue" has arrived.
export function exchange(port, request, { method = 'POST', timeoutMs = PATIENCE_MS } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    const reader = new MessageReader();
    const interim = [];
    let onInterim = () => {};
    const continued = new Promise((done) => (onInterim = done));

    const timer = setTimeout(
      () => finish(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const finish = (error, answer) => {
      clearTimeout(timer);
      socket.destroy();
      if (error) reject(error);
      else resolve({ ...answer, interim });
    };
    const read = () => {
      for (;;) {
        const message = reader.next({
          untilEnd: true,
          isBodiless: (start) =>
            isInterim(start) || method === 'HEAD' || /^HTTP\/1\.[01] (204|304)/.test(start),
        });
        if (!message) return false;
        const status = Number(message.start.split(' ')[1]);
        if (!isInterim(message.start)) {
          finish(null, { status, headers: message.headers, body: message.body });
          return true;
        }
        interim.push(status);
        onInterim();
      }
    };
    socket.on('data', (chunk) => {
      reader.push(chunk);
      read();
    });
    const onEnd = () => {
      reader.ended = true;
      if (!read()) finish(null, { status: null, headers: {}, body: Buffer.alloc(0) });
    };
    socket.on('end', onEnd);
    socket.on('error', onEnd);
    socket.on('connect', () => {
      if (typeof request === 'function') {
        request(socket, () => continued).catch((error) => finish(error));
      } else {
        socket.write(typeof request === 'string' ? Buffer.from(request, 'latin1') : request);
      }
    });
  });
}

// The bytes of a request. headers is a list of [name, value], which are sent unchanged. A body gets
// a Content-Length, unless one of the headers frames it.
export function rawRequest({
  method = 'POST',
  target = '/',
  version = 'HTTP/1.1',
  headers = [],
  body,
}) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body ?? '', 'utf8');
  const isFramed = headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  const framing = body === undefined || isFramed ? [] : [['Content-Length', String(bytes.length)]];
  const lines = [...headers, ...framing].map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${target} ${version}\r\n${lines.join('')}\r\n`, 'latin1');
  return Buffer.concat([head, bytes]);
}

// A body in chunks of the given size.
export function chunked(body, size = 5) {
  const bytes = Buffer.from(body, 'utf8');
  const parts = [];
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}
