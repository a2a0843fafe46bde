// SPDX-License-Identifier: MIT
// Waiting for something to happen: by asking again until a deadline, never by a sleep.

import { setTimeout as sleep } from 'node:timers/promises';

// Only a wait for what never comes takes so long. Sanitizers, disks and a busy machine make
// everything slower.
export const PATIENCE_MS = 120_000;

// The first truthy result of probe(). Throws after the deadline, saying what was waited for.
export async function waitFor(what, probe, timeoutMs = PATIENCE_MS) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await probe();
    if (result) return result;
    if (performance.now() > deadline) throw new Error(`timed out waiting for ${what}`);
    await sleep(5);
  }
}

// The promise's result; throws an Error if it does not come in time.
export async function within(what, promise, timeoutMs = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`timed out waiting for ${what}`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
