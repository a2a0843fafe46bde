// SPDX-License-Identifier: MIT
// Convex's answers outside a function's own result: a status with {"code", "message"}, or no body.
// Source: get-convex/convex-backend crates/common/src/http/mod.rs, crates/errors/src/lib.rs.

import { TEXTS } from './limits.mjs';

export class HttpError extends Error {
  constructor(status, code, message, headers = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }

  body() {
    if (this.code === undefined) return '';
    return JSON.stringify({ code: this.code, message: this.message });
  }
}

export const badJson = (message) => new HttpError(400, 'BadJsonBody', message);

const UNCAUGHT = (text) => `Uncaught Error: ${text}\n    at handler (../convex/users.ts:12:5)`;

// What Convex answers as a function error although the call is not at fault, by the file below
// get-convex/convex-backend crates/ that has the text.
export const REFUSALS = {
  // roles/src/eval.rs, for a deploy key without that right
  permission:
    'You do not have permission to perform this operation (deployment:functions:runInternalMutations).',
  // udf/src/validation.rs
  kind: 'Trying to execute users.js:syncFromBlade as Mutation, but it is defined as Action.',
  version:
    'Convex functions at or below version 0.19.1 are no longer supported. Update your Convex npm package and then push your functions again with `npx convex deploy` or `npx convex dev`.',
  paused:
    'Cannot run functions while this deployment is paused. Resume the deployment in the dashboard settings to allow functions to run.',
  // isolate/src/termination.rs
  timeout: 'Function execution timed out (maximum duration: 1s)',
  systemTimeout: 'Your request timed out performing too many system operations.',
  // udf/src/helpers.rs
  arguments: 'Arguments for users.js:syncBatch are too large (actual: 17 MiB, limit: 16 MiB)',
  // database/src/{reads,writes}.rs: what a function meets, and does not catch
  documents: UNCAUGHT(TEXTS.documentsRead(32_000)),
  bytesRead: UNCAUGHT(TEXTS.bytesRead(16 * 2 ** 20)),
  reads: UNCAUGHT(TEXTS.databaseQueries(4096)),
  writes: UNCAUGHT(TEXTS.documentsWritten(16_000)),
  bytesWritten: UNCAUGHT(TEXTS.bytesWritten(16 * 2 ** 20)),
};
