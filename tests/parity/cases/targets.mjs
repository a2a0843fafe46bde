// SPDX-License-Identifier: MIT
// Paths and methods.

import { AUTH, BODY, DONE, HOST, JSON_TYPE, NOT_FOUND, post, row } from '../case.mjs';

const to = (target, expected) => row(`POST ${target}`, post({ target }), expected);
const by = (method, target = '/convex/sync', body = undefined) =>
  row(
    `${method} ${target}${body === undefined ? '' : ' with a body'}`,
    post({ method, target, body, headers: [HOST, JSON_TYPE, AUTH] }),
    NOT_FOUND,
    { method },
  );

export default [
  to('/convex/sync', DONE),
  to('/convex/sync?', DONE),
  to('/convex/sync?x=1&y=%20', DONE),
  to('/convex/sync?/other', DONE),
  to('/convex/sync?a?b', DONE),
  to('/convex/sync#x', DONE),
  to('/convex/sync?x#y', DONE),
  to('/convex/%73ync', DONE),
  to('/%63onvex/sync', DONE),
  to('/x/../convex/sync', DONE),
  to('/convex/./sync', DONE),
  to('/convex/x/../sync', DONE),
  to('/../convex/sync', DONE),
  to('/convex/%2e%2e/convex/sync', DONE),
  to('http://localhost/convex/sync', DONE),
  to('http://elsewhere:1234/convex/sync?x', DONE),

  to('/', NOT_FOUND),
  to('/convex', NOT_FOUND),
  to('/convex/', NOT_FOUND),
  to('/convex/sync/', NOT_FOUND),
  to('/convex/sync/?x', NOT_FOUND),
  to('/convex//sync', NOT_FOUND),
  to('/convex/sync//', NOT_FOUND),
  to('/convex%2Fsync', NOT_FOUND),
  to('/convex%2fsync', NOT_FOUND),
  to('/convex/sync%2F', NOT_FOUND),
  to('/convex/sync%00', NOT_FOUND),
  to('/convex/sync%20', NOT_FOUND),
  to('/convex/sync%3Fx', NOT_FOUND),
  to('/convex/sync%23x', NOT_FOUND),
  to('/convex/%2573ync', NOT_FOUND),
  to('/convex/sync%zz', NOT_FOUND),
  to('/convex/%7', NOT_FOUND),
  to('/Convex/sync', NOT_FOUND),
  to('/convex/SYNC', NOT_FOUND),
  to('/convex/synchronise', NOT_FOUND),
  to('/convex/sync/batch', NOT_FOUND),
  to('/convex/sync/..', NOT_FOUND),
  to('/convex/sync/.', NOT_FOUND),
  to('/convex/sync;x', NOT_FOUND),
  to('/x/convex/sync', NOT_FOUND),
  to('/convex/sync+', NOT_FOUND),
  to('http://localhost/', NOT_FOUND),
  to('http://localhost', NOT_FOUND),

  by('GET', '/'),
  by('GET', '/favicon.ico'),
  by('HEAD', '/nothing'),
  by('PUT', '/nothing', BODY),
  by('DELETE', '/nothing'),
  by('OPTIONS', '/nothing'),
  by('PATCH', '/nothing', BODY),

  by('GET'),
  by('HEAD'),
  by('PUT', '/convex/sync', BODY),
  by('PATCH', '/convex/sync', BODY),
  by('DELETE'),
  by('OPTIONS'),
  by('GET', '/convex/sync?x=1'),
  row(
    'GET without a secret',
    post({ method: 'GET', body: undefined, headers: [HOST] }),
    NOT_FOUND,
    { method: 'GET' },
  ),
];
