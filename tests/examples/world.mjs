// SPDX-License-Identifier: MIT
// The examples at work: a stand-in for Convex that runs examples/convex, and a relay with
// examples/routes.json in front of it.

import { fileURLToPath } from 'node:url';
import { ConvexHttpClient } from 'convex/browser';
import { startRelay } from '../lib/relay.mjs';
import { startStandin } from '../lib/standin.mjs';

const example = (path) => fileURLToPath(new URL(`../../examples/${path}`, import.meta.url));
export const DEPLOY_KEY = 'prod:stand-in|0123456789abcdef';
export const ROUTES = example('routes.json');

// `convex` calls the functions as the relay would. `rows` leaves out what Convex and the relay
// number rows by.
export async function startConvex(t, { args = [] } = {}) {
  const standin = await startStandin(t, {
    args: ['--functions', example('convex'), '--deploy-key', DEPLOY_KEY, ...args],
  });
  const convex = new ConvexHttpClient(standin.url, { logger: false });
  convex.setAdminAuth(DEPLOY_KEY);
  const rows = async (table) =>
    (await standin.records(table)).map(({ _id, _creationTime, syncSeq, ...fields }) => fields);
  return { standin, convex, rows };
}

export async function startWorld(t, env = {}) {
  const world = await startConvex(t);
  const relay = await startRelay(t, {
    env: {
      CONVEX_URL: world.standin.url,
      CONVEX_DEPLOY_KEY: DEPLOY_KEY,
      ROUTES,
      ...env,
    },
  });
  return { ...world, relay };
}
