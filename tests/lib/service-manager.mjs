// SPDX-License-Identifier: MIT
// The service manager of service-manager.c, which holds the sockets while a relay restarts.

import path from 'node:path';
import { startChild } from './child.mjs';
import { makeFolder } from './files.mjs';
import { RELAY_BIN, RELAY_BUILD, relayEnv, SECRET } from './relay.mjs';
import { waitFor } from './wait.mjs';

const MANAGER = path.join(RELAY_BUILD, 'tests/lib/service-manager');

// The service manager with its sockets, and the relay not started yet. command: what it starts in
// the relay's place, which becomes the relay.
export async function startManager(t, options = {}) {
  const { names = 'sync', watchdogMs = 0, env = {}, command = RELAY_BIN } = options;
  const files = makeFolder(t, { secret: SECRET });
  const child = startChild(
    t,
    MANAGER,
    [files.folder, String(watchdogMs * 1000), names, '--', command],
    {
      env: relayEnv({
        CONVEX_URL: 'http://127.0.0.1:9',
        SYNC_SECRET: undefined,
        SYNC_SECRET_FILE: files.path('secret'),
        ...env,
      }),
      atEnd: async (self) => {
        self.signal('SIGTERM');
        await self.exited;
      },
    },
  );
  const [, ports] = await child.find('stdout', /^listening(.*)\n/);
  const lines = (pattern) => [...child.stdout().matchAll(pattern)].map(([, found]) => found);
  const count = async (what, pattern, n) => {
    await waitFor(
      `${what} (${n})\n${child.stdout()}${child.stderr()}`,
      () => lines(pattern).length >= n,
    );
    return lines(pattern)[n - 1];
  };
  let starts = 0;
  return {
    ...child,
    files,
    port: Number(ports.trim().split(' ')[0]),
    notified: () => lines(/^notified (.*)\n/gm),
    // Starts the relay and waits for the message READY=1. Gives the relay's process id.
    async start() {
      starts += 1;
      child.signal('SIGUSR1');
      const pid = Number(await count('the start', /^started (\d+)\n/gm, starts));
      await count('READY', /^notified (READY=1 STATUS=Serving on \S+)\n/gm, starts);
      return pid;
    },
    notifications: (pattern, n = 1) => count(String(pattern), pattern, n),
    ended: (n = 1) => count('the end', /^ended (.*)\n/gm, n),
  };
}
