// SPDX-License-Identifier: MIT
// `convex-relay check` with a PostgreSQL database, and what a start says of it: a line for each
// thing, with what to mend.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { makeSelfSigned } from '../lib/certificates.mjs';
import { makeFolder } from '../lib/files.mjs';
import { KEEPS_STATEMENTS, startPgbouncer } from '../lib/pgbouncer.mjs';
import { runUnder, writeUnder } from '../lib/postgres-home.mjs';
import { PASSWORD, startPostgres } from '../lib/postgres.mjs';
import { freePorts } from '../lib/ports.mjs';
import { runRelay } from '../lib/relay.mjs';
import { startTcpProxy } from '../lib/tcp-proxy.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

// One cluster for all tests that change nothing of the server.
const postgres = await startPostgres({ after }, { auth: 'scram-sha-256' });
const upstream = await startUpstream({ after });

// What `convex-relay check` does with a database: { code, out, lines }, with the lines of stderr.
async function check(t, env) {
  const { code, out, err } = await runRelay(t, {
    args: ['check'],
    env: { CONVEX_URL: upstream.url, ...(typeof env === 'string' ? { OUTBOX: env } : env) },
  });
  return { code, out, lines: err.split('\n').filter(Boolean) };
}

// The check fails, with that line alone.
async function assertRefused(t, env, pattern) {
  const { code, out, lines } = await check(t, env);
  assert.equal(code, 1, out);
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(lines[0], pattern);
}

// The check succeeds, and warns of that alone.
async function assertWarned(t, env, pattern) {
  const { code, lines } = await check(t, env);
  assert.equal(code, 0, lines.join('\n'));
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(lines[0], pattern);
}

async function assertFine(t, env) {
  const { code, out, lines } = await check(t, env);
  assert.deepEqual([code, lines], [0, []]);
  return out;
}

const fine = () => postgres.uri({ password: PASSWORD });

// Has a cluster answer by something of the test's in the place of its own, which is called real.
const pose = (cluster, kind, name, sql) =>
  cluster.sql(
    `SET allow_system_table_mods = on;
     ALTER ${kind} pg_catalog.${name} RENAME TO real; ${sql}`,
  );

async function posingAs(t, version) {
  const cluster = await startPostgres(t);
  await pose(
    cluster,
    'FUNCTION',
    'version()',
    `CREATE FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql
     AS $$ SELECT '${version}' $$`,
  );
  return cluster.uri();
}

// Runs SQL for the length of a test.
async function whileSql(t, sql, undo) {
  await postgres.sql(sql);
  t.after(() => postgres.sql(undo));
}

test('a database of an owner', async (t) => {
  const out = await assertFine(t, fine());
  assert.match(out, /^The schema convex_relay is not there yet: the first start makes it$/m);
  assert.match(out, /^The configuration is valid, and Convex answers/m);
});

test('by a socket, and by the short scheme', async (t) => {
  await assertFine(t, postgres.uri({ socket: true }));
  await assertFine(t, fine().replace('postgresql:', 'postgres:'));
});

test('by OUTBOX_FILE', async (t) => {
  const files = makeFolder(t, { uri: `${fine()}\n` });
  await assertFine(t, { OUTBOX: undefined, OUTBOX_FILE: files.path('uri') });
});

test('a wrong password', async (t) => {
  await assertRefused(
    t,
    postgres.uri({ password: 'PLANTED-wrong' }),
    /^convex-relay: OUTBOX: postgresql:\/\/relay@127\.0\.0\.1:\d+\/relay: .*password authentication failed for user "relay"$/,
  );
});

test('no password', (t) => assertRefused(t, postgres.uri(), /no password supplied/));

test('no such database', (t) =>
  assertRefused(
    t,
    postgres.uri({ password: PASSWORD, database: 'elsewhere' }),
    /database "elsewhere" does not exist/,
  ));

test('nobody listens', async (t) => {
  const [port] = await freePorts(1);
  const uri = `postgresql://relay:PLANTED-x@127.0.0.1:${port}/relay`;
  await assertRefused(t, uri, /OUTBOX: postgresql:\/\/relay@127\.0\.0\.1:\d+\/relay: .*refused/);
});

test('nobody answers', async (t) => {
  const proxy = await startTcpProxy(t, postgres.port);
  proxy.hang();
  const uri = `postgresql://relay:PLANTED-x@127.0.0.1:${proxy.port}/relay?connect_timeout=2`;
  await assertRefused(t, uri, /timeout expired/);
});

test('two hosts, of which one is there', async (t) => {
  const [port] = await freePorts(1);
  const uri = fine().replace('@127.0.0.1', `@127.0.0.1:${port},127.0.0.1`);
  await assertFine(t, uri);
});

// ---- Rights ----

const POOR = "CREATE ROLE poor LOGIN PASSWORD 'PLANTED-poor'";
const poor = (database = 'relay') =>
  postgres.uri({ user: 'poor', password: 'PLANTED-poor', database });

test('a role that may not make the schema', async (t) => {
  await whileSql(t, POOR, 'DROP ROLE poor');
  await assertRefused(
    t,
    poor(),
    /OUTBOX_SCHEMA: the database relay has no schema convex_relay, and poor may not make it; an administrator does: CREATE SCHEMA convex_relay; GRANT USAGE, CREATE ON SCHEMA convex_relay TO poor;$/,
  );
});

test('what is printed then is what helps', async (t) => {
  await whileSql(t, POOR, 'DROP SCHEMA convex_relay CASCADE; DROP ROLE poor');
  const { lines } = await check(t, poor());
  await postgres.sql(/administrator does: (.*)$/.exec(lines[0])[1]);
  await assertFine(t, poor());
});

test('a role that may not use the schema', async (t) => {
  await whileSql(t, `${POOR}; CREATE SCHEMA events`, 'DROP SCHEMA events CASCADE; DROP ROLE poor');
  const env = { OUTBOX: poor(), OUTBOX_SCHEMA: 'events' };
  await assertRefused(t, env, /OUTBOX_SCHEMA: poor may not use the schema events; .*GRANT USAGE/);
  const { lines } = await check(t, env);
  await postgres.sql(/lets it: (.*)$/.exec(lines[0])[1]);
  await assertFine(t, env);
});

test('a role that may not change the tables of the schema', async (t) => {
  await whileSql(
    t,
    `${POOR}; CREATE SCHEMA events; CREATE TABLE events.event (id int); ` +
      'CREATE SEQUENCE events.batch; GRANT ALL ON SCHEMA events TO poor',
    'DROP SCHEMA events CASCADE; DROP ROLE poor',
  );
  const env = { OUTBOX: poor(), OUTBOX_SCHEMA: 'events' };
  await assertRefused(t, env, /poor may not change all tables of the schema events; .*GRANT ALL/);
  const { lines } = await check(t, env);
  await postgres.sql(/lets it: (.*)$/.exec(lines[0])[1]);
  await assertWarned(t, env, /poor does not own the tables of the schema events/);
});

// The relay reads where the sequence of ids is, and moves it.
test('a role that may only draw from the sequences of the schema', async (t) => {
  await whileSql(
    t,
    `${POOR}; CREATE SCHEMA events; CREATE SEQUENCE events.batch; ` +
      'GRANT ALL ON SCHEMA events TO poor; GRANT USAGE ON SEQUENCE events.batch TO poor',
    'DROP SCHEMA events CASCADE; DROP ROLE poor',
  );
  const env = { OUTBOX: poor(), OUTBOX_SCHEMA: 'events' };
  await assertRefused(t, env, /poor may not change all tables of the schema events; .*GRANT ALL/);
});

// Such a function fits the type of current_user better than PostgreSQL's own.
test('a function of others does not run as the role', async (t) => {
  await whileSql(
    t,
    `CREATE FUNCTION public.quote_ident(name) RETURNS text LANGUAGE plpgsql
     AS $$ BEGIN RAISE 'this ran as %', current_user; END $$`,
    'DROP FUNCTION public.quote_ident(name)',
  );
  await assertFine(t, fine());
});

test('what ALTER ROLE has set is shown, but not what may be a secret', async (t) => {
  await whileSql(
    t,
    'ALTER ROLE relay IN DATABASE relay SET statement_timeout = 30000; ' +
      "ALTER ROLE relay SET work_mem = '8MB'; ALTER ROLE relay SET app.key = 'PLANTED-key'",
    'ALTER ROLE relay RESET ALL; ALTER ROLE relay IN DATABASE relay RESET ALL',
  );
  assert.match(
    await assertFine(t, fine()),
    /^The role relay begins its sessions with: statement_timeout=30000, work_mem=8MB$/m,
  );
});

// ---- What the server does ----

for (const name of ['fsync', 'full_page_writes']) {
  test(`${name} = off`, async (t) => {
    const unsafe = await startPostgres(t, { settings: { [name]: 'off' } });
    await assertRefused(
      t,
      unsafe.uri(),
      new RegExp(`OUTBOX: the server has ${name} = off: a crash loses events .*set it to on`),
    );
  });
}

test('both are off: a line for each', async (t) => {
  const settings = { fsync: 'off', full_page_writes: 'off' };
  const unsafe = await startPostgres(t, { settings });
  const { code, lines } = await check(t, unsafe.uri());
  assert.deepEqual([code, lines.length], [1, 2]);
});

test('on Neon that is no reason to refuse', async (t) => {
  const neon = await startPostgres(t, { settings: { fsync: 'off' } });
  await pose(
    neon,
    'VIEW',
    'pg_settings',
    `CREATE VIEW pg_catalog.pg_settings AS SELECT name FROM pg_catalog.real
     UNION ALL SELECT 'neon.timeline_id'; GRANT SELECT ON pg_catalog.pg_settings TO PUBLIC`,
  );
  await assertWarned(t, neon.uri(), /fsync = off, which is safe on Neon's own storage only/);
});

for (const [sql, pattern] of [
  ["SET synchronous_commit = 'off'", /begin with synchronous_commit = off; ALTER ROLE/],
  [
    "SET default_transaction_isolation = 'serializable'",
    /begin with default_transaction_isolation = serializable; ALTER ROLE/,
  ],
]) {
  test(sql, async (t) => {
    await whileSql(t, `ALTER ROLE relay ${sql}`, 'ALTER ROLE relay RESET ALL');
    await assertWarned(t, fine(), pattern);
  });
}

test('an asynchronous standby is warned of, a synchronous one is not', async (t) => {
  const primary = await startPostgres(t);
  const standby = await primary.standby();
  await assertWarned(
    t,
    primary.uri(),
    /OUTBOX: the standby is asynchronous: .*synchronous_standby_names$/,
  );
  await primary.sql(`ALTER SYSTEM SET synchronous_standby_names = '${standby.name}'`);
  await primary.restart();
  await assertFine(t, primary.uri());
});

test('a standby instead of its primary', async (t) => {
  const primary = await startPostgres(t);
  const standby = await primary.standby();
  await assertRefused(t, standby.uri(), /session is read-only|hot standby/);
});

test('a subscriber of a logical slot is no standby', async (t) => {
  const publisher = await startPostgres(t, { settings: { wal_level: 'logical' } });
  const subscriber = await startPostgres(t);
  await publisher.sql('CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t');
  await subscriber.sql('CREATE TABLE t (id int PRIMARY KEY)');
  await subscriber.sql(
    `CREATE SUBSCRIPTION s CONNECTION '${publisher.uri({ user: 'postgres' })}' PUBLICATION p`,
  );
  // Before its first copy is made, a second session copies; and a session that is new has no slot.
  const copied = () => subscriber.sql("SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel");
  await waitFor('the copy', async () => (await copied()) === 't');
  const follows = () =>
    publisher.sql(
      `SELECT (SELECT count(*) FROM pg_stat_replication) = 1 AND
       (SELECT count(*) FROM pg_replication_slots WHERE active) = 1`,
    );
  await waitFor('the subscriber', async () => (await follows()) === 't');
  await assertFine(t, publisher.uri());
});

for (const [minutes, words] of [
  [3, 'ahead of'],
  [-3, 'behind'],
]) {
  test(`a database's clock that is ${words} this machine's`, async (t) => {
    const cluster = await startPostgres(t);
    await pose(
      cluster,
      'FUNCTION',
      'clock_timestamp()',
      `CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql
       AS $$ SELECT pg_catalog.real() + interval '${minutes} minutes' $$`,
    );
    const pattern = new RegExp(
      `database's clock, .* is 1\\d\\d s ${words} this machine's; let NTP`,
    );
    await assertWarned(t, cluster.uri(), pattern);
  });
}

// ---- What is not PostgreSQL ----

for (const [version, name] of [
  ['CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu, built 2023/09/27)', 'CockroachDB'],
  ['PostgreSQL 11.2-YB-2.20.1.0-b0 on x86_64-pc-linux-gnu', 'YugabyteDB'],
  ['PostgreSQL 8.0.2 on i686-pc-linux-gnu, Redshift 1.0.12103', 'Redshift'],
  ['Something 1.0', 'another database'],
]) {
  test(`${name} is not PostgreSQL`, async (t) => {
    await assertRefused(
      t,
      await posingAs(t, version),
      new RegExp(`OUTBOX: the server is ${name}, not PostgreSQL, .*version 12 or newer$`),
    );
  });
}

// ---- The way to it ----

// A cluster with a network of its own, which has an address beside loopback. What is done in there
// sees no Convex.
async function startFar(t, settings, before) {
  const script = `ip link set lo up && ip address add ${FAR}/32 dev lo && exec "$@"`;
  const postgres = await startPostgres(t, {
    settings: { listen_addresses: FAR, ...settings },
    before,
    wrap: () => ['unshare', '--net', '--', 'sh', '-c', script, 'sh'],
  });
  return {
    uri: postgres.uri().replace('127.0.0.1', FAR),
    // The lines of stderr without that about Convex.
    check: async (uri) => {
      const { err } = await runRelay(t, {
        args: ['check'],
        env: { CONVEX_URL: upstream.url, OUTBOX: uri },
        under: ['nsenter', `--net=/proc/${postgres.pid()}/ns/net`, '--'],
      });
      return err.split('\n').filter((line) => line && !/CONVEX_URL/.test(line));
    },
  };
}

const FAR = '192.0.2.1'; // RFC 5737: nobody's
const noNetwork =
  spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up']).status === 0
    ? false
    : 'makes no network namespace';

test('a connection to another machine without TLS', { skip: noNetwork }, async (t) => {
  const far = await startFar(t);
  const lines = await far.check(far.uri);
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(lines[0], /the connection to 192\.0\.2\.1 is not encrypted: .*sslmode=verify-full/);
});

test('a connection to another machine with TLS', { skip: noNetwork }, async (t) => {
  const leaf = makeSelfSigned(t, `IP:${FAR}`);
  const far = await startFar(t, { ssl: 'on' }, (data) => {
    writeUnder(path.join(data, 'server.crt'), readFileSync(leaf.certificate));
    writeUnder(path.join(data, 'server.key'), readFileSync(leaf.key));
    runUnder('chmod', ['600', path.join(data, 'server.key')]);
  });
  const verified = `${far.uri}&sslmode=verify-full&sslrootcert=`;
  assert.deepEqual(await far.check(verified + leaf.certificate), []);
  const other = makeSelfSigned(t, `IP:${FAR}`).certificate;
  const lines = await far.check(verified + other);
  assert.match(lines[0], /certificate verify failed/);
});

// ---- Poolers ----

test('pgbouncer in transaction mode', async (t) => {
  const server = await startPostgres(t);
  const settings = KEEPS_STATEMENTS ? { max_prepared_statements: 0 } : {};
  const pooler = await startPgbouncer(t, server, { settings });
  await assertWarned(t, pooler.uri(), /the pooler before the server loses prepared statements/);
});

if (KEEPS_STATEMENTS)
  test('pgbouncer in transaction mode, with prepared statements', async (t) => {
    const server = await startPostgres(t);
    const pooler = await startPgbouncer(t, server, { settings: { max_prepared_statements: 50 } });
    assert.match(
      await assertFine(t, pooler.uri()),
      /^A pooler stands before the server, and keeps/m,
    );
  });

test('pgbouncer in session mode', async (t) => {
  const server = await startPostgres(t);
  const pooler = await startPgbouncer(t, server, { settings: { pool_mode: 'session' } });
  assert.match(await assertFine(t, pooler.uri()), /^A pooler stands before the server, and keeps/m);
});

test('pgbouncer in statement mode', async (t) => {
  const server = await startPostgres(t);
  const pooler = await startPgbouncer(t, server, { settings: { pool_mode: 'statement' } });
  await assertRefused(t, pooler.uri(), /pooler before the server takes no transactions; set its/);
});

test('pgbouncer with one connection to the server', async (t) => {
  const server = await startPostgres(t);
  const pooler = await startPgbouncer(t, server, { settings: { default_pool_size: 1 } });
  await assertWarned(t, pooler.uri(), /the pooler before the server gives no second connection/);
});

// ---- No password ----

test('no output shows a password, and no command line of a process does', async (t) => {
  const proxy = await startTcpProxy(t, postgres.port);
  const uri = fine().replace(/:\d+\/relay/, `:${proxy.port}/relay`);
  let commands = [];
  proxy.onRequest = () => {
    commands = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
  };
  await assertFine(t, uri);
  assert.ok(commands.some((line) => line.includes('convex-relay check')));
  assert.deepEqual(
    commands.filter((line) => line.includes(PASSWORD)),
    [],
  );
});
