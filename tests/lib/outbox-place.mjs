// SPDX-License-Identifier: MIT
// Where a test's outbox is. A suite names a file. Where the run says RELAY_OUTBOX, the URI of a
// database, the file stands for a schema there, whose name is made of the file's. A relay for which
// the suite names none has a schema of its own there.

import { createHash } from 'node:crypto';
import path from 'node:path';

const DATABASE = process.env.RELAY_OUTBOX;
export const isInDatabase = Boolean(DATABASE); // which has no file: an empty outbox has no byte
let unnamed = 0;

// The environment of a relay or command, with the outbox where this run has it.
export function placeOutbox(env) {
  if (!DATABASE || env.OUTBOX_FILE) return env;
  const { OUTBOX = `${process.pid}/${unnamed++}` } = env;
  if (OUTBOX === 'off' || /^postgres(ql)?:/.test(OUTBOX)) return env;
  const name = createHash('sha256').update(path.resolve(OUTBOX)).digest('hex').slice(0, 24);
  return { ...env, OUTBOX: DATABASE, OUTBOX_SCHEMA: `test_${name}` };
}
