// SPDX-License-Identifier: MIT
// From Blade to a record in Convex, by way of the stand-in, which runs the guide's functions.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { BATCH_PATH, DELIVERED, HEADERS, syncRequest } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { chunked, exchange } from '../lib/rawhttp.mjs';
import { SECRET, startRelay, sync } from '../lib/relay.mjs';
import { startStandin } from '../lib/standin.mjs';

const ROOT = new URL('../../', import.meta.url);
const plain = ({ _id, _creationTime, createdAt, ...fields }) => fields;

async function start(t, { args = [], routes, env = {} } = {}) {
  const standin = await startStandin(t, { args });
  const ROUTES = routes && makeFolder(t, { 'routes.json': routes }).path('routes.json');
  const relay = await startRelay(t, { env: { CONVEX_URL: standin.url, ROUTES, ...env } });
  const records = async (table) => (await standin.records(table)).map(plain);
  return { standin, relay, records };
}

async function assertDelivered(response) {
  assert.deepEqual([response.status, await response.text()], [200, DELIVERED]);
}

async function assertFailed(response, message) {
  assert.equal(response.status, 500);
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.match((await response.json()).error, message);
}

const USER = { bladeId: 'acc_1', email: 'a@example.com', name: 'Ann', handle: 'ann' };
const POST = {
  bladeId: 'post_1',
  title: 'T',
  content: 'C',
  authorBladeId: 'acc_1',
  published: false,
};
const userEvent = (data, operation = 'add') => ({
  model: 'users',
  operation,
  data,
  hiveId: data?.bladeId ?? 'acc_1',
});
const postEvent = (data, operation = 'add') => ({
  model: 'posts',
  operation,
  data,
  hiveId: data?.bladeId ?? 'post_1',
});

// The guide's helper, as it stands there but for the types.
async function syncToConvex(model, operation, data, hiveId) {
  const bladeUrl = process.env.BLADE_PUBLIC_URL || 'http://localhost:3000';
  const syncSecret = process.env.SYNC_SECRET;

  if (!syncSecret) {
    console.warn('[Convex Sync] SYNC_SECRET not configured');
    return undefined;
  }

  try {
    const response = await fetch(`${bladeUrl}/convex/sync`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'X-Sync-Secret': syncSecret,
      },
      body: JSON.stringify({ model, operation, data, hiveId }),
    });
    return response.json();
  } catch (error) {
    console.error(`[Convex Sync] Failed:`, error);
    return undefined;
  }
}

// What ./dev run prints to be pasted, for this relay.
function curlOfDev(relay) {
  const dev = readFileSync(new URL('tests/standin/run.sh', ROOT), 'utf8');
  const [command] =
    /^curl -X POST http:\/\/\$1\/convex\/sync [^]*?\}'$/m.exec(dev) ??
    assert.fail('./dev run prints no curl line');
  return command
    .replaceAll('\\\\', '\\')
    .replace('$1', `127.0.0.1:${relay.port}`)
    .replace('$SYNC_SECRET', SECRET);
}

test("the guide's curl command, as ./dev run prints it", async (t) => {
  const { relay, records } = await start(t);
  const command = curlOfDev(relay);
  assert.match(command, /-H "Content-Type: application\/json" \\\n {2}-H "X-Sync-Secret: /);
  const { stdout } = await promisify(execFile)('bash', ['-c', command]);
  assert.equal(stdout, DELIVERED);
  assert.deepEqual(await records('users'), [
    { bladeId: 'test123', email: 'test@example.com', name: 'Test User' },
  ]);
});

test("the guide's helper", async (t) => {
  const { relay, records } = await start(t);
  process.env.BLADE_PUBLIC_URL = relay.url;
  process.env.SYNC_SECRET = SECRET;
  assert.deepEqual(await syncToConvex('users', 'add', USER, USER.bladeId), { success: true });
  assert.deepEqual(await syncToConvex('users', 'set', { ...USER, name: 'Bea' }, USER.bladeId), {
    success: true,
  });
  assert.deepEqual(await syncToConvex('posts', 'add', { ...POST, createdAt: 1 }, POST.bladeId), {
    success: true,
  });
  assert.deepEqual(await records('users'), [{ ...USER, name: 'Bea' }]);
  assert.deepEqual(await records('posts'), [POST]);
  process.env.SYNC_SECRET = 'wrong';
  assert.deepEqual(await syncToConvex('users', 'set', USER, USER.bladeId), {
    error: 'Unauthorized',
  });
});

test('the values arrive as they were', async (t) => {
  const { relay, records } = await start(t);
  const name = 'é \u{1F600} \u2028 "\\/\b\f\n\r\t\u0000\u007F';
  await assertDelivered(await sync(relay, userEvent({ ...USER, name })));
  const post = { ...POST, content: 'x'.repeat(500_000), createdAt: 0.30000000000000004 };
  await assertDelivered(await sync(relay, postEvent(post)));
  assert.deepEqual(await records('users'), [{ ...USER, name }]);
  assert.deepEqual(await records('posts'), [plain(post)]);
});

test('a parcel: each record is a mutation', async (t) => {
  const { relay, records } = await start(t);
  const users = [USER, { ...USER, bladeId: 'acc_2', email: 'b@example.com' }, { bladeId: 'acc_3' }];
  const body = {
    model: 'users',
    operation: 'set',
    records: users.map((data) => ({ data, hiveId: data.bladeId })),
  };
  const response = await sync(relay, body, { path: BATCH_PATH });
  const { results, ...counts } = await response.json();
  assert.equal(response.status, 200);
  assert.deepEqual(counts, { success: true, successful: 2, failed: 1, total: 3 });
  assert.deepEqual(results.slice(0, 2), [{ success: true }, { success: true }]);
  assert.match(results[2].error, /ArgumentValidationError/);
  assert.deepEqual(await records('users'), users.slice(0, 2));
});

test('a chunked body', async (t) => {
  const { relay, records } = await start(t);
  const headers = [...HEADERS, ['Transfer-Encoding', 'chunked']];
  const answer = await exchange(
    relay.port,
    syncRequest(chunked(JSON.stringify(userEvent(USER)), 3), { headers }),
  );
  assert.deepEqual([answer.status, answer.body.toString()], [200, DELIVERED]);
  assert.deepEqual(await records('users'), [USER]);
});

test('remove without a route for it calls the mutation with the data', async (t) => {
  const { relay, records } = await start(t);
  await assertDelivered(await sync(relay, userEvent(USER)));
  await assertDelivered(await sync(relay, userEvent({ ...USER, name: 'removed' }, 'remove')));
  assert.deepEqual(await records('users'), [{ ...USER, name: 'removed' }]);
});

test('remove with a route for it, whatever the data is', async (t) => {
  const { relay, records } = await start(t, {
    routes: { users: { mutation: 'users:syncFromBlade', remove: 'users:deleteByBladeId' } },
  });
  for (const data of [USER, undefined, null, [1], {}]) {
    await assertDelivered(await sync(relay, userEvent(USER)));
    assert.equal((await records('users')).length, 1);
    await assertDelivered(await sync(relay, { ...userEvent(USER, 'remove'), data }));
    assert.equal((await records('users')).length, 0);
  }
});

test('remove with an empty hiveId takes data.bladeId, and is rejected without one', async (t) => {
  const { relay, records } = await start(t, {
    routes: { users: { mutation: 'users:syncFromBlade', remove: 'users:deleteByBladeId' } },
  });
  await assertDelivered(await sync(relay, userEvent(USER)));
  await assertDelivered(await sync(relay, { ...userEvent(USER, 'remove'), hiveId: '' }));
  assert.deepEqual(await records('users'), []);
  await assertFailed(
    await sync(relay, { ...userEvent(USER, 'remove'), hiveId: '', data: { bladeId: '' } }),
    /ArgumentValidationError/,
  );
});

test('nulls are refused by v.optional(), unless the route drops them', async (t) => {
  const users = { mutation: 'users:syncFromBlade' };
  const withNull = userEvent({ ...USER, handle: null });
  const keeping = await start(t, { routes: { users } });
  await assertFailed(await sync(keeping.relay, withNull), /ArgumentValidationError/);
  assert.deepEqual(await keeping.records('users'), []);

  const dropping = await start(t, { routes: { users: { ...users, nulls: 'drop' } } });
  await assertDelivered(await sync(dropping.relay, withNull));
  const { handle, ...rest } = USER;
  assert.deepEqual(await dropping.records('users'), [rest]);
});

test("the guide's fault: an update of a post without its author is refused", async (t) => {
  const { relay } = await start(t);
  const { authorBladeId, ...rest } = POST;
  await assertFailed(await sync(relay, postEvent(rest, 'set')), /authorBladeId/);
});

test('internal mutations need the deploy key', async (t) => {
  const routes = { users: { mutation: 'users:syncInternal' } };
  const args = ['--deploy-key', 'the-key'];
  const without = await start(t, { args, routes });
  await assertFailed(
    await sync(without.relay, userEvent(USER)),
    /Could not find public function for 'users:syncInternal'/,
  );
  const wrong = await start(t, { args, routes, env: { CONVEX_DEPLOY_KEY: 'another' } });
  await assertFailed(await sync(wrong.relay, userEvent(USER)), /./);
  const right = await start(t, { args, routes, env: { CONVEX_DEPLOY_KEY: 'the-key' } });
  await assertDelivered(await sync(right.relay, userEvent(USER)));
  assert.deepEqual(await right.records('users'), [USER]);
});

test('a model without a route is answered as if it had one', async (t) => {
  const { standin, relay } = await start(t);
  await assertDelivered(await sync(relay, { ...userEvent(USER), model: 'comments' }));
  assert.equal((await standin.log()).requests.length, 0);
  assert.match(relay.stderr(), /warn .*no route.*comments/);
});

test('a base path in CONVEX_URL, and a slash at its end', async (t) => {
  const { standin, relay } = await start(t);
  const under = await startRelay(t, { env: { CONVEX_URL: `${standin.url}/` } });
  await assertDelivered(await sync(under, userEvent(USER)));
  const elsewhere = await startRelay(t, { env: { CONVEX_URL: `${standin.url}/base/` } });
  assert.equal((await sync(elsewhere, userEvent(USER))).status, 500);
  await assertDelivered(await sync(relay, userEvent(USER)));
});

const TROUBLE = [
  ['a conflict', { conflict: true }, /changed while this mutation was being run/],
  ['overload', { overload: true }, /Too many concurrent requests/],
  ['a gateway', { status: 502, body: '<html>' }, /^<html>$/],
  ['a reset', { reset: true }, /^fetch failed$/],
  ['a lost answer', { close: true, when: 'after' }, /^fetch failed$/],
];
for (const [what, fault, message] of TROUBLE) {
  test(`${what}: 500 with the message, and the next event is fine`, async (t) => {
    const { standin, relay } = await start(t);
    await standin.setFaults({ next: [fault] });
    await assertFailed(await sync(relay, userEvent(USER)), message);
    await assertDelivered(await sync(relay, userEvent(USER)));
  });
}

test('a redacted error', async (t) => {
  const { standin, relay } = await start(t);
  await standin.setFaults({ redact: true });
  await assertFailed(
    await sync(relay, userEvent({ bladeId: 'acc_1' })),
    /^\[Request ID: [\w-]+\] Server Error$/,
  );
});
