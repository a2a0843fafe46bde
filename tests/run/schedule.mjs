// SPDX-License-Identifier: MIT
// Which suites run at once.

// Runs jobs suites at once, and behind them those that measure, one after the other: what an event
// costs depends on how many share a commit. run: called with a suite; returns a promise.
export async function runAll(suites, { jobs, isMeasured, run }) {
  const beside = suites.filter((suite) => !isMeasured(suite.label));
  const alone = suites.filter((suite) => isMeasured(suite.label));
  await Promise.all(Array.from({ length: jobs }, () => runFrom(beside, run)));
  await runFrom(alone, run);
}

// Takes suites from the front of the queue, until it is empty.
async function runFrom(queue, run) {
  for (let suite = queue.shift(); suite; suite = queue.shift()) await run(suite);
}
