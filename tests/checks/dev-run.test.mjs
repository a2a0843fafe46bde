// SPDX-License-Identifier: MIT
// ./dev run, as a newcomer has it: the printed command works as it stands, and Ctrl-C ends all that
// was started.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startChild } from '../lib/child.mjs';
import { DELIVERED } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { waitFor, within } from '../lib/wait.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LIMIT_MS = 300_000; // it builds what is not built yet

test('./dev run', async (t) => {
  const { PATH, HOME } = process.env;
  const OUTBOX = makeFolder(t).path('outbox.db');
  // An empty CONVEX_URL counts as none, and ./dev run does not take another one from .env.
  const env = { PATH, HOME, OUTBOX, CONVEX_URL: '', PORT: '0', ADMIN_PORT: '0' };
  const dev = startChild(t, './dev', ['run'], {
    cwd: ROOT,
    env,
    atEnd: async (self) => {
      self.signal('SIGTERM'); // which it passes on
      await within('the end of ./dev run', self.exited);
    },
  });
  const [command] = await waitFor(
    'the curl command',
    () => {
      assert.ok(dev.isRunning(), dev.stderr());
      return /^curl -X POST http[^]*?\}'$/m.exec(dev.stderr());
    },
    LIMIT_MS,
  );

  const { stdout } = await promisify(execFile)('bash', ['-c', command], { env: { PATH } });
  assert.equal(stdout, DELIVERED);
  await dev.find('stdout', /convex stand-in: .*test123/);
  dev.signal('SIGINT');
  assert.deepEqual(await within('the end of ./dev run', dev.exited), { code: 0, signal: null });
});
