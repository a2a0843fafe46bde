// SPDX-License-Identifier: MIT
// The short form of ./dev soak: kill -9 at any moment, and nothing that was acknowledged is lost.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { crash } from './driver.mjs';

const LIVES = process.env.RELAY_SANITIZED ? 10 : 28;
const seed = Number(process.env.CRASH_SEED ?? randomInt(2 ** 32));

test(`${LIVES} processes on one outbox, seed ${seed}`, async (t) => {
  const { violations, figures, folder } = await crash({ seed, lives: LIVES });
  t.diagnostic(JSON.stringify(figures));
  const told = violations
    .slice(0, 20)
    .map(({ kind, text }) => `${kind}: ${text}`)
    .join('\n');
  assert.equal(
    violations.length,
    0,
    `replay with CRASH_SEED=${seed}; see ${folder}\n${JSON.stringify(figures)}\n${told}`,
  );
});
