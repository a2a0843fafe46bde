// SPDX-License-Identifier: MIT
// The relay under test. RELAY_BIN names the binary; unset: build/convex-relay. RELAY_BUILD names
// the folder of all else that was built, if that folder is another one.

import assert from 'node:assert/strict';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild } from './child.mjs';
import { assertDiscreet } from './discreet.mjs';
import { placeOutbox } from './outbox-place.mjs';
import { waitFor, within } from './wait.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const RELAY_BIN = path.resolve(ROOT, process.env.RELAY_BIN ?? 'build/convex-relay');

export const RELAY_BUILD = process.env.RELAY_BUILD ?? path.dirname(RELAY_BIN);

export const SECRET = 'a-secret-for-tests';

const DEFAULTS = {
  SYNC_SECRET: SECRET,
  HOST: '127.0.0.1',
  PORT: '0',
  ADMIN_PORT: 'off',
  OUTBOX: 'off',
  LOG_LEVEL: 'debug',
  // Waits that a test does not set are so long that they do not end, however slow a busy machine
  // is.
  SYNC_WAIT_MS: '100000',
  CONVEX_TIMEOUT_MS: '100000',
  REQUEST_TIMEOUT_MS: '100000',
};

// The relay gets nothing of the caller's environment but what a sanitizer build needs.
const inherited = () =>
  Object.fromEntries(
    ['PATH', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'LD_LIBRARY_PATH']
      .filter((name) => process.env[name] !== undefined)
      .map((name) => [name, process.env[name]]),
  );

// The relay's environment; undefined unsets a default.
export function relayEnv(env) {
  const wanted = Object.entries({ ...inherited(), ...DEFAULTS, ...placeOutbox(env) });
  return Object.fromEntries(wanted.filter(([, value]) => value !== undefined));
}

// Runs convex-relay with arguments, without waiting. under: a command that becomes the relay.
export function spawnRelay(
  t,
  { env = {}, args = [], under = [], cwd = ROOT, atEnd = async () => {} } = {},
) {
  const all = relayEnv(env);
  const [command, ...rest] = [...under, RELAY_BIN, ...args];
  return startChild(t, command, rest, {
    cwd,
    env: all,
    atEnd: (child) =>
      atEnd(child).finally(() => {
        assertSane(child);
        assertDiscreet(child.stderr(), all);
      }),
  });
}

// Runs convex-relay, as spawnRelay() does, to its end: {code, out, err}.
export async function runRelay(t, options) {
  const child = spawnRelay(t, options);
  const { code } = await within('the end of the command', child.exited);
  return { code, out: child.stdout(), err: child.stderr() };
}

// Starts the relay and waits until it listens. Returns what startChild returns, the address, stop()
// and reload(). A relay that still runs at the end of the test is stopped as by stop().
export async function startRelay(t, options) {
  const child = spawnRelay(t, {
    ...options,
    atEnd: async (self) => {
      if (self.isRunning()) await stopRelay(self);
    },
  });
  const [, host, port] = await child.find(
    'stderr',
    /listening\b.*?((?:\d+\.){3}\d+|\[[0-9a-f:]+\]):(\d+)/,
  );
  const hasAdmin = relayEnv(options?.env).ADMIN_PORT !== 'off';
  const admin =
    hasAdmin &&
    (await child.find('stderr', /admin listening\b.*?((?:(?:\d+\.){3}\d+|\[[0-9a-f:]+\]):\d+)/));
  return {
    ...child,
    admin: admin ? `http://${admin[1]}` : null,
    host: host.replace(/[[\]]/g, ''),
    port: Number(port),
    url: `http://${host}:${port}`,
    stop: (signal) => stopRelay(child, signal),
    reload: () => reloadRelay(child),
  };
}

// Stops the relay as systemd would. The relay must end by itself, with exit code 0.
async function stopRelay(child, signal = 'SIGTERM') {
  child.signal(signal);
  await assertEnded(child);
}

// Begins a stop, and waits until the relay says so.
export async function beginStop(relay, signal = 'SIGTERM') {
  relay.signal(signal);
  await relay.find('stderr', /stopping/);
}

// The relay ends by itself, with that exit code.
export async function assertEnded(relay, code = 0) {
  const end = await within('the end of the relay', relay.exited);
  assert.deepEqual(end, { code, signal: null }, relay.stderr());
}

// Has the relay read its settings again. Returns the line of the log about the outcome.
async function reloadRelay(child) {
  const told = () =>
    child
      .stderr()
      .split('\n')
      .slice(0, -1) // the last one is not whole
      .filter((line) => line.includes('reloaded'));
  const before = told().length;
  child.signal('SIGHUP');
  await waitFor('the reload', () => told().length > before);
  return told()[before];
}

function assertSane(child) {
  const report = /ERROR: (Address|Leak|Thread|Memory)Sanitizer|runtime error:|^==\d+== /m.exec(
    child.stderr(),
  );
  assert.equal(report, null, `a sanitizer speaks:\n${child.stderr()}`);
}

// Sends one event as the Blade helper does.
export function sync(relay, body, { secret = SECRET, path = '/convex/sync', ...init } = {}) {
  return fetch(relay.url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Sync-Secret': secret },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
  });
}
