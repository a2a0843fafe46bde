// SPDX-License-Identifier: MIT
// Signals that no relay ends by: a reload that comes before it can be done, and what other programs
// are told by signals.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { RELAY_BUILD, SECRET, spawnRelay, startRelay, sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { within } from '../lib/wait.mjs';

// SIGUSR1 makes nginx open its log again, and dd report; a limit of file sizes raises SIGXFSZ.
const IGNORED = [
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGVTALRM',
  'SIGPROF',
  'SIGIO',
  'SIGPIPE',
  'SIGXFSZ',
  'SIGPWR',
];

// At the very beginning: the relay reads the secret from a pipe into which nobody has written yet,
// when the signals come.
async function startSignalled(t, signals) {
  const files = makeFolder(t);
  const secret = files.path('secret');
  execFileSync('mkfifo', [secret]);
  const upstream = await startUpstream(t);
  const relay = spawnRelay(t, {
    env: { CONVEX_URL: upstream.url, SYNC_SECRET: undefined, SYNC_SECRET_FILE: secret },
  });
  const pipe = await within('a reader of the secret', open(secret, 'w'));
  rmSync(secret);
  files.write('secret', SECRET); // for a reload
  signals.forEach(relay.signal);
  await pipe.write(SECRET);
  await pipe.close();
  const [, port] = await relay.find('stderr', /listening address=[\d.]+:(\d+)/);
  return { relay, url: `http://127.0.0.1:${port}` };
}

async function assertServes(relay) {
  assert.equal((await sync(relay, userEvent('acc_1'))).status, 200);
}

test('SIGHUP before anything is read: it starts, and reloads then', async (t) => {
  const { relay, url } = await startSignalled(t, ['SIGHUP']);
  await relay.find('stderr', /reloaded/);
  await assertServes({ url });
});

test('signals that mean nothing here, before anything is read: it starts', async (t) => {
  const { url } = await startSignalled(t, IGNORED);
  await assertServes({ url });
});

// The linker is done with the relay then, and main() has yet to begin.
const PRELOADED = process.env.RELAY_SANITIZED ? 'a sanitizer has to be loaded first' : false;
test(
  'signals while libraries make themselves ready: it starts, and reloads then',
  { skip: PRELOADED },
  async (t) => {
    const upstream = await startUpstream(t);
    const library = path.join(RELAY_BUILD, 'tests/lib/libearly-signals.so');
    assert.ok(existsSync(library));
    const numbers = ['SIGHUP', ...IGNORED].map((signal) => constants.signals[signal]);
    const relay = await startRelay(t, {
      env: { CONVEX_URL: upstream.url, LD_PRELOAD: library, EARLY_SIGNALS: numbers.join() },
    });
    await relay.find('stderr', /reloaded/);
    await assertServes(relay);
  },
);

for (const signal of IGNORED) {
  test(`${signal} while it serves: it serves on`, async (t) => {
    const upstream = await startUpstream(t);
    const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url } });
    relay.signal(signal);
    await assertServes(relay);
  });
}

// A shell without job control starts what is in its background with SIGINT ignored; nohup(1)
// ignores SIGHUP.
test('SIGTERM stops it and SIGHUP is a reload, whatever was ignored when it was started', async (t) => {
  const upstream = await startUpstream(t);
  const under = ['sh', '-c', 'trap \'\' HUP TERM INT; exec "$0"'];
  const relay = await startRelay(t, { under, env: { CONVEX_URL: upstream.url } });
  relay.signal('SIGHUP');
  await relay.find('stderr', /reloaded/);
  await relay.stop();
});
