// SPDX-License-Identifier: MIT
// What the log says of each request, and the id that joins it to the sender's log and to Convex's.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  truncateSync,
} from 'node:fs';
import { test } from 'node:test';
import { syncRequest, userEvent, HEADERS } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { HASTY, makeWorld, PATIENT, REJECTION } from '../lib/outbox-world.mjs';
import { exchange } from '../lib/rawhttp.mjs';
import { assertEnded, spawnRelay, startRelay, sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const MADE = /^[0-9a-f]{8}-\d+$/;

async function start(t, env = {}) {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, {
    env: { CONVEX_URL: upstream.url, LOG_FORMAT: 'json', ...env },
  });
  return { upstream, relay };
}

const lines = (relay) =>
  relay
    .stderr()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const DEAD_LETTER = 'dead letter: convex-relay outbox show ID says why';
const linesOf = (relay, msg) => lines(relay).filter((line) => line.msg === msg);

// What was answered under which id, and which id Convex got.
async function ids({ relay, upstream }, given, event = userEvent('acc_1')) {
  const headers = [...HEADERS, ...given.map((value) => ['X-Request-Id', value])];
  const seen = upstream.requests.length;
  const answer = await exchange(relay.port, syncRequest(event, { headers }));
  const [call] = upstream.requests.slice(seen);
  return {
    status: answer.status,
    answered: answer.headers['x-request-id'],
    sent: call?.headers['convex-request-id'],
  };
}

test("a sender's id comes back, and goes to Convex", async (t) => {
  const world = await start(t);
  assert.deepEqual(await ids(world, ['sender-1']), {
    status: 200,
    answered: 'sender-1',
    sent: 'sender-1',
  });
});

for (const [what, given] of [
  ['none', []],
  ['two', ['a', 'b']],
  ['an empty one', ['']],
  ['one with a blank', ['a b']],
  ['one that is too long', ['x'.repeat(65)]],
  ['one that is no ASCII', ['\xe9']],
]) {
  test(`${what}: an id is made`, async (t) => {
    const world = await start(t);
    const { status, answered, sent } = await ids(world, given);
    assert.equal(status, 200);
    assert.match(answered, MADE);
    assert.equal(sent, answered);
  });
}

test('every made id is another one, and two processes share none', async (t) => {
  const worlds = await Promise.all([start(t), start(t)]);
  const made = [];
  for (const world of worlds) {
    for (let i = 0; i < 20; i++) made.push((await ids(world, [])).answered);
  }
  assert.equal(new Set(made).size, made.length);
});

test('every answer has the id, whoever gives it', async (t) => {
  const { relay } = await start(t, { MAX_BODY_BYTES: '1024' });
  const id = ['X-Request-Id', 'sender-2'];
  const large = 'x'.repeat(1025);
  for (const [expected, request] of [
    [401, syncRequest(undefined, { headers: [['Host', 'x'], id] })],
    [400, syncRequest('{', { headers: [...HEADERS, id] })],
    [413, syncRequest(large, { headers: [...HEADERS, id] })],
    [
      413,
      syncRequest(`401\r\n${large}\r\n0\r\n\r\n`, {
        headers: [...HEADERS, id, ['Transfer-Encoding', 'chunked']],
      }),
    ],
    [415, syncRequest(undefined, { headers: [...HEADERS, id, ['Content-Encoding', 'br']] })],
    [404, syncRequest(undefined, { target: '/elsewhere', headers: [...HEADERS, id] })],
    [405, syncRequest(undefined, { method: 'PUT', headers: [...HEADERS, id] })],
  ]) {
    const { status, headers } = await exchange(relay.port, request);
    assert.deepEqual([status, headers['x-request-id']], [expected, 'sender-2']);
  }
});

test('later attempts have the id of the request that brought the event', async (t) => {
  const world = await makeWorld(t, {
    answer: [
      { status: 503, json: { code: 'OptimisticConcurrencyControlFailure', message: '' } },
      { json: { status: 'success', value: null } },
    ],
    env: HASTY,
  });
  await world.send(userEvent('acc_1'), {
    headers: { 'X-Sync-Secret': 'a-secret-for-tests', 'X-Request-Id': 'sender-3' },
  });
  await world.settled();
  assert.deepEqual(
    world.upstream.requests.map(({ headers }) => headers['convex-request-id']),
    ['sender-3', 'sender-3'],
  );
});

test('at debug a request is one line with all that is known of it, and an attempt another', async (t) => {
  const world = await start(t);
  await ids(world, ['sender-4'], { ...userEvent('acc_7'), operation: 'add' });
  const [line] = linesOf(world.relay, 'request');
  const { time, ms, ...rest } = line;
  assert.ok(Number(ms) >= 0 && !Number.isNaN(Date.parse(time)));
  assert.deepEqual(rest, {
    level: 'debug',
    msg: 'request',
    request: 'sender-4',
    model: 'users',
    operation: 'add',
    hive_id: 'acc_7',
    status: '200',
    outcome: 'delivered',
  });
  const [attempt] = linesOf(world.relay, 'attempt');
  assert.deepEqual(
    [attempt.request, attempt.model, attempt.outcome],
    ['sender-4', 'users', 'done'],
  );
});

test('what names no record is not logged as one', async (t) => {
  const world = await start(t);
  await ids(world, [], {
    ...userEvent('acc_1'),
    hiveId: { email: 'PLANTED-hive' },
    operation: ['PLANTED-operation'],
  });
  const [line] = linesOf(world.relay, 'request');
  assert.deepEqual([line.hive_id, line.operation, line.status], [undefined, undefined, '200']);
});

test('a line of warning has the id', async (t) => {
  const world = await makeWorld(t, { answer: REJECTION, env: { ...PATIENT, LOG_FORMAT: 'json' } });
  await world.send(userEvent('acc_1'), {
    headers: { 'X-Sync-Secret': 'a-secret-for-tests', 'X-Request-Id': 'sender-5' },
  });
  await world.send({ ...userEvent('acc_1'), model: 'teams' });
  await waitFor('the warnings', () => linesOf(world.relay, DEAD_LETTER).length === 2);
  assert.equal(linesOf(world.relay, DEAD_LETTER)[0].request, 'sender-5');
  const [unrouted] = linesOf(
    world.relay,
    'no route for the model: the event is not delivered: add the model to ROUTES',
  );
  assert.equal(unrouted.model, 'teams');
  assert.match(unrouted.request, MADE);
});

test('dead letters are summed up by model', async (t) => {
  const world = await makeWorld(t, { answer: REJECTION, env: { ...PATIENT, LOG_FORMAT: 'json' } });
  for (let i = 0; i < 10; i++) {
    for (const model of ['users', 'posts']) await world.send({ ...userEvent(`acc_${i}`), model });
  }
  await world.relay.stop();
  assert.deepEqual(
    linesOf(world.relay, DEAD_LETTER)
      .map(({ model, more }) => `${model} ${more}`)
      .sort(),
    ['posts 9', 'posts undefined', 'users 9', 'users undefined'],
  );
});

test('a fault that repeats is summed up', async (t) => {
  const { relay } = await start(t, { LOG_LEVEL: 'info' });
  for (let i = 0; i < 50; i++) {
    assert.equal((await sync(relay, userEvent('acc_1'), { secret: 'wrong' })).status, 401);
    assert.equal((await sync(relay, { model: 'teams' })).status, 200);
  }
  assert.equal(
    linesOf(relay, 'unauthorized: the secret is missing or wrong: compare SYNC_SECRET').length,
    1,
  );
  await relay.stop();
  const more = (msg) => linesOf(relay, msg).map((line) => line.more);
  assert.deepEqual(more('unauthorized: the secret is missing or wrong: compare SYNC_SECRET'), [
    undefined,
    '49',
  ]);
  assert.deepEqual(
    more('no route for the model: the event is not delivered: add the model to ROUTES'),
    [undefined, '49'],
  );
});

// A pipe that the test reads when it likes; node's own would be read all the time.
test('a log that nobody reads: events go on, and once it is read, it tells how many lines are missing', async (t) => {
  const files = makeFolder(t);
  const pipe = files.path('log');
  execFileSync('mkfifo', [pipe]);
  const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => closeSync(fd));
  let log = '';
  const read = () => {
    const bytes = Buffer.alloc(65536);
    try {
      log += bytes.toString('utf8', 0, readSync(fd, bytes));
    } catch (error) {
      assert.equal(error.code, 'EAGAIN');
    }
    return log;
  };
  const upstream = await startUpstream(t);
  const relay = spawnRelay(t, {
    under: ['sh', '-c', 'exec "$0" 2>"$LOG"'],
    env: { CONVEX_URL: upstream.url, LOG: pipe },
  });
  const [, port] = await waitFor('its address', () =>
    /listening address=[\d.]+:(\d+)/.exec(read()),
  );

  const at = { url: `http://127.0.0.1:${port}` };
  for (let n = 0; n < 2000; n++) assert.equal((await sync(at, userEvent('acc_1', n))).status, 200);
  const told = await waitFor('room', async () => {
    assert.equal((await sync(at, userEvent('acc_1'))).status, 200);
    return read().match(/ warn the log had no room: lines are missing lines=(\d+)\n/);
  });
  const lines = log.match(/ debug request /g).length;
  assert.ok(Number(told[1]) > 0 && Number(told[1]) + lines >= 2000, `${told} and ${lines}`);
  relay.signal('SIGTERM');
  await assertEnded(relay);
});

// A terminal is writable once there is room for a byte. script(1) reads from this terminal until
// stopped.
test('a terminal that nobody reads: events go on', async (t) => {
  const upstream = await startUpstream(t);
  const script = spawnRelay(t, {
    under: ['sh', '-c', 'exec script -qfc "exec $0" /dev/null'],
    env: { CONVEX_URL: upstream.url },
  });
  const [, port] = await script.find('stdout', /listening address=[\d.]+:(\d+)/);
  const pid = Number(readFileSync(`/proc/${script.pid}/task/${script.pid}/children`, 'utf8'));
  script.signal('SIGSTOP');
  const at = { url: `http://127.0.0.1:${port}` };
  for (let n = 0; n < 500; n++) assert.equal((await sync(at, userEvent('acc_1', n))).status, 200);
  process.kill(pid, 'SIGTERM');
  await waitFor('the end', () => / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
});

// logrotate's copytruncate. A shell opens a file without O_APPEND for 2>log, and with it for
// 2>>log.
for (const redirection of ['2>', '2>>', '2<>']) {
  test(`${redirection}log, emptied while it is written: the next line is at its beginning`, async (t) => {
    const log = makeFolder(t).path('log');
    const upstream = await startUpstream(t);
    const relay = spawnRelay(t, {
      under: ['sh', '-c', `exec "$0" ${redirection}"$LOG"`],
      env: { CONVEX_URL: upstream.url, LOG: log },
    });
    const read = () => readFileSync(log, 'utf8');
    await waitFor('the log', () => existsSync(log));
    const [, port] = await waitFor('its address', () =>
      /listening address=[\d.]+:(\d+)/.exec(read()),
    );
    const at = { url: `http://127.0.0.1:${port}` };
    for (let round = 0; round < 3; round++) {
      assert.equal((await sync(at, userEvent('acc_1', round))).status, 200);
      await waitFor('the line of the request', () => read().includes(' debug request '));
      truncateSync(log);
    }
    assert.equal((await sync(at, userEvent('acc_1', 3))).status, 200);
    assert.match(await waitFor('a line', read), /^\d{4}-\d\d-\d\dT[^\0]*\n$/);
    relay.signal('SIGTERM');
    await relay.exited;
    assert.match(read(), /^\d{4}-[^\0]* info stopped\n$/);
  });
}
