// SPDX-License-Identifier: MIT
// How many functions run at once. get-convex/convex-backend
// crates/application/src/application_function_runner/mod.rs: a call waits 5 s for a slot at most
// (crates/common/src/knobs.rs: APPLICATION_FUNCTION_RUNNER_SEMAPHORE_TIMEOUT) and is then refused;
// there are 16 on the free and starter plans and where one hosts Convex oneself, for mutations and
// for queries each.

import { HttpError } from './errors.mjs';

const WAIT_MS = 5000;

export class Slots {
  constructor(kind, total) {
    Object.assign(this, { kind, total, free: total, waiting: [] });
  }

  // Runs a function when a slot is free.
  async within(run) {
    await this.take();
    try {
      return await run();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }

  take() {
    if (this.free > 0) {
      this.free -= 1;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(given), 1);
        reject(tooMany(this.kind, this.total));
      }, WAIT_MS);
      const given = () => {
        clearTimeout(timer);
        resolve();
      };
      this.waiting.push(given);
    });
  }
}

const tooMany = (kind, total) =>
  new HttpError(
    429,
    'TooManyConcurrentRequests',
    `Too many concurrent requests. Your backend is limited to ${total} concurrent ${kind.toLowerCase()}s. To get more resources, upgrade to Convex Pro. If you are already on Convex Pro, please contact support.`,
  );
