// SPDX-License-Identifier: MIT
// Waiting for things to happen: by asking again until a deadline, never by sleeping and hoping.

import { setTimeout as sleep } from 'node:timers/promises';

// Only what never comes takes so long: sanitizers, disks and whatever else the machine does make
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

// The promise's result, or an Error when it does not come in time.
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
