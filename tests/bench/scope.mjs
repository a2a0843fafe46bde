// SPDX-License-Identifier: MIT
// What a measurement has started, and how it ends: tests/lib wants a test's context, and gets this.

export function makeScope() {
  const ends = [];
  return {
    after: (end) => ends.push(end),
    // The last one first.
    async end() {
      while (ends.length > 0) await ends.pop()();
    },
  };
}

// Runs work(scope) and ends what it has started, whatever comes of it.
export async function withScope(work) {
  const scope = makeScope();
  try {
    return await work(scope);
  } finally {
    await scope.end();
  }
}
