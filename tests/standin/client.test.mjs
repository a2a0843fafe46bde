// SPDX-License-Identifier: MIT
// The real client of Convex talks to the stand-in, and gets what Convex would answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConvexHttpClient } from 'convex/browser';
import { openConnection } from '../lib/connection.mjs';
import { exchange, rawRequest } from '../lib/rawhttp.mjs';
import { startStandin } from '../lib/standin.mjs';
import { waitFor } from '../lib/wait.mjs';

const DEPLOY_KEY = 'prod:stand-in|0123456789abcdef';
const user = { bladeId: 'acc_vais0g9rrk995tz0', email: 'a@example.com', name: 'A' };
const post = {
  bladeId: 'pos_1',
  title: 'T',
  content: 'C',
  authorBladeId: user.bladeId,
  published: true,
};

async function start(t, options) {
  const standin = await startStandin(t, options);
  return { standin, convex: new ConvexHttpClient(standin.url, { logger: false }) };
}

// A request that the client would not send like this.
function send(standin, body, headers = {}, path = '/api/mutation') {
  return fetch(`${standin.url}${path}`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'Convex-Client': 'convex-relay-1.2.3',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

// A call by a client that can leave before the answer: fetch() may forget to abort.
async function callAndStay(t, standin, args) {
  const client = await openConnection(t, Number(new URL(standin.url).port));
  client.write(
    rawRequest({
      target: '/api/mutation',
      headers: [
        ['Host', 'x'],
        ['Content-Type', 'application/json'],
      ],
      body: JSON.stringify(call(args)),
    }),
  );
  return { leave: () => client.socket.destroy() };
}

const call = (args, path = 'users:syncFromBlade') => ({
  path,
  format: 'convex_encoded_json',
  args,
});

test('creates, updates, reads and deletes records', async (t) => {
  const { standin, convex } = await start(t);
  const created = await convex.mutation('users:syncFromBlade', user);
  assert.equal(created.action, 'created');
  const updated = await convex.mutation('users:syncFromBlade', { ...user, name: 'B' });
  assert.deepEqual(updated, { userId: created.userId, action: 'updated' });
  const found = await convex.query('users:getByBladeId', { bladeId: user.bladeId });
  assert.equal(found.name, 'B');
  assert.equal((await convex.mutation('posts:syncFromBlade', post)).action, 'created');
  assert.equal((await convex.mutation('posts:syncFromBlade', post)).action, 'updated');
  assert.deepEqual(await convex.mutation('posts:deleteByBladeId', { bladeId: 'pos_1' }), {
    action: 'deleted',
  });
  assert.deepEqual(await standin.records('posts'), []);
  const [row] = await standin.records('users');
  assert.equal(row.email, user.email);
});

test('reads at a timestamp', async (t) => {
  const { convex } = await start(t);
  assert.deepEqual(await convex.consistentQuery('users:list', {}), []);
});

test('shows each committed change on a line', async (t) => {
  const { standin, convex } = await start(t);
  await convex.mutation('users:syncFromBlade', user);
  await convex.mutation('users:syncFromBlade', user);
  await convex.mutation('users:deleteByBladeId', { bladeId: user.bladeId });
  await standin.find('stdout', /^users {2}deleted /m);
  const changes = standin
    .stdout()
    .split('\n')
    .slice(1, 4)
    .map((line) => line.split('  '));
  assert.deepEqual(
    changes.map(([table, change]) => `${table} ${change}`),
    ['users created', 'users updated', 'users deleted'],
  );
  assert.equal(JSON.parse(changes[0][2]).bladeId, user.bladeId);
});

const refusals = [
  [
    'a null where a string may be left out',
    'users:syncFromBlade',
    { ...user, name: null },
    /ArgumentValidationError: Value does not match validator\.\nPath: \.name\nValue: null\nValidator: v\.string\(\)/,
  ],
  [
    'a field that is missing',
    'users:syncFromBlade',
    { bladeId: 'a' },
    /ArgumentValidationError: Object is missing the required field `email`/,
  ],
  [
    'a field too many',
    'users:syncFromBlade',
    { ...user, zzz: 1 },
    /ArgumentValidationError: Object contains extra field `zzz` that is not in the validator/,
  ],
  [
    'a function that is not there',
    'users:nope',
    {},
    /Could not find public function for 'users:nope'/,
  ],
  ['a module that is not there', 'nope:nope', {}, /Could not find public function for 'nope:nope'/],
  [
    'a query called as a mutation',
    'users:list',
    {},
    /Trying to execute users\.js:list as Mutation, but it is defined as Query/,
  ],
  [
    "the guide's update of a post",
    'posts:syncFromBlade',
    { ...post, authorBladeId: undefined },
    /missing the required field `authorBladeId`/,
  ],
  ['an internal function', 'users:syncInternal', user, /Could not find public function/],
];
for (const [name, path, args, message] of refusals) {
  test(`refuses ${name}`, async (t) => {
    const { standin, convex } = await start(t);
    await assert.rejects(convex.mutation(path, args), (error) => {
      assert.match(error.message, /^\[Request ID: [0-9a-f]{16}\] Server Error\n/);
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(await standin.records('users'), []);
  });
}

test('cuts errors as production does', async (t) => {
  const { standin, convex } = await start(t);
  await standin.setFaults({ redact: true });
  await assert.rejects(
    convex.mutation('users:syncFromBlade', {}),
    /^Error: \[Request ID: \w+\] Server Error$/,
  );
});

test('lets only the deploy key call internal functions', async (t) => {
  const { standin, convex } = await start(t, { args: ['--deploy-key', DEPLOY_KEY] });
  await assert.rejects(
    convex.mutation('users:syncInternal', user),
    /Could not find public function/,
  );
  convex.setAdminAuth(DEPLOY_KEY);
  assert.equal((await convex.mutation('users:syncInternal', user)).action, 'created');
  convex.setAdminAuth(`${DEPLOY_KEY}x`);
  await assert.rejects(convex.mutation('users:syncFromBlade', user), /BadAdminKey/);
  assert.equal((await standin.records('users')).length, 1);
});

const badRequests = [
  [
    'a client version without a dash',
    { 'Convex-Client': 'relay' },
    call([user]),
    'InvalidClientVersion',
  ],
  ['an old client', { 'Convex-Client': 'npm-0.19.0' }, call([user]), 'ClientVersionUnsupported'],
  [
    'an old client in Python',
    { 'Convex-Client': 'python-convex-0.0.2' },
    call([user]),
    'ClientVersionUnsupported',
  ],
  [
    'a client of npm whose version is none',
    { 'Convex-Client': 'npm-latest' },
    call([user]),
    'ClientVersionUnsupported',
  ],
  ['a module of another kind', {}, call([user], 'users.ts:x'), 'BadConvexFunctionIdentifier'],
  ['a function of underscores', {}, call([user], 'users:__'), 'BadConvexFunctionIdentifier'],
  [
    'a key that acts as nobody',
    { Authorization: 'Convex a|b:bm90IGpzb24=' },
    call([user]),
    'HeaderParseFailure',
  ],
  ['a wrong key, and a body that is not JSON', { Authorization: 'Convex a|b' }, '{', 'BadJsonBody'],
  [
    'a wrong key, and a path that cannot be one',
    { Authorization: 'Convex a|b' },
    call([user], '../users:x'),
    'BadConvexFunctionIdentifier',
  ],
  ['another Content-Type', { 'Content-Type': 'text/plain' }, call([user]), 'BadJsonBody'],
  ['a body that is not JSON', {}, '{"path":', 'BadJsonBody'],
  ['a body without args', {}, { path: 'users:list' }, 'BadJsonBody'],
  ['a body without a path', {}, { args: [] }, 'BadJsonBody'],
  ['a path that cannot be one', {}, call([user], '../users:x'), 'BadConvexFunctionIdentifier'],
  [
    'an identity that cannot be one',
    { Authorization: 'Basic eDp5' },
    call([user]),
    'InvalidAdminKey',
  ],
];
for (const [name, headers, body, code] of badRequests) {
  test(`answers 400 to ${name}`, async (t) => {
    const { standin } = await start(t);
    const response = await send(standin, body, headers);
    assert.equal(response.status, 400);
    assert.equal((await response.json()).code, code);
    assert.deepEqual(await standin.records('users'), []);
  });
}

// The stand-in once refused each of these, and Convex does not.
const accepted = [
  ['a client without a version', { 'Convex-Client': 'relay-latest' }],
  ['an old client of another name', { 'Convex-Client': 'npm-of-ours-0.1.0' }],
  ['a client of one letter and a version of two parts', { 'Convex-Client': 'a-1.2' }],
  [
    'the key with another type before it',
    { Authorization: 'Convex dev:stand-in|0123456789abcdef' },
  ],
  ['the key without its type', { Authorization: 'convex stand-in|0123456789abcdef' }],
  [
    'the key, acting as somebody',
    { Authorization: `Convex ${DEPLOY_KEY}:${Buffer.from('{"subject":"x"}').toString('base64')}` },
  ],
  [
    'the key in the address',
    {},
    `/api/mutation?adminKey=${encodeURIComponent('stand-in|0123456789abcdef')}`,
  ],
];
for (const [name, headers, path = '/api/mutation'] of accepted) {
  test(`takes ${name}`, async (t) => {
    const { standin } = await start(t, { args: ['--deploy-key', DEPLOY_KEY] });
    const isAdmin = /adminKey|onvex /.test(JSON.stringify([headers, path]));
    const response = await send(
      standin,
      call([user], isAdmin ? 'users:syncInternal' : 'users:syncFromBlade'),
      headers,
      path,
    );
    assert.equal((await response.json()).status, 'success');
  });
}

test('looks at no key where only the time is asked for', async (t) => {
  const { standin } = await start(t, { args: ['--deploy-key', DEPLOY_KEY] });
  const response = await send(
    standin,
    '',
    { Authorization: 'Convex another|key' },
    '/api/query_ts',
  );
  assert.equal(response.status, 200);
});

test('tells whether a key is good', async (t) => {
  const { standin } = await start(t, { args: ['--deploy-key', DEPLOY_KEY] });
  const statusFor = async (headers) =>
    (await fetch(`${standin.url}/api/check_admin_key`, { headers })).status;
  assert.equal(await statusFor({ Authorization: `Convex ${DEPLOY_KEY}` }), 200);
  assert.equal(await statusFor({ Authorization: 'Convex another|key' }), 401);
  assert.equal(await statusFor({}), 403);
});

test('runs so many mutations at once, and refuses those that waited for 5 s', async (t) => {
  const { standin } = await start(t, { args: ['--concurrency', '2'] });
  await standin.setFaults({ next: [{ pass: true, latencyMs: 60_000, times: 2 }] });
  const holders = await Promise.all(
    ['a', 'b'].map((bladeId) => callAndStay(t, standin, [{ bladeId, email: bladeId }])),
  );
  await waitFor('both', async () => (await standin.log()).requests.length === 2);
  const response = await send(standin, call([user]));
  assert.equal(response.status, 429);
  assert.deepEqual((await response.json()).code, 'TooManyConcurrentRequests');
  holders.forEach(({ leave }) => leave());
  assert.deepEqual(await standin.records('users'), []);
});

test('measures arguments and documents as Convex does', async (t) => {
  const { convex } = await start(t);
  const content = 'x'.repeat(1024 * 1024);
  await assert.rejects(
    convex.mutation('posts:syncFromBlade', { ...post, content }),
    /Value is too large \(1 MiB > maximum size 1 MiB\)/,
  );
  // 4 MiB of JSON, 18 by Convex's measure
  const numbers = Array.from({ length: 256 }, () => Array(8192).fill(1));
  await assert.rejects(
    convex.mutation('users:syncFromBlade', { ...user, numbers }),
    /Arguments for users\.js:syncFromBlade are too large \(actual: 18 MiB, limit: 16 MiB\)/,
  );
});

test('answers 400 to a body over the limit', async (t) => {
  const { standin } = await start(t);
  const response = await send(
    standin,
    `{"path":"users:list","args":[{"x":"${'x'.repeat(16 * 1024 * 1024 + 2000)}"}]}`,
  );
  assert.equal(response.status, 400);
  assert.deepEqual(await response.json(), {
    code: 'BadJsonBody',
    message: 'Failed to buffer the request body: length limit exceeded',
  });
});

const values = [
  ['a number too large', '{"bladeId":"a","email":"e","n":1e400}', 'Invalid arguments provided'],
  [
    'an unpaired surrogate',
    String.raw`{"bladeId":"a","email":"\ud800"}`,
    'Invalid arguments provided',
  ],
  ['a reserved name', '{"$x":1,"y":2}', "starts with '$', which is reserved"],
  ['the name __proto__', '{"bladeId":"a","email":"e","__proto__":{}}', 'extra field `__proto__`'],
  ['nesting over 64', `{"bladeId":${'['.repeat(64)}${']'.repeat(64)}}`, 'Value is too nested'],
  [
    'nesting over 128',
    `{"bladeId":${'['.repeat(128)}${']'.repeat(128)}}`,
    'Invalid arguments provided',
  ],
];
for (const [name, data, message] of values) {
  test(`refuses ${name} as a function error`, async (t) => {
    const { standin } = await start(t);
    const response = await send(standin, `{"path":"users:syncFromBlade","args":[${data}]}`);
    assert.equal(response.status, 200);
    const answer = await response.json();
    assert.equal(answer.status, 'error');
    assert.ok(answer.errorMessage.includes(message), answer.errorMessage);
  });
}

test('takes an array of args as positional arguments', async (t) => {
  const { standin } = await start(t);
  const answer = async (args) => (await send(standin, call(args))).json();
  assert.equal((await answer(user)).status, 'success');
  assert.equal((await answer([user])).status, 'success');
  assert.match((await answer([user, {}])).errorMessage, /Instead received 2 arguments/);
  assert.match((await answer(null)).errorMessage, /Instead received: null/);
});

test('refuses an unknown format after the mutation ran', async (t) => {
  const { standin } = await start(t);
  const response = await send(standin, { ...call([user]), format: 'xml' });
  assert.equal(response.status, 400);
  assert.equal((await response.json()).code, 'BadFormat');
  assert.equal((await standin.records('users')).length, 1);
});

test('answers with an empty body where no route matches', async (t) => {
  const { standin } = await start(t);
  const missing = await fetch(`${standin.url}//api/mutation`, { method: 'POST' });
  assert.deepEqual([missing.status, await missing.text()], [404, '']);
  const wrong = await fetch(`${standin.url}/api/mutation`);
  assert.deepEqual(
    [wrong.status, await wrong.text(), wrong.headers.get('allow')],
    [405, '', 'POST'],
  );
});

test('answers probes', async (t) => {
  const { standin } = await start(t);
  assert.equal((await fetch(`${standin.url}/version`)).status, 200);
  const { ts } = await (await send(standin, '', {}, '/api/query_ts')).json();
  assert.equal(Buffer.from(ts, 'base64').length, 8);
});

const faults = [
  [
    'an answer of any kind',
    { status: 502, body: '<html>bad gateway</html>' },
    { status: 502, rows: 0 },
  ],
  [
    'a conflict',
    { conflict: true },
    { status: 503, code: 'OptimisticConcurrencyControlFailure', rows: 0 },
  ],
  ['overload', { overload: true }, { status: 429, code: 'TooManyConcurrentRequests', rows: 0 }],
  [
    'overload that came too late',
    { overload: true, when: 'after' },
    { status: 429, code: 'TooManyConcurrentRequests', rows: 1 },
  ],
  ['a reset before', { reset: true }, { status: null, rows: 0 }],
  ['a reset after', { reset: true, when: 'after' }, { status: null, rows: 1 }],
  ['a close before', { close: true }, { status: null, rows: 0 }],
  ['a close after', { close: true, when: 'after' }, { status: null, rows: 1 }],
  ['a slow answer', { trickle: 1 }, { status: 200, rows: 1 }],
];
for (const [name, fault, expected] of faults) {
  test(`gives ${name} on request, once`, async (t) => {
    const { standin, convex } = await start(t);
    await standin.setFaults({ next: [fault] });
    const answer = await exchange(
      Number(new URL(standin.url).port),
      rawRequest({
        target: '/api/mutation',
        headers: [
          ['Host', 'x'],
          ['Content-Type', 'application/json'],
          ['Connection', 'close'],
        ],
        body: JSON.stringify(call([user])),
      }),
    );
    assert.equal(answer.status, expected.status);
    if (expected.code) assert.equal(JSON.parse(answer.body).code, expected.code);
    assert.equal((await standin.records('users')).length, expected.rows);
    assert.equal((await standin.log()).requests[0].ran, expected.rows === 1);
    await convex.mutation('users:syncFromBlade', user);
  });
}

test('aims a fault at one record', async (t) => {
  const { standin, convex } = await start(t);
  await standin.setFaults({ next: [{ status: 500, match: '"bladeId":"b"', times: 0 }] });
  await convex.mutation('users:syncFromBlade', user);
  for (const _ of [1, 2]) {
    await assert.rejects(convex.mutation('users:syncFromBlade', { bladeId: 'b', email: 'b' }));
  }
  await standin.clearFaults();
  await convex.mutation('users:syncFromBlade', { bladeId: 'b', email: 'b' });
});

test('refuses faults that it does not know', async (t) => {
  const { standin } = await start(t);
  await assert.rejects(standin.setFaults({ next: [{ explode: true }] }), /unknown member explode/);
  await assert.rejects(standin.setFaults({ later: [] }), /unknown setting later/);
});

test('tells what arrived, in order, and how much of it at once', async (t) => {
  const { standin } = await start(t);
  await standin.setFaults({ latencyMs: 3000 });
  const bodies = ['a', 'b', 'a'].map((bladeId) =>
    JSON.stringify(call([{ bladeId, email: bladeId }])),
  );
  await Promise.all(bodies.map((body) => send(standin, body)));
  const log = await standin.log();
  assert.deepEqual(log.requests.map(({ body }) => body).sort(), [...bodies].sort());
  assert.equal(log.maxInFlight, 3);
  assert.deepEqual(log.byRecord, { 'users a': 2, 'users b': 1 });
  assert.equal(log.maxInFlightPerRecord, 2);
});

test('does not run the call of a client that left', async (t) => {
  const { standin } = await start(t);
  await standin.setFaults({ latencyMs: 3000 });
  const client = await callAndStay(t, standin, [user]);
  await waitFor('the call', async () => (await standin.log()).requests.length === 1);
  client.leave();
  await standin.setFaults({ latencyMs: 0 });
  const probe = { bladeId: 'b', email: 'b' };
  await waitFor('the end of the call', async () => (await standin.log()).requests[0].answeredMs);
  await send(standin, call([probe]));
  assert.deepEqual(
    (await standin.records('users')).map(({ bladeId }) => bladeId),
    ['b'],
  );
});
