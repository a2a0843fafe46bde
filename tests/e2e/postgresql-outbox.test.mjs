// SPDX-License-Identifier: MIT
// `convex-relay outbox` with the URI of a database, from anywhere, with and without a relay; and
// that a start says what endangers events there.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { statusOf } from '../lib/metrics.mjs';
import { outbox, outboxRows, outboxStats } from '../lib/outbox.mjs';
import { PASSWORD, startPostgres } from '../lib/postgres.mjs';
import { runRelay, startRelay, sync } from '../lib/relay.mjs';
import { startTcpProxy } from '../lib/tcp-proxy.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const postgres = await startPostgres({ after }, { auth: 'scram-sha-256' });
const REJECTED = { json: { status: 'error', errorMessage: 'Uncaught Error: no' } };

let schemas = 0;
const freshSchema = () => `outbox_${++schemas}`;

// A schema of its own: { env, upstream, relay }.
async function startWorld(t, { answer = SUCCESS, env = {} } = {}) {
  const upstream = await startUpstream(t, answer);
  const all = {
    CONVEX_URL: upstream.url,
    OUTBOX: postgres.uri({ password: PASSWORD }),
    OUTBOX_SCHEMA: freshSchema(),
    ADMIN_PORT: '0',
    ...env,
  };
  return { env: all, upstream, relay: await startRelay(t, { env: all }) };
}

// What a command says on stderr, with its exit code.
async function complaint(t, env, ...args) {
  const { code, out, err } = await runRelay(t, { args: ['outbox', ...args], env });
  assert.equal(out, '');
  return [code, err.trimEnd()];
}

test('letters are listed, shown, replayed and discarded beside a relay', async (t) => {
  const { env, upstream, relay } = await startWorld(t, { answer: REJECTED });
  for (const id of ['acc_1', 'acc_2', 'acc_3'])
    assert.equal((await sync(relay, userEvent(id))).status, 500);
  const dead = await outboxRows(env, '--state', 'dead');
  assert.deepEqual(
    dead.map(({ record }) => record),
    ['acc_1', 'acc_2', 'acc_3'],
  );
  const ids = dead.map(({ id }) => String(id));
  const shown = await outbox(env, 'show', ids[0]);
  assert.ok(shown.endsWith(`\n\n${JSON.stringify(userEvent('acc_1'))}`), shown);
  assert.match(shown, /Uncaught Error: no/);

  upstream.answer = SUCCESS;
  assert.match(await outbox(env, 'discard', ids[1]), new RegExp(`^${ids[1]}: `));
  await outbox(env, 'replay', ids[0]);
  await outbox(env, 'replay', '--all', '--reason', 'no');
  await waitFor('the replays', async () => (await outboxStats(env)).delivered === 2);
  const { accepted, delivered, discarded, pending, dead: left } = await outboxStats(env);
  assert.deepEqual([accepted, delivered, discarded, pending, left], [3, 2, 1, 0, 0]);
});

test('without a relay all works but the sending', async (t) => {
  const { env, relay } = await startWorld(t, { answer: REJECTED });
  await sync(relay, userEvent('acc_1'));
  await relay.stop();
  const [{ id }] = await outboxRows(env);
  await outbox(env, 'replay', String(id));
  assert.equal((await outboxStats(env)).pending, 1);
  const again = await startRelay(t, { env: { ...env, CONVEX_URL: (await startUpstream(t)).url } })
    .then((started) => ({ started }))
    .catch((error) => ({ error }));
  assert.match(again.error.message, /belongs to another CONVEX_URL/);
  const other = { ...env, CONVEX_URL: (await startUpstream(t)).url };
  const { code, err } = await runRelay(t, { args: ['check'], env: other });
  assert.equal(code, 1);
  assert.match(err, /^convex-relay: OUTBOX: the schema \w+ belongs to another CONVEX_URL[^\n]*\n$/);
});

test('OUTBOX_FILE will do', async (t) => {
  const { env, relay } = await startWorld(t);
  await sync(relay, userEvent('acc_1'));
  const files = makeFolder(t, { uri: `${env.OUTBOX}\n` });
  const named = { ...env, OUTBOX: undefined, OUTBOX_FILE: files.path('uri') };
  await waitFor('the event to be settled', async () => (await outboxStats(named)).delivered === 1);
});

test('what cannot be is said in a line, without a password', async (t) => {
  const { env } = await startWorld(t);
  const none = { ...env, OUTBOX_SCHEMA: 'nowhere' };
  assert.deepEqual(await complaint(t, none, 'stats'), [
    2,
    'convex-relay: OUTBOX: the schema nowhere holds no outbox; the relay makes it when it serves',
  ]);
  assert.deepEqual(await complaint(t, env, 'backup', '/tmp/copy.db'), [
    1,
    'convex-relay: OUTBOX: a database is copied by its own means, such as pg_dump; ' +
      'docs/postgresql.md says how',
  ]);
  const wrong = { ...env, OUTBOX: postgres.uri({ password: 'PLANTED-wrong' }) };
  const [code, line] = await complaint(t, wrong, 'stats');
  assert.equal(code, 1);
  assert.match(line, /^convex-relay: OUTBOX: [^\n]*password authentication failed[^\n]*$/);
});

test('check beside a relay finds nothing wrong, and changes nothing', async (t) => {
  const { env, relay } = await startWorld(t);
  const rows = () => postgres.sql(`SELECT * FROM ${env.OUTBOX_SCHEMA}.member ORDER BY member`);
  const before = await rows();
  const { code, err } = await runRelay(t, { args: ['check'], env: { ...env, PORT: '0' } });
  assert.deepEqual([code, err], [0, '']);
  assert.equal(await rows(), before);
  assert.equal((await sync(relay, userEvent('acc_1'))).status, 200);
});

test('a second relay of the same schema does not start', async (t) => {
  const { env } = await startWorld(t, { env: { RELAY_NAME: 'the-first-one' } });
  const { code, err } = await runRelay(t, { env });
  assert.equal(code, 1);
  assert.match(err, /^convex-relay: OUTBOX: the schema \w+ is in use by another relay/m);
});

test('a start ends where the database answers, and refuses the relay', async (t) => {
  const OUTBOX = postgres.uri({ password: 'PLANTED-wrong' });
  const { code, err } = await runRelay(t, { env: { CONVEX_URL: 'http://127.0.0.1:9', OUTBOX } });
  assert.equal(code, 1);
  assert.match(
    err,
    /^convex-relay: OUTBOX: PostgreSQL refuses the relay: [^\n]*password authentication failed[^\n]*\n$/,
  );
  assert.ok(!err.includes('PLANTED'));
});

test('a start warns of what endangers events, a line each', async (t) => {
  const unsafe = await startPostgres(t, { settings: { fsync: 'off', full_page_writes: 'off' } });
  const { relay } = await startWorld(t, { env: { OUTBOX: unsafe.uri() } });
  assert.equal((await sync(relay, userEvent('acc_1'))).status, 200);
  const warnings = relay.stderr().match(/ warn the outbox's database wants attention .*/g);
  assert.equal(warnings.length, 2, relay.stderr());
  assert.match(warnings[0], /fsync = off/);
  assert.match(warnings[1], /full_page_writes = off/);
});

test('no log line, page or answer shows the password, also while the database is away', async (t) => {
  const proxy = await startTcpProxy(t, postgres.port);
  const uri = postgres.uri({ password: PASSWORD }).replace(/:\d+\/relay/, `:${proxy.port}/relay`);
  const { relay } = await startWorld(t, { env: { OUTBOX: uri, SYNC_WAIT_MS: '0' } });
  const pages = async () => {
    const texts = [];
    for (const url of [`${relay.url}/healthz`, `${relay.url}/readyz`, `${relay.admin}/metrics`])
      texts.push(await (await fetch(url)).text());
    texts.push(JSON.stringify(await statusOf(relay)), relay.stderr());
    return texts.join('\n');
  };
  await sync(relay, userEvent('acc_1'));
  await postgres.sql("ALTER ROLE relay PASSWORD 'PLANTED-another'");
  proxy.cut();
  await waitFor('the line', () => /the outbox is away/.test(relay.stderr()));
  await waitFor('503', async () => (await fetch(`${relay.url}/readyz`)).status === 503);
  const answer = await (await sync(relay, userEvent('acc_2'))).text();
  const shown = (await pages()) + answer;
  await postgres.sql(`ALTER ROLE relay PASSWORD '${PASSWORD}'`);
  assert.ok(!shown.includes(PASSWORD) && !shown.includes('PLANTED-'), shown);
  await waitFor('200', async () => (await fetch(`${relay.url}/readyz`)).status === 200);
});
