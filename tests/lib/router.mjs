// SPDX-License-Identifier: MIT
// The guide's router in a process of its own: the program that the relay replaces and is compared
// with.

import { fileURLToPath } from 'node:url';
import { startChild } from './child.mjs';
import { SECRET } from './relay.mjs';

const MAIN = fileURLToPath(new URL('router-main.mjs', import.meta.url));

// Starts the router for a Convex URL, until the test's end. `command` runs it: Node, or Bun.
export async function startRouter(t, { convexUrl, command = process.execPath, env = {} }) {
  const child = startChild(t, command, [MAIN], {
    env: { PATH: process.env.PATH, CONVEX_URL: convexUrl, SYNC_SECRET: SECRET, ...env },
  });
  const [, port] = await child.find('stdout', /listening on (\d+)/);
  return { ...child, port: Number(port), url: `http://127.0.0.1:${port}` };
}
