// SPDX-License-Identifier: MIT
// The far side where it matters how many events a call brings: a Convex that takes some time for
// each call and for each item, in a separate process.

import { fileURLToPath } from 'node:url';
import { startChild } from '../lib/child.mjs';

const MAIN = fileURLToPath(new URL('paced-convex-main.mjs', import.meta.url));

// As Convex's smaller plan: 16 mutations at once.
const PACE = { callMs: 20, itemMs: 0.2, atOnce: 16 };

// Starts Convex on `port`, or a free one, until the end of the scope. {url, port, answered(): the
// {calls, events} that were answered, events(): how many events}.
export async function startPacedConvex(scope, { port = 0, ...pace } = {}) {
  const { callMs, itemMs, atOnce } = { ...PACE, ...pace };
  const args = [MAIN, port, callMs, itemMs, atOnce].map(String);
  const child = startChild(scope, process.execPath, args, { env: { PATH: process.env.PATH } });
  const [, taken] = await child.find('stdout', /listening on (\d+)/);
  const url = `http://127.0.0.1:${taken}`;
  const answered = async () => (await fetch(url)).json();
  return { url, port: Number(taken), answered, events: async () => (await answered()).events };
}
