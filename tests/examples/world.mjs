// SPDX-License-Identifier: MIT
// The examples at work: a stand-in for Convex that runs examples/convex, and a relay with
// examples/routes.json in front of it.

import { fileURLToPath } from 'node:url';
import { startRelay } from '../lib/relay.mjs';
import { startStandin } from '../lib/standin.mjs';

const example = (path) => fileURLToPath(new URL(`../../examples/${path}`, import.meta.url));
const DEPLOY_KEY = 'prod:stand-in|0123456789abcdef';

export async function startWorld(t, env = {}) {
  const standin = await startStandin(t, {
    args: ['--functions', example('convex'), '--deploy-key', DEPLOY_KEY],
  });
  const relay = await startRelay(t, {
    env: {
      CONVEX_URL: standin.url,
      CONVEX_DEPLOY_KEY: DEPLOY_KEY,
      ROUTES: example('routes.json'),
      ...env,
    },
  });
  const rows = async (table) =>
    (await standin.records(table)).map(({ _id, _creationTime, ...fields }) => fields);
  return { standin, relay, rows };
}
