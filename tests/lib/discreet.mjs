// SPDX-License-Identifier: MIT
// What no log may hold: secrets and parts of records. The log of every relay that a test starts is
// checked when that relay ends. The level is debug, unless the test sets another.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

// Each value in the tests' records holds one of these: users' addresses, and words that tests
// plant.
const MARKS = ['@example.com', 'PLANTED-'];

const SECRETS = ['SYNC_SECRET', 'SYNC_SECRET_PREVIOUS', 'CONVEX_DEPLOY_KEY'];

// The passwords of a database's URI, as it has them and decoded.
const passwordsOf = (uri = '') =>
  [...uri.matchAll(/^\w+:\/\/[^/?@]*?:([^/?@]*)@|[?&](?:ssl)?password=([^&]*)/g)]
    .map(([, first, second]) => first ?? second)
    .flatMap((password) => [password, unescape(password)]);
const SECRET_MIN = 8; // bytes; a shorter secret could stand in a log by chance

function secretsOf(env) {
  const read = (file) => {
    try {
      return readFileSync(file, 'utf8').trimEnd();
    } catch {
      return ''; // the test has removed the file
    }
  };
  const both = (name) => [env[name], env[`${name}_FILE`] && read(env[`${name}_FILE`])];
  const uris = both('OUTBOX').filter((text) => /^postgres(ql)?:/.test(text));
  return [...SECRETS.flatMap(both), ...uris.flatMap(passwordsOf)].filter(
    (secret) => secret && secret.length >= SECRET_MIN,
  );
}

// Throws if a text, such as a relay's whole log, holds what no log may hold. env: the relay's
// environment.
export function assertDiscreet(text, env = {}) {
  for (const mark of [...MARKS, ...secretsOf(env)]) {
    const line = text.split('\n').find((one) => one.includes(mark));
    assert.equal(line, undefined, `the log tells ${mark}`);
  }
}
