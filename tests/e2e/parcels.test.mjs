// SPDX-License-Identifier: MIT
// POST /convex/sync/batch: many events in one request, stored all or none, and one answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConnection } from '../lib/connection.mjs';
import {
  BATCH_PATH,
  callOf,
  DELIVERED,
  HEADERS,
  parcelOf,
  resultsOf,
  syncRequest,
  userEvent,
} from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { hold } from '../lib/hold.mjs';
import { scrape } from '../lib/metrics.mjs';
import {
  assertAnswer,
  assertUnavailable,
  HANG,
  HASTY,
  makeWorld,
  NOWHERE,
  PATIENT,
  QUICK,
  REJECTION,
} from '../lib/outbox-world.mjs';
import { chunked, exchange } from '../lib/rawhttp.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const MANY = 10_000;
const MIB = 1024 * 1024;
const BATCH = { path: BATCH_PATH };
const DONE = { success: true };
const LATER = { success: true, queued: true };

// Changes of so many users, each with that number.
const changesOf = (count, n = 0) =>
  Array.from({ length: count }, (_, i) => userEvent(`acc_${i}`, n));

// An upstream that rejects these users' changes.
const rejecting = (ids) => (request) => (ids.includes(callOf(request).id) ? REJECTION : SUCCESS);

// A relay without an outbox, and what a parcel gets there.
async function sendTo(t, body, { env = {}, ...init } = {}) {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url, ...env } });
  const response = await sync(relay, body, { ...BATCH, ...init });
  return { status: response.status, body: await response.text(), response, upstream, relay };
}

// ---- results ----

test('each record has its result, at its place', async (t) => {
  const world = await makeWorld(t, { answer: rejecting(['acc_1']) });
  const { records, ...rest } = parcelOf(changesOf(3));
  const body = { ...rest, records: [...records, { data: null }, { data: { $a: 1 } }] };
  assertAnswer(
    await world.send(body, BATCH),
    200,
    resultsOf([
      DONE,
      { error: 'Uncaught Error: no such thing' },
      DONE,
      { error: 'Cannot convert undefined or null to object' },
      { error: "Field name $a starts with a '$', which is reserved." },
    ]),
  );
  assert.equal((await world.dead()).length, 3);
});

test('a record has its own operation, or that of the parcel', async (t) => {
  const body = {
    model: 'posts',
    operation: 'remove',
    records: [
      { hiveId: 'a', data: { bladeId: 'a', title: 'x' } },
      { hiveId: 'b', operation: 'set', data: { bladeId: 'b', title: 'y' } },
    ],
  };
  const posts = { mutation: 'posts:syncFromBlade', remove: 'posts:deleteByBladeId' };
  const files = makeFolder(t, { 'routes.json': { posts } });
  const env = { ROUTES: files.path('routes.json') };
  const { status, upstream } = await sendTo(t, body, { env });
  assert.equal(status, 200);
  assert.deepEqual(
    upstream.requests.map(callOf).map(({ path, args }) => [path, args]),
    [
      ['posts:deleteByBladeId', { bladeId: 'a' }],
      ['posts:syncFromBlade', { bladeId: 'b', title: 'y' }],
    ],
  );
});

test('data reaches Convex as it came', async (t) => {
  const data =
    '{ "bladeId":"a", "n" : 9007199254740993, "s":"x\\u0000\\ud83d\\ude00é", "z":-0.50 }';
  const { upstream } = await sendTo(t, `{"model":"users","records":[{"data":${data}}]}`);
  assert.ok(upstream.requests[0].text.includes(data));
});

test('no records: nothing to do', async (t) => {
  const { status, body } = await sendTo(t, { model: 'users', records: [] });
  assertAnswer({ status, body }, 200, resultsOf([]));
});

test('no route: all are letters', async (t) => {
  const world = await makeWorld(t);
  const body = { ...parcelOf(changesOf(2)), model: 'comments' };
  const error = 'No route for model comments';
  assertAnswer(await world.send(body, BATCH), 200, resultsOf([{ error }, { error }]));
  const letters = await world.dead();
  assert.deepEqual(
    letters.map(({ model, record, reason }) => [model, record, reason]),
    [
      ['comments', 'acc_0', 'There is no route for the model'],
      ['comments', 'acc_1', 'There is no route for the model'],
    ],
  );
});

test('some are queued at SYNC_WAIT_MS: 200', async (t) => {
  const slow = (request) => (callOf(request).id === 'acc_1' ? HANG : SUCCESS);
  const world = await makeWorld(t, { answer: slow, env: { SYNC_WAIT_MS: '300' } });
  const before = performance.now();
  assertAnswer(
    await world.send(parcelOf(changesOf(3)), BATCH),
    200,
    resultsOf([DONE, LATER, DONE]),
  );
  assert.ok(performance.now() - before >= 300, 'not before');
  assert.equal((await world.pending()).length, 1);
});

test('all are queued: 202, and kill -9 loses none', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  assertAnswer(
    await world.send(parcelOf(changesOf(50)), BATCH),
    202,
    resultsOf(Array(50).fill(LATER)),
  );
  await world.relay.kill();
  assert.equal((await world.pending()).length, 50);
  world.upstream.answer = SUCCESS;
  world.upstream.requests.length = 0;
  await world.start();
  await world.settled();
  assert.equal(new Set(world.calls().map(({ id }) => id)).size, 50);
});

test('Convex is away: 202 at SYNC_WAIT_MS', async (t) => {
  const world = await makeWorld(t, { env: { ...QUICK, CONVEX_URL: NOWHERE } });
  assertAnswer(await world.send(parcelOf(changesOf(2)), BATCH), 202, resultsOf([LATER, LATER]));
});

test('without an outbox: one attempt each', async (t) => {
  const { status, body } = await sendTo(t, parcelOf(changesOf(2)), {
    env: { CONVEX_URL: NOWHERE },
  });
  const error = 'fetch failed';
  assertAnswer({ status, body }, 200, resultsOf([{ error }, { error }]));
});

// ---- all or none ----

test('the disk is full: 503, and nothing was taken, though Convex is well', async (t) => {
  const world = await makeWorld(t, { env: { OUTBOX_MAX_MB: '1' } });
  const records = changesOf(40).map((event) => {
    event.data.email = 'x'.repeat(100_000);
    return event;
  });
  const answer = await world.send(parcelOf(records), BATCH);
  assertUnavailable(answer);
  assert.match(answer.body, /could not be stored/);
  assert.equal(world.upstream.requests.length, 0);
  assert.equal((await world.stats()).accepted, 0);
  // One of them alone has room.
  assertAnswer(await world.send(parcelOf(changesOf(1)), BATCH), 200, resultsOf([DONE]));
});

// The file is looked at after each kill: all of a parcel is there, or nothing of it.
test('kill -9 while parcels are stored: all of each or none, and all that were answered', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  const size = 300;
  let answered = 0;
  for (let round = 0; round < 5; round++) {
    const sending = Array.from({ length: 6 }, (_, i) =>
      world
        .send(parcelOf(changesOf(size, 10 * round + i)), BATCH)
        .then(({ status }) => (answered += status === 202 ? 1 : 0))
        .catch(() => {}),
    );
    await waitFor('some answer', () => answered > round);
    await world.relay.kill();
    await Promise.all(sending);
    const { pending } = await world.stats();
    assert.equal(pending % size, 0, `${pending} events`);
    assert.ok(pending >= answered * size, `${pending} events, ${answered} parcels answered`);
    await world.start();
  }
});

test('a stop answers parcels that wait for Convex', async (t) => {
  const held = hold();
  const world = await makeWorld(t, { answer: held.answer, env: { ...PATIENT, DRAIN_MS: '300' } });
  const answer = world.send(parcelOf(changesOf(3)), BATCH);
  await world.upstream.arrived(3);
  await world.relay.stop();
  assertAnswer(await answer, 202, resultsOf([LATER, LATER, LATER]));
  held.open();
});

// ---- order ----

test('events of one record go in the order of the parcel, and before later ones', async (t) => {
  const world = await makeWorld(t);
  const changes = Array.from({ length: 30 }, (_, n) => userEvent('acc_1', n));
  assert.equal((await world.send(parcelOf(changes), BATCH)).status, 200);
  assertAnswer(await world.send(userEvent('acc_1', 30)), 200, DELIVERED);
  assert.deepEqual(
    world.calls().map(({ n }) => n),
    Array.from({ length: 31 }, (_, n) => n),
  );
});

// ---- many, and large ----

test('10000 records', async (t) => {
  const world = await makeWorld(t, { env: { ADMIN_PORT: '0' } });
  const { status, body } = await world.send(parcelOf(changesOf(MANY)), BATCH);
  assert.equal(status, 200);
  const { successful, failed, total, results } = JSON.parse(body);
  assert.deepEqual([successful, failed, total, results.length], [MANY, 0, MANY, MANY]);
  await world.settled();
  assert.equal(new Set(world.calls().map(({ id }) => id)).size, MANY);
  const metrics = await scrape(world.relay);
  assert.equal(metrics.sum('events_accepted_total', { model: 'users' }), MANY);
  assert.equal(metrics.sum('requests_total', { status: '200' }), 1);
});

test('10000 events of one record: in their order, and all are kept', async (t) => {
  const world = await makeWorld(t, { env: { SYNC_WAIT_MS: '1' } });
  const changes = Array.from({ length: MANY }, (_, n) => userEvent('acc_1', n));
  const { body } = await world.send(parcelOf(changes), BATCH);
  const { successful, total } = JSON.parse(body);
  assert.deepEqual([successful, total], [MANY, MANY]);
  await waitFor('some of them to be delivered', () => world.calls().length > 100);
  const numbers = world.calls().map(({ n }) => n);
  assert.deepEqual(
    numbers,
    Array.from(numbers, (_, n) => n),
  );
  const { accepted, delivered, pending } = await world.stats();
  assert.deepEqual([accepted, delivered + pending], [MANY, MANY]);
});

test('10000 records, and the disk is full: 503, and nothing was taken', async (t) => {
  const world = await makeWorld(t, { env: { OUTBOX_MAX_MB: '1' } });
  const changes = changesOf(MANY);
  for (const { data } of changes) data.email = 'x'.repeat(300);
  assertUnavailable(await world.send(parcelOf(changes), BATCH));
  assert.equal(world.upstream.requests.length, 0);
  assert.equal((await world.stats()).accepted, 0);
});

test('10000 records without an outbox: one attempt each', async (t) => {
  const { status, body, upstream } = await sendTo(t, parcelOf(changesOf(MANY)));
  assertAnswer({ status, body }, 200, resultsOf(Array.from({ length: MANY }, () => DONE)));
  assert.equal(upstream.requests.length, MANY);
});

test(`${MANY + 1} records: 413`, async (t) => {
  const { status, body, upstream } = await sendTo(t, parcelOf(changesOf(MANY + 1)));
  assert.deepEqual(
    [status, body],
    [413, '{"error":"There are 10001 records: 10000 are taken at most"}'],
  );
  assert.equal(upstream.requests.length, 0);
});

test('a body of 16 MiB, of many records and of one', async (t) => {
  const world = await makeWorld(t);
  const padded = (count) => {
    const changes = changesOf(count);
    for (const { data } of changes) data.email = 'x'.repeat((16 * MIB) / count - 200);
    return parcelOf(changes);
  };
  for (const count of [2000, 1]) {
    world.upstream.requests.length = 0;
    const { status, body } = await world.send(padded(count), BATCH);
    assert.equal(status, 200);
    assert.equal(JSON.parse(body).successful, count);
    await world.settled();
    assert.equal(new Set(world.calls().map(({ id }) => id)).size, count);
  }
});

test('a body that is too large: 413', async (t) => {
  const { status, body } = await sendTo(t, parcelOf(changesOf(100)), {
    env: { MAX_BODY_BYTES: '2000' },
  });
  assert.deepEqual(
    [status, body],
    [413, '{"error":"The body is larger than MAX_BODY_BYTES, 2000"}'],
  );
});

test('many parcels at once', async (t) => {
  const world = await makeWorld(t, { env: HASTY });
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, n) => world.send(parcelOf(changesOf(500, n)), BATCH)),
  );
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
  await world.settled();
  const { accepted, delivered } = await world.stats();
  assert.deepEqual({ accepted, delivered }, { accepted: 20_000, delivered: 20_000 });
});

// ---- the edge ----

for (const [what, body, error] of [
  ['not JSON', 'nope', 'The body is not JSON: unexpected o at byte 1'],
  ['no object', '[]', 'The body must be a JSON object'],
  ['no records', '{"model":"users"}', 'records is missing: an array of objects is expected'],
  ['records of another kind', '{"records":{}}', 'records must be an array of objects'],
  ['a record of another kind', '{"records":[{},{},7]}', 'records[2]: a JSON object is expected'],
  [
    'no JSON in a record',
    '{"records":[{},{"data":{a:1}}]}',
    'records[1]: The body is not JSON: unexpected a at byte 24',
  ],
  [
    'a number too large',
    '{"records":[{"data":{"n":1e999}}]}',
    'records[0]: The number that ends at byte 30 is too large for a double',
  ],
])
  test(`${what}: 400, and nothing was taken`, async (t) => {
    const { status, body: text, upstream } = await sendTo(t, body);
    assert.deepEqual([status, text], [400, JSON.stringify({ error })]);
    assert.equal(upstream.requests.length, 0);
  });

test('the wrong secret: 401', async (t) => {
  const { status, body } = await sendTo(t, parcelOf(changesOf(1)), { secret: 'wrong' });
  assert.deepEqual([status, body], [401, '{"error":"Unauthorized"}']);
});

test('another method: 405', async (t) => {
  const { status, response } = await sendTo(t, undefined, { method: 'GET', body: undefined });
  assert.deepEqual([status, response.headers.get('allow')], [405, 'POST']);
});

test('a coding: 415', async (t) => {
  const relay = await startRelay(t, { env: { CONVEX_URL: NOWHERE } });
  const headers = [...HEADERS, ['Content-Encoding', 'gzip']];
  const bytes = syncRequest(JSON.stringify(parcelOf(changesOf(1))), {
    target: BATCH_PATH,
    headers,
  });
  assert.equal((await exchange(relay.port, bytes)).status, 415);
});

test('a large head: 431', async (t) => {
  const relay = await startRelay(t, { env: { CONVEX_URL: NOWHERE } });
  const headers = [...HEADERS, ['X-Large', 'x'.repeat(20_000)]];
  const bytes = syncRequest('{"records":[]}', { target: BATCH_PATH, headers });
  assert.equal((await exchange(relay.port, bytes)).status, 431);
});

test('in chunks, and single events behind it on the same connection', async (t) => {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, { env: { CONVEX_URL: upstream.url } });
  const client = await openConnection(t, relay.port);
  const body = JSON.stringify(parcelOf(changesOf(3)));
  const headers = [...HEADERS, ['Transfer-Encoding', 'chunked']];
  client.write(syncRequest(chunked(body, 7), { target: BATCH_PATH, headers }));
  client.write(syncRequest(userEvent('acc_0', 1)));
  client.write(syncRequest(JSON.stringify(parcelOf(changesOf(1, 2))), { target: BATCH_PATH }));
  for (let n = 0; n < 3; n++) assert.equal((await client.answer()).status, 200);
  const calls = upstream.requests.map(callOf).filter(({ id }) => id === 'acc_0');
  assert.deepEqual(
    calls.map(({ n }) => n),
    [0, 1, 2],
  );
});

test('a client that leaves: its events count', async (t) => {
  const held = hold();
  const world = await makeWorld(t, { answer: held.answer, env: PATIENT });
  const client = await openConnection(t, world.relay.port);
  client.write(syncRequest(JSON.stringify(parcelOf(changesOf(5))), { target: BATCH_PATH }));
  await world.upstream.arrived(5);
  client.socket.resetAndDestroy();
  held.open();
  await world.settled();
  assert.equal((await world.stats()).delivered, 5);
});
