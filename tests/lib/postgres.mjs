// SPDX-License-Identifier: MIT
// Real PostgreSQL clusters, each in a folder of its own, which end with the test.

import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { startChild } from './child.mjs';
import { freePorts } from './ports.mjs';
import {
  ENV,
  copyTemplate,
  makeHome,
  program,
  removeHome,
  runUnder,
  under,
  writeUnder,
} from './postgres-home.mjs';
import { waitFor, within } from './wait.mjs';

export { VERSION } from './postgres-home.mjs';

// The role and the database that each cluster has; the role owns the database.
export const ROLE = 'relay';
export const PASSWORD = 'PLANTED-relay';
export const DATABASE = 'relay';

const DEFAULTS = {
  listen_addresses: '127.0.0.1',
  shared_buffers: '32MB',
  max_connections: 60,
  wal_level: 'replica',
  max_wal_senders: 5,
  log_line_prefix: '%m [%p] %q%u@%d ',
};

// A machine that is busy makes a connection slow.
const PATIENT = { connect_timeout: 60 };
const STOPS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' };
const SUPER = { user: 'postgres', socket: true };
const quote = (value) => `'${String(value).replaceAll("'", "''")}'`;

// Starts a cluster. settings: of postgresql.conf; auth: how pg_hba.conf lets clients of TCP in;
// before(data): changes the data folder before the start; wrap(data): a command that becomes the
// server.
// The cluster is stopped, and its folder is removed, at the end of the test.
export async function startPostgres(t, options = {}) {
  const { settings = {}, auth = 'trust', before, wrap } = options;
  const home = makeHome();
  const data = path.join(home, 'data');
  copyTemplate(data);
  writeUnder(
    path.join(data, 'pg_hba.conf'),
    `local all all trust\nlocal replication all trust\nhost all all samehost ${auth}\n` +
      'host replication all samehost trust\n',
  );
  before?.(data);
  return startCluster(t, home, data, settings, wrap?.(data));
}

async function startCluster(t, home, data, settings, wrap = []) {
  const [port] = await freePorts(1);
  const configure = (changed) =>
    writeUnder(
      path.join(data, 'test.conf'),
      Object.entries({ ...DEFAULTS, ...changed, port, unix_socket_directories: home })
        .map(([name, value]) => `${name} = ${quote(value)}\n`)
        .join(''),
    );
  let child;
  const self = {
    home,
    data,
    port,
    // The server's log since its last start.
    log: () => child.stderr(),
    isRunning: () => child.isRunning(),
    pid: () => child.pid,

    // A URI that libpq reads. By the socket it is good for any role, without a password.
    uri: ({ user = ROLE, password, database = DATABASE, socket = false, parameters = {} } = {}) => {
      const who = password === undefined ? user : `${user}:${encodeURIComponent(password)}`;
      const where = socket ? encodeURIComponent(home) : '127.0.0.1';
      const query = new URLSearchParams({ ...PATIENT, ...parameters }).toString();
      return `postgresql://${who}@${where}:${port}/${database}${query && `?${query}`}`;
    },

    // What psql prints for statements, by the socket: columns by tabs, rows by lines.
    sql: async (statements, { user = 'postgres', database = DATABASE } = {}) =>
      runPsql(self.uri({ user, database, socket: true }), statements),

    // The same for a script of statements that stand alone, such as CREATE DATABASE.
    script: async (text, { user = 'postgres', database = DATABASE } = {}) => {
      const uri = self.uri({ user, database, socket: true });
      const args = ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', uri, '-f', '-'];
      return execFileSync(program('psql'), args, { env: ENV, input: text, encoding: 'utf8' });
    },

    async start() {
      child = spawnServer(data, wrap);
      await child.find('stderr', /database system is ready to accept (read-only )?connections/);
    },

    // mode: fast, as a service stops it; immediate, as a crash; smart: waits for the clients.
    async stop(mode = 'fast') {
      child.signal(STOPS[mode]);
      await within('the end of PostgreSQL', child.exited);
    },

    async restart(mode) {
      await self.stop(mode);
      await self.start();
    },

    // Kills the first process; the others end once they notice.
    async kill() {
      await child.kill();
      await waitFor('the end of all of PostgreSQL', () => processesIn(data).length === 0);
    },

    // Has the server read changed settings.
    async reload(changed) {
      configure({ ...settings, ...changed });
      await self.sql('SELECT pg_reload_conf()');
      await Promise.all(
        Object.entries(changed).map(([name, value]) =>
          waitFor(`${name} = ${value}`, async () => {
            const sql = `SELECT setting FROM pg_settings WHERE name = ${quote(name)}`;
            return (await self.sql(sql)) === String(value);
          }),
        ),
      );
    },

    // A standby of this cluster, which follows it, with promote() beside all the others.
    standby: (options) => startStandby(t, self, options),
  };
  t.after(async () => {
    if (child?.isRunning()) await self.stop('immediate');
    await waitFor('the end of all of PostgreSQL', () => processesIn(data).length === 0);
    removeHome(home);
  });
  configure(settings);
  await self.start();
  return self;
}

// The caller stops it: the folder must not be removed before.
function spawnServer(data, wrap) {
  const [command, ...args] = [...wrap, ...under, program('postgres'), '-D', data];
  return startChild({ after: () => {} }, command, args, { env: ENV, cwd: '/' });
}

const execute = promisify(execFile);

async function runPsql(uri, statements) {
  const { stdout } = await execute(
    program('psql'),
    ['-XAtq', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-d', uri, '-c', statements],
    { env: ENV, maxBuffer: 1 << 28 },
  );
  return stdout.trimEnd();
}

// PostgreSQL's processes live in their data folder.
function processesIn(data) {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/cwd`) === data;
    } catch {
      return false; // has ended, or is a zombie
    }
  });
}

// ---- Standbys ----

// synchronous: each commit of the primary waits for the standby, too.
async function startStandby(t, primary, { synchronous = false, settings = {} } = {}) {
  const home = makeHome();
  const data = path.join(home, 'data');
  const name = `standby_${path.basename(home).slice(-6)}`;
  runUnder(program('pg_basebackup'), [
    ...['-D', data, '-R', '-X', 'stream', '-c', 'fast', '--no-sync'],
    ...['-d', primary.uri({ ...SUPER, parameters: { application_name: name } })],
  ]);
  const standby = await startCluster(t, home, data, settings);
  const state = () =>
    primary.sql(`SELECT sync_state FROM pg_stat_replication WHERE application_name = '${name}'`);
  await waitFor('the standby to follow', state);
  if (synchronous) {
    await primary.sql(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
    await primary.sql('SELECT pg_reload_conf()');
    await waitFor('the standby to be synchronous', async () => (await state()) === 'sync');
  }
  return {
    ...standby,
    name,
    // The standby becomes a primary. Whether the former one still runs is the test's affair.
    promote: async () => {
      await standby.sql('SELECT pg_promote()', { database: 'postgres' });
      await waitFor(
        'the promotion',
        async () => (await standby.sql('SELECT pg_is_in_recovery()')) === 'f',
      );
    },
  };
}
