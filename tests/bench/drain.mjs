// SPDX-License-Identifier: MIT
// A backlog: how one grows while Convex is away, and how it goes.

import { setTimeout as sleep } from 'node:timers/promises';
import { runWrk } from './wrk.mjs';

const PATIENCE_S = 600;
const ACCEPT_LIMIT_S = 120;

// Sends so many events, each of another record, to a server that cannot reach Convex, from 64
// clients. {acceptS, accepted: those that were answered 202, and what else wrk reports}.
export const sendDuringOutage = (scope, server, events) =>
  runWrk(scope, server.port, {
    clients: 64,
    seconds: ACCEPT_LIMIT_S,
    records: events,
    answers: events,
    status: 202,
  });

// Waits until Convex has received so many events. {firstS: until the first, drainS: from there to
// the last, drainPerSecond, drainCpuUs}.
export async function drain(server, convex, events) {
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  const before = server.usage.cpu();
  let firstS;
  for (let came = 0; came < events; came = await convex.events()) {
    if (came > 0) firstS ??= seconds();
    if (seconds() > PATIENCE_S)
      throw new Error(`${came} of ${events} events reached Convex in ${PATIENCE_S} s`);
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
