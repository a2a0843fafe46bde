// SPDX-License-Identifier: MIT
// Events as Blade's triggers send them, and the bytes of requests with such events.

import { rawRequest } from './rawhttp.mjs';
import { SECRET } from './relay.mjs';

export const HEADERS = [
  ['Host', 'localhost'],
  ['Content-Type', 'application/json'],
  ['X-Sync-Secret', SECRET],
];

export const DELIVERED = '{"success":true}';

// A change of the user with this id; n tells the changes of one user apart.
export function userEvent(id, n = 0) {
  return {
    model: 'users',
    operation: 'set',
    hiveId: id,
    data: { bladeId: id, email: `${id}@example.com`, name: String(n) },
  };
}

// Several such changes in one request to /convex/sync/batch.
export const BATCH_PATH = '/convex/sync/batch';

export function parcelOf(events) {
  const records = events.map(({ hiveId, data }) => ({ hiveId, data }));
  return { model: 'users', operation: 'set', records };
}

// What the relay says of a parcel whose records fared like that.
export function resultsOf(results) {
  const failed = results.filter(({ error }) => error !== undefined).length;
  const successful = results.length - failed;
  return JSON.stringify({ success: true, successful, failed, total: results.length, results });
}

// The bytes of a request that brings an event; all that is not given is right.
export function syncRequest(event = userEvent('acc_1'), { headers = HEADERS, ...rest } = {}) {
  const body = typeof event === 'string' || Buffer.isBuffer(event) ? event : JSON.stringify(event);
  return rawRequest({ method: 'POST', target: '/convex/sync', headers, body, ...rest });
}

// An event whose request has a body of exactly that many bytes.
export function eventOfSize(bytes, id = 'acc_1') {
  const [before, behind] = JSON.stringify(userEvent(id, '#')).split('#');
  return before + 'x'.repeat(bytes - Buffer.byteLength(before + behind)) + behind;
}

// Which event a call of a mutation was about: {path, args, id, n}.
export function callOf({ text }) {
  const {
    path,
    args: [args],
  } = JSON.parse(text);
  return { path, args, id: args.bladeId, n: Number(args.name) };
}
