// SPDX-License-Identifier: MIT
// What the stand-in, other than convex-test, knows of a transaction: what was changed, and what was
// read.

import { AsyncLocalStorage } from 'node:async_hooks';

const current = new AsyncLocalStorage();

// Runs a query or a mutation. Resolves with {value, changes}.
export async function inTransaction(run) {
  const changes = [];
  const reads = { ranges: new Set(), documents: 0, bytes: 0 };
  const value = await current.run({ changes, reads, isNested: false }, run);
  return { value, changes };
}

// Runs a function within the transaction that is running. What throws has changed nothing, but it
// has read. Rejects with the error of the function's handler (`thrown`, if set), of which
// convex/server would leave the message alone.
export async function inSubtransaction(run) {
  const outer = current.getStore();
  const own = { ...outer, changes: [], isNested: true, thrown: undefined };
  try {
    const value = await current.run(own, run);
    outer.changes.push(...own.changes);
    return value;
  } catch (error) {
    throw own.thrown ?? error;
  }
}

// The transaction that is running; undefined outside of any.
export const transaction = () => current.getStore();
