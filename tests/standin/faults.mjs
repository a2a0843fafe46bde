// SPDX-License-Identifier: MIT
// Trouble on request. `POST /_standin/faults` sets it, `DELETE` ends it:
//
//   { "latencyMs": 20,        every call takes that long before its function runs
//     "redact": true,         function errors are cut as in production
//     "next": [ FAULT, ... ]  what happens to the next calls, in order of arrival }
//
// A FAULT is one of
//   {"status": 502, "body": "...", "headers": {}}   this answer; body may be any JSON
//   {"conflict": true}      503 OptimisticConcurrencyControlFailure
//   {"overload": true}      429 TooManyConcurrentRequests
//   {"refuse": "permission"}  a function error of Convex's own, by its name in errors.mjs
//   {"reset": true}         the connection is reset
//   {"close": true}         the connection is closed without an answer
//   {"hang": true}          no answer, until the client leaves
//   {"trickle": 50}         the true answer, one byte every so many milliseconds
//   {"pass": true}          nothing
// and takes besides
//   "when": "after"         the function has run by then (default "before": it never does)
//   "times": 3              so many calls (default 1; 0: until the faults are set anew)
//   "match": "acc_1"        only calls whose body holds this text
//   "path": "/api/query"    only calls of this endpoint (default "/api/mutation"; "*": any)
//   "latencyMs": 500        instead of the general one

import { REFUSALS } from './errors.mjs';

const KINDS = [
  'status',
  'conflict',
  'overload',
  'refuse',
  'reset',
  'close',
  'hang',
  'trickle',
  'pass',
];
const MODIFIERS = ['body', 'headers', 'when', 'times', 'match', 'path', 'latencyMs'];
const SETTINGS = ['latencyMs', 'redact', 'next'];

export class Faults {
  constructor() {
    this.clear();
  }

  clear() {
    this.latencyMs = 0;
    this.redact = false;
    this.next = [];
  }

  // Changes the settings that are named. Throws an Error that says what is wrong with them.
  set(settings) {
    for (const key of Object.keys(settings)) {
      if (!SETTINGS.includes(key)) throw new Error(`unknown setting ${key}`);
    }
    const next = settings.next?.map(checked);
    if (settings.latencyMs !== undefined) this.latencyMs = settings.latencyMs;
    if (settings.redact !== undefined) this.redact = settings.redact;
    if (next !== undefined) this.next = next;
  }

  // What happens to this call.
  take(path, body) {
    const at = this.next.findIndex(
      (fault) => (fault.path === '*' || fault.path === path) && body.includes(fault.match),
    );
    if (at < 0) return { pass: true, latencyMs: this.latencyMs };
    const fault = this.next[at];
    if (fault.times > 0) {
      fault.times -= 1;
      if (fault.times === 0) this.next.splice(at, 1);
    }
    return { latencyMs: this.latencyMs, ...fault };
  }

  show() {
    return { latencyMs: this.latencyMs, redact: this.redact, next: this.next };
  }
}

function checked(fault) {
  const keys = Object.keys(fault);
  const unknown = keys.find((key) => !KINDS.includes(key) && !MODIFIERS.includes(key));
  if (unknown !== undefined) throw new Error(`unknown member ${unknown} of a fault`);
  if (keys.filter((key) => KINDS.includes(key)).length !== 1) {
    throw new Error(`a fault is one of ${KINDS.join(', ')}`);
  }
  if (fault.refuse !== undefined && !Object.hasOwn(REFUSALS, fault.refuse)) {
    throw new Error(`a refusal is one of ${Object.keys(REFUSALS).join(', ')}`);
  }
  return {
    when: 'before',
    times: 1,
    match: '',
    path: '/api/mutation',
    ...cannedAnswer(fault),
    ...fault,
  };
}

function cannedAnswer(fault) {
  if (fault.conflict) {
    return {
      status: 503,
      body: {
        code: 'OptimisticConcurrencyControlFailure',
        message:
          'Documents read from or written to the "posts" table changed while this mutation was being run and on every subsequent retry. See https://docs.convex.dev/error#1',
      },
    };
  }
  if (fault.overload) {
    return {
      status: 429,
      body: {
        code: 'TooManyConcurrentRequests',
        message:
          'Too many concurrent requests. Your backend is limited to 16 concurrent mutations. To get more resources, upgrade to Convex Pro. If you are already on Convex Pro, please contact support.',
      },
    };
  }
  return {};
}
