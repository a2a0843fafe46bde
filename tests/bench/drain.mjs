// SPDX-License-Identifier: MIT
// A backlog that goes to Convex.

import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_S = 600;

// Waits until Convex has received so many events. {firstS: until the first, drainS: from there to
// the last, drainPerSecond, drainCpuUs}.
export async function drain(server, convex, events) {
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  const before = server.usage.cpu();
  let firstS;
  for (let calls = 0; calls < events; calls = await convex.calls()) {
    if (calls > 0) firstS ??= seconds();
    if (seconds() > PATIENCE_S)
      throw new Error(`${calls} of ${events} events reached Convex in ${PATIENCE_S} s`);
    await sleep(20);
  }
  const endS = seconds();
  firstS ??= endS;
  const after = server.usage.cpu();
  return {
    firstS,
    drainS: endS - firstS,
    drainPerSecond: events / (endS - firstS),
    drainCpuUs: ((after.cpuS - before.cpuS) * 1e6) / events,
  };
}
