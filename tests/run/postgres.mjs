// SPDX-License-Identifier: MIT
// The PostgreSQL of a run: a folder in which the first suite that wants a cluster leaves the data
// folder that all of them begin with, and one running cluster for the suites in C, and for those
// that run once more with their outboxes in PostgreSQL.
import { makeHome, removeHome } from '../lib/postgres-home.mjs';
import { PASSWORD, startPostgres } from '../lib/postgres.mjs';

// The suites in C that want a cluster. Each finds the URI of its superuser in CONVEX_RELAY_TEST_PG,
// and makes a database of its own there.
const wantsCluster = ({ label, isOnPostgres }) =>
  isOnPostgres || /^unit\/outbox-(pg-(?!uri)|.*-on-postgresql)/.test(label);
const isScript = ({ label }) => label.startsWith('tests/');

let home;
let cluster; // or who waits for it
let stopCluster = async () => {};

// The suite, with what it needs in its environment.
export async function lendPostgres(suite) {
  if (!isScript(suite) && !wantsCluster(suite)) return suite;
  home ??= makeHome();
  process.env.CONVEX_RELAY_TEST_PG_HOME = home; // for the cluster, too
  if (!wantsCluster(suite)) return suite;
  cluster ??= startPostgres({ after: (stop) => (stopCluster = stop) }, { auth: 'scram-sha-256' });
  const lent = await cluster;
  if (suite.isOnPostgres) {
    const uri = lent.uri({ password: PASSWORD });
    return { ...suite, env: { ...suite.env, RELAY_OUTBOX: uri } };
  }
  const uri = lent.uri({ user: 'postgres', database: 'postgres', socket: true });
  return { ...suite, env: { ...suite.env, CONVEX_RELAY_TEST_PG: uri } };
}

// Stops the cluster, and removes the folder.
export async function endPostgres() {
  await stopCluster();
  if (home) removeHome(home);
}
