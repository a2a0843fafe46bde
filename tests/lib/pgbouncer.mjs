// SPDX-License-Identifier: MIT
// A real pgbouncer in front of a cluster of postgres.mjs.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { startChild } from './child.mjs';
import { freePorts } from './ports.mjs';
import { DATABASE, PASSWORD, ROLE } from './postgres.mjs';
import { ENV, makeHome, removeHome, under, writeUnder } from './postgres-home.mjs';

// From 1.21 on it can keep prepared statements in transaction mode.
const { stdout } = spawnSync('/usr/sbin/pgbouncer', ['--version'], { encoding: 'utf8' });
export const KEEPS_STATEMENTS = Number(/PgBouncer 1\.(\d+)/.exec(stdout)?.[1]) >= 21;

const DEFAULTS = {
  pool_mode: 'transaction',
  auth_type: 'trust',
  listen_addr: '127.0.0.1',
  max_client_conn: 200,
  default_pool_size: 20,
  admin_users: ROLE,
};

// Starts pgbouncer, by default in transaction mode. settings: of its section [pgbouncer]; port: of
// one that has ended. Returns what startChild returns, port and uri(). It ends with the test.
export async function startPgbouncer(t, postgres, { settings = {}, port: former } = {}) {
  const home = makeHome();
  const port = former ?? (await freePorts(1))[0];
  const users = path.join(home, 'users');
  writeUnder(users, `"${ROLE}" "${PASSWORD}"\n"postgres" ""\n`);
  const all = { ...DEFAULTS, listen_port: port, auth_file: users, ...settings };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}\n`);
  const config = path.join(home, 'pgbouncer.ini');
  writeUnder(
    config,
    `[databases]\n* = host=127.0.0.1 port=${postgres.port}\n[pgbouncer]\n${lines.join('')}` +
      'unix_socket_dir =\n',
  );
  const [command, ...args] = [...under, '/usr/sbin/pgbouncer', config];
  const child = startChild({ after: () => {} }, command, args, { env: ENV, cwd: '/' });
  t.after(async () => {
    await child.kill();
    removeHome(home);
  });
  await child.find('stderr', /process up: PgBouncer/);
  return {
    ...child,
    port,
    uri: ({ user = ROLE, database = DATABASE } = {}) =>
      `postgresql://${user}@127.0.0.1:${port}/${database}?connect_timeout=60`,
  };
}
