// SPDX-License-Identifier: MIT
// The short form of ./dev soak: kill -9 at any moment, and nothing that was acknowledged is lost.

import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { crash } from './driver.mjs';
import { assertNoViolations } from './history.mjs';

const onPostgres = Boolean(process.env.RELAY_OUTBOX);
const LIVES = process.env.RELAY_SANITIZED ? 10 : 28;
const seed = Number(process.env.CRASH_SEED ?? randomInt(2 ** 32));

test(`${LIVES} processes on one outbox, seed ${seed}`, async (t) => {
  const run = await crash({ seed, lives: LIVES, onPostgres });
  t.diagnostic(JSON.stringify(run.figures));
  assertNoViolations(run, `CRASH_SEED=${seed}`);
});
