// SPDX-License-Identifier: MIT
// What a measurement has started, and how all of it ends: tests/lib wants a test's context, and
// gets a scope.

const open = new Set();

export function makeScope() {
  const ends = [];
  const self = {
    after: (end) => ends.push(end),
    // The last one first.
    async end() {
      while (ends.length > 0) await ends.pop()();
      open.delete(self);
    },
  };
  open.add(self);
  return self;
}

// For when the whole run ends before its time.
export async function endAllScopes() {
  for (const scope of [...open].reverse()) await scope.end();
}

// Runs work(scope), and ends all that was started, also after a failure.
export async function withScope(work) {
  const scope = makeScope();
  try {
    return await work(scope);
  } finally {
    await scope.end();
  }
}
