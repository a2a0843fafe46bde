// SPDX-License-Identifier: MIT
// Convex's answers outside a function's own result: a status with {"code", "message"}, or no body.
// Source: get-convex/convex-backend crates/common/src/http/mod.rs, crates/errors/src/lib.rs.

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
