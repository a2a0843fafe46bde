// SPDX-License-Identifier: MIT
// How the tables in cases/ write a case: a name, the bytes of a request, what Convex answers, and
// what the router is expected to do. To expect the answer keeps a case from passing where both
// sides refuse for a reason that nobody meant.

import { SECRET } from '../lib/relay.mjs';
import { rawRequest } from '../lib/rawhttp.mjs';
import { SUCCESS } from '../lib/upstream.mjs';

// What the router answers, and how many requests then reach Convex.
export const DONE = { status: 200, sends: 1 };
export const IGNORED = { status: 200, sends: 0 };
export const REFUSED = { status: 500, sends: 0 };
export const FAILED = { status: 500, sends: 1 };
export const UNAUTHORIZED = { status: 401, sends: 0 };
export const NOT_FOUND = { status: 404, sends: 0 };

export const USER = '{"bladeId":"acc_1","email":"a@example.com"}';
export const BODY = `{"model":"users","operation":"add","data":${USER},"hiveId":"acc_1"}`;

export const HOST = ['Host', 'localhost'];
export const AUTH = ['X-Sync-Secret', SECRET];
export const JSON_TYPE = ['Content-Type', 'application/json'];

// The bytes of a request that is right but for what the case says.
export function post({ target = '/convex/sync', headers = [HOST, JSON_TYPE, AUTH], ...rest }) {
  return rawRequest({ method: 'POST', target, headers, body: BODY, ...rest });
}

// A whole body (string or Buffer) in an otherwise right request.
export function withBody(name, body, expected, answer) {
  return row(name, post({ body }), expected, { answer });
}

// A value of `data`, written as JSON, for a model with a route.
export function withData(name, data, expected, answer) {
  return withBody(
    name,
    `{"model":"users","operation":"set","data":${data},"hiveId":"x"}`,
    expected,
    answer,
  );
}

// request: bytes, or a function that writes them (see exchange() in rawhttp.mjs).
export function row(name, request, expected, { method = 'POST', answer = SUCCESS } = {}) {
  return { name, request, method, expected, answer };
}
