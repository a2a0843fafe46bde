// SPDX-License-Identifier: MIT
// Requests as raw bytes, to be put together wrongly.

import { BATCH_PATH, HEADERS, parcelOf, syncRequest, userEvent } from '../lib/events.mjs';
import { chunked } from '../lib/rawhttp.mjs';

export const BODY = JSON.stringify(userEvent('first'));
export const LENGTH = ['Content-Length', String(BODY.length)];
export const CHUNKED = ['Transfer-Encoding', 'chunked'];

// Whole requests: one for the inside of bodies, which never reaches Convex, and one to follow.
export const HIDDEN = syncRequest(userEvent('inside')).toString('latin1');
export const BEHIND = syncRequest(userEvent('behind')).toString('latin1');

// The right request, with these headers more; framing and all, as they stand.
export const withHeaders = (...more) => syncRequest(BODY, { headers: [...HEADERS, ...more] });
export const withLength = (value) => withHeaders(['Content-Length', value]);
export const withCoding = (value) => withHeaders(['Transfer-Encoding', value]);
export const withChunks = (body) => syncRequest(body, { headers: [...HEADERS, CHUNKED] });
export const withTrailer = (trailer) =>
  withChunks(chunked(BODY).toString().replace(/\r\n$/, `${trailer}\r\n\r\n`));
export const withTarget = (target) => syncRequest(BODY, { target });
export const withVersion = (version) => syncRequest(BODY, { version });
// A parcel of one event.
export const PARCEL = JSON.stringify(parcelOf([userEvent('first')]));
export const withParcel = (body, ...headers) =>
  syncRequest(body, { target: BATCH_PATH, headers: [...HEADERS, ...headers] });
// Another method, over a body that is a request.
export const under = (method, ...headers) =>
  syncRequest(HIDDEN, { method, headers: [...HEADERS, ...headers] });
// The request line and the following lines, unchanged; the end of the head is added.
export const head = (...lines) => `${lines.join('\r\n')}\r\n\r\n`;
export const START = 'POST /convex/sync HTTP/1.1';
export const LINES = HEADERS.map(([name, value]) => `${name}: ${value}`);
export const LENGTH_LINE = LENGTH.join(': ');
export const withLine = (line) => head(START, ...LINES, line, LENGTH_LINE) + BODY;
export const many = (count) =>
  withHeaders(LENGTH, ...Array.from({ length: count }, (_, i) => [`X-${i}`, 'v']));
export const withCookies = (count, body = BODY) =>
  syncRequest(body, {
    headers: [
      ...HEADERS,
      ['Cookie', Array.from({ length: count }, (_, i) => `c${i}=v`).join('; ')],
    ],
  });
export const LARGE_BEHIND_COOKIES = withCookies(250, 'x'.repeat(1 << 20));
export const NO_HOST = syncRequest(BODY, { headers: HEADERS.slice(1) });
