// SPDX-License-Identifier: MIT
// The local stand-in for Convex, for a test.

import { fileURLToPath } from 'node:url';
import { startChild } from './child.mjs';

const MAIN = fileURLToPath(new URL('../standin/main.mjs', import.meta.url));

// Starts the stand-in and ends it with the test.
export async function startStandin(t, { args = [] } = {}) {
  const child = startChild(t, process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH },
  });
  const [, url] = await child.find('stdout', /listening on (http:\S+)/);
  const ask = async (method, path, body) => {
    const response = await fetch(`${url}/_standin/${path}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  };
  return {
    ...child,
    url,
    records: (table) => ask('GET', `records?table=${table}`),
    log: () => ask('GET', 'log'),
    clearLog: () => ask('DELETE', 'log'),
    setFaults: (faults) => ask('POST', 'faults', faults),
    clearFaults: () => ask('DELETE', 'faults'),
  };
}
