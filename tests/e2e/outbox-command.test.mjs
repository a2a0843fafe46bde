// SPDX-License-Identifier: MIT
// Dead letters, from the guide's own faults to the end: kept, listed, shown, replayed, discarded,
// beside a running relay and without one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChild } from '../lib/child.mjs';
import { userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { RELAY_BIN, relayEnv, sync } from '../lib/relay.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor, within } from '../lib/wait.mjs';
import {
  kept,
  makeWorld,
  POISON,
  ROUTES,
  runOutbox,
  sendAll,
  startWithStandin,
} from './outbox-letters.mjs';

test("the guide's faults become dead letters that name the cause", async (t) => {
  const begunMs = Date.now();
  const { world, relay } = await startWithStandin(t);
  await sendAll(relay, [POISON.nullForOptional, POISON.noAuthor, POISON.noData]);
  await sendAll(relay, [POISON.noRoute], 200);
  const rows = await kept(world, 4);
  assert.deepEqual(
    rows.map(({ model, record }) => [model, record]),
    [
      ['users', 'acc_1'],
      ['posts', 'pos_1'],
      ['users', 'acc_2'],
      ['teams', 'tea_1'],
    ],
  );
  const causes = [
    /ArgumentValidationError: Value does not match validator\.\nPath: \.handle\nValue: null/,
    /ArgumentValidationError: Object is missing the required field `authorBladeId`/,
    /^Cannot convert undefined or null to object$/,
    /no route/i,
  ];
  rows.forEach(({ reason }, i) => assert.match(reason, causes[i]));
  assert.deepEqual(
    rows.map(({ attempts }) => attempts),
    [1, 1, 0, 0],
  );
  for (const { arrived, died, state, stale } of rows) {
    assert.ok(Date.parse(died) >= Date.parse(arrived));
    assert.ok(Date.parse(arrived) >= begunMs - 1000 && Date.parse(died) <= Date.now());
    assert.deepEqual([state, stale], ['dead', false]);
  }
});

test('they are listed for people, shown whole, and counted', async (t) => {
  const { world, relay } = await startWithStandin(t);
  await sendAll(relay, [POISON.nullForOptional, POISON.noAuthor]);
  const [{ id }] = await kept(world, 2);

  const list = await world.outbox('list', '--model', 'users');
  assert.match(
    list.out,
    new RegExp(`^${id} +dead +users +acc_1 +\\d+s +1 +\\S*ArgumentValidationError: .*\n$`),
  );

  const shown = await world.outbox('show', `${id}`);
  const [head, body] = shown.out.split(/\n\n(.*)/s);
  assert.match(head, new RegExp(`^id: +${id}\nstate: +dead\nmodel: +users\nrecord: +acc_1\n`));
  assert.match(head, /\nreason: .*\n.*ArgumentValidationError.*\n +Path: \.handle/);
  assert.equal(body, JSON.stringify(POISON.nullForOptional));
  const asJson = JSON.parse((await world.outbox('show', '--json', `${id}`)).out);
  assert.equal(asJson.body, body);

  assert.deepEqual(await world.stats(), {
    accepted: 2,
    delivered: 0,
    discarded: 0,
    dead: 2,
    pending: 0,
  });
  assert.match((await world.outbox('stats')).out, /^dead +2$/m);
});

test('nulls: "drop" heals an unset field, and a replay is taken up', async (t) => {
  const { standin, world, relay } = await startWithStandin(t);
  await sendAll(relay, [POISON.nullForOptional]);
  const [{ id }] = await kept(world, 1);

  world.files.write('routes.json', { ...ROUTES, users: { ...ROUTES.users, nulls: 'drop' } });
  await relay.reload();
  const { code, out } = await world.outbox('replay', `${id}`);
  assert.deepEqual([code, out], [0, `${id}: will be sent again\n`]);
  const [user] = await waitFor('the record', async () => {
    const users = await standin.records('users');
    return users.length > 0 && users;
  });
  assert.equal(user.bladeId, 'acc_1');
  assert.deepEqual(
    await waitFor('an empty outbox', async () => {
      const stats = await world.stats();
      return stats.delivered === 1 && stats;
    }),
    { accepted: 1, delivered: 1, discarded: 0, dead: 0, pending: 0 },
  );
  assert.deepEqual(await world.rows(), []);
});

test('what is replayed and refused again is a dead letter again', async (t) => {
  const { standin, world, relay } = await startWithStandin(t);
  await sendAll(relay, [POISON.noAuthor]);
  await kept(world, 1);
  await standin.clearLog();
  assert.equal((await world.outbox('replay', '--all')).out, '1 will be sent again\n');
  await waitFor('another attempt', async () => (await standin.log()).requests.length > 0);
  const [row] = await kept(world, 1);
  assert.match(row.reason, /authorBladeId/);
  assert.deepEqual(await world.stats(), {
    accepted: 1,
    delivered: 0,
    discarded: 0,
    dead: 1,
    pending: 0,
  });
});

test('a discarded one is gone for good', async (t) => {
  const { world, relay } = await startWithStandin(t);
  await sendAll(relay, [POISON.noAuthor, POISON.nullForOptional]);
  const [{ id }, other] = await kept(world, 2);
  assert.deepEqual(await world.outbox('discard', `${id}`), {
    code: 0,
    out: `${id}: is discarded\n`,
    err: '',
  });
  assert.deepEqual(await world.rows(), [other]);
  assert.deepEqual(await world.stats(), {
    accepted: 2,
    delivered: 0,
    discarded: 1,
    dead: 1,
    pending: 0,
  });
  for (const word of ['show', 'replay', 'discard']) {
    assert.deepEqual(await world.outbox(word, `${id}`), {
      code: 1,
      out: '',
      err: `convex-relay: ${id}: there is no such event\n`,
    });
  }
});

test('letters outlive the relay, and its absence', async (t) => {
  const { standin, world, relay } = await startWithStandin(t);
  await sendAll(relay, [POISON.nullForOptional, POISON.noAuthor, POISON.noData]);
  const [first, second, third] = (await kept(world, 3)).map(({ id }) => `${id}`);
  await relay.kill();

  assert.equal((await world.rows('--state', 'dead')).length, 3);
  assert.equal((await world.outbox('discard', third)).code, 0);
  assert.equal((await world.outbox('replay', first)).code, 0);
  assert.deepEqual(
    (await world.rows('--state', 'pending')).map(({ id, replay }) => [`${id}`, replay]),
    [[first, true]],
  );
  assert.match(
    (await world.outbox('list', '--state', 'pending')).out,
    new RegExp(`^${first} +replay `),
  );
  assert.equal(
    (await world.outbox('replay', first)).err,
    `convex-relay: ${first}: it is waiting to be sent again already\n`,
  );

  world.files.write('routes.json', { ...ROUTES, users: { ...ROUTES.users, nulls: 'drop' } });
  await world.start();
  await waitFor('the record', async () => (await standin.records('users')).length === 1);
  await waitFor('its end', async () => (await world.stats()).delivered === 1);
  assert.deepEqual(await world.stats(), {
    accepted: 3,
    delivered: 1,
    discarded: 1,
    dead: 1,
    pending: 0,
  });
  assert.deepEqual(
    (await world.rows()).map(({ id, state }) => [`${id}`, state]),
    [[second, 'dead']],
  );
});

const REJECTED = { json: { status: 'error', errorMessage: 'no' } };

test('a letter that a newer event has overtaken needs --force', async (t) => {
  const upstream = await startUpstream(t, REJECTED);
  const world = makeWorld(t, upstream.url);
  const relay = await world.start();
  await sendAll(relay, [userEvent('acc_1', 1), userEvent('acc_2', 1)]);
  const [id, other] = (await kept(world, 2)).map((row) => `${row.id}`);
  upstream.answer = SUCCESS;
  await sendAll(relay, [userEvent('acc_1', 2)], 200);
  await waitFor('a stale letter', async () => (await world.rows()).some(({ stale }) => stale));
  assert.match((await world.outbox('list')).out, new RegExp(`^${id} +stale .*\n${other} +dead `));
  assert.match((await world.outbox('show', id)).out, /^state: +dead; a newer event/m);

  const refused = await world.outbox('replay', id);
  assert.equal(refused.code, 1);
  assert.match(
    refused.err,
    new RegExp(`^convex-relay: ${id}: a newer event of its record was delivered.*--force`),
  );
  const all = await world.outbox('replay', '--all', '--model=users');
  assert.deepEqual([all.code, all.out], [1, '1 will be sent again\n']);
  assert.match(all.err, /^convex-relay: 1 stay dead: .*--force/);
  await waitFor('the other one', () => upstream.requests.length === 4);

  assert.equal((await world.outbox('replay', '--force', id)).code, 0);
  await waitFor('the forced one', () => upstream.requests.length === 5);
  const names = upstream.requests
    .map(({ text }) => JSON.parse(text).args[0])
    .map(({ bladeId, name }) => `${bladeId} ${name}`);
  assert.deepEqual(names, ['acc_1 1', 'acc_2 1', 'acc_1 2', 'acc_2 1', 'acc_1 1']);
  await waitFor('its end', async () => (await world.stats()).delivered === 3);
  assert.deepEqual(await world.rows(), []);
});

test('a pending event can be looked at, but not touched', async (t) => {
  const upstream = await startUpstream(t, { then: 'reset' });
  const world = makeWorld(t, upstream.url);
  const relay = await world.start();
  const asked = sync(relay, userEvent('acc_1'));
  const [row] = await waitFor('a pending event', async () => {
    const rows = await world.rows('--state=pending');
    return rows.length > 0 && rows;
  });
  assert.deepEqual([row.state, row.replay, row.died], ['pending', false, null]);
  for (const words of [['replay'], ['replay', '--force'], ['discard']]) {
    assert.deepEqual(await world.outbox(...words, `${row.id}`), {
      code: 1,
      out: '',
      err: `convex-relay: ${row.id}: it is pending, not dead: the relay is still trying to deliver it\n`,
    });
  }
  upstream.answer = SUCCESS;
  assert.ok((await asked).ok);
});

test('what a sender writes does not reach a terminal raw, and JSON stays JSON', async (t) => {
  const upstream = await startUpstream(t, {
    json: { status: 'error', errorMessage: '\u001b[2J\u009b\u202eno' },
  });
  const world = makeWorld(t, upstream.url);
  const relay = await world.start();
  const hiveId = '\u001b]0;x\u0007\ud800\n\u0000';
  await sendAll(relay, [{ ...userEvent('acc_1'), hiveId }]);
  const [row] = await kept(world, 1);
  assert.equal(row.record, hiveId);
  assert.match(row.reason, /no$/);
  const { out } = await world.outbox('list');
  assert.match(out, /\\x1b\]0;x\\x07\\ud800/);
  assert.match(out, /\\x1b\[2J\\u009b\\u202eno\n$/);
  assert.doesNotMatch(out.trimEnd(), /[^ -~…]/u);
});

test('a reader that has seen enough ends a long list in silence', async (t) => {
  const upstream = await startUpstream(t);
  const world = makeWorld(t, upstream.url);
  const relay = await world.start();
  const id = (n) => `${n}${'x'.repeat(1000)}`;
  await Promise.all(
    Array.from({ length: 300 }, (_, n) =>
      sendAll(relay, [{ model: 'teams', hiveId: id(n), data: {} }], 200),
    ),
  );
  await kept(world, 300);
  const shell = startChild(
    t,
    'bash',
    ['-c', 'set -o pipefail; "$0" outbox list --json | head -n 1', RELAY_BIN],
    { env: relayEnv(world.env) },
  );
  assert.deepEqual(
    await within('the pipe to end', shell.exited),
    { code: 0, signal: null },
    shell.stderr(),
  );
  assert.equal(shell.stderr(), '');
  assert.equal(JSON.parse(shell.stdout()).model, 'teams');
});

const unusable = [
  ['off', 'off', /^convex-relay: OUTBOX: off: nothing is kept/],
  [
    'that is not there',
    '/nonexistent/outbox.db',
    /^convex-relay: OUTBOX: \/nonexistent\/outbox\.db: /,
  ],
  ['that is a folder', '/tmp', /^convex-relay: OUTBOX: \/tmp: is not a file/],
  ['of somebody else', RELAY_BIN, /^convex-relay: OUTBOX: .*convex-relay: holds no outbox/],
];
for (const [name, file, message] of unusable) {
  test(`an outbox ${name} is named`, async (t) => {
    const { code, out, err } = await runOutbox(t, { OUTBOX: file, SYNC_SECRET: undefined }, [
      'list',
    ]);
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, message);
    assert.equal(err.trimEnd().split('\n').length, 1);
  });
}

test('the file is found under STATE_DIRECTORY, as the relay does', async (t) => {
  const { folder } = makeFolder(t);
  const { code, err } = await runOutbox(t, { OUTBOX: undefined, STATE_DIRECTORY: folder }, [
    'stats',
  ]);
  assert.equal(code, 2);
  assert.ok(err.startsWith(`convex-relay: OUTBOX: ${folder}/outbox.db: `), err);
});

test('wrong usage says what is expected', async (t) => {
  const { code, out, err } = await runOutbox(t, {}, ['replay']);
  assert.deepEqual([code, out], [2, '']);
  assert.equal(
    err,
    'convex-relay: ids or --all are expected; ' +
      'usage: convex-relay outbox replay ID...|--all [--model M] [--reason TEXT] [--before TIME] [--dry-run] [--force]\n',
  );
});
