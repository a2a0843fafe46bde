// SPDX-License-Identifier: MIT
// What no log may hold: secrets, and what records are made of. Every relay that a test starts is
// looked at when it ends, at the level debug unless the test says otherwise.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

// Values of the tests' records hold one of these: addresses of users, and what tests plant.
const MARKS = ['@example.com', 'PLANTED-'];

const SECRETS = ['SYNC_SECRET', 'SYNC_SECRET_PREVIOUS', 'CONVEX_DEPLOY_KEY'];
const MEANT_MIN = 8; // a shorter secret could stand there by chance

function secretsOf(env) {
  const read = (file) => {
    try {
      return readFileSync(file, 'utf8').trimEnd();
    } catch {
      return ''; // the test has taken it away
    }
  };
  return SECRETS.flatMap((name) => [
    env[name],
    env[`${name}_FILE`] && read(env[`${name}_FILE`]),
  ]).filter((secret) => secret && secret.length >= MEANT_MIN);
}

// Throws where a text, such as all that a relay has logged, tells too much. env: what the relay
// got.
export function assertDiscreet(text, env = {}) {
  for (const mark of [...MARKS, ...secretsOf(env)]) {
    const line = text.split('\n').find((one) => one.includes(mark));
    assert.equal(line, undefined, `the log tells ${mark}`);
  }
}
