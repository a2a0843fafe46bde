// SPDX-License-Identifier: MIT
// What --all takes of the dead letters: by model, reason and time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { userEvent } from '../lib/events.mjs';
import { sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';
import {
  kept,
  makeWorld,
  POISON,
  ROUTES,
  runOutbox,
  sendAll,
  startWithStandin,
} from './outbox-letters.mjs';

// Four letters, the last of which has no route.
async function startWithLetters(t) {
  const all = await startWithStandin(t);
  await sendAll(all.relay, [POISON.nullForOptional, POISON.noAuthor, POISON.noData]);
  await sendAll(all.relay, [POISON.noRoute], 200);
  return { ...all, letters: await kept(all.world, 4) };
}

// Each row: a selection, and which of the letters it holds.
const selections = (letters) => {
  const thirdMs = Date.parse(letters[2].died);
  const iso = (ms) => new Date(ms).toISOString();
  const diedBefore =
    (ms) =>
    ({ died }) =>
      Date.parse(died) < ms;
  return [
    [[], () => true],
    [['--model', 'users'], ({ model }) => model === 'users'],
    [
      ['--reason', 'ArgumentValidationError'],
      ({ reason }) => reason.includes('ArgumentValidationError'),
    ],
    [
      ['--reason=undefined or null', '--model=users'],
      ({ reason }) => reason.startsWith('Cannot convert'),
    ],
    [['--reason=undefined or null', '--model=posts'], () => false],
    [['--before', iso(thirdMs)], diedBefore(thirdMs)],
    [['--before', iso(thirdMs + 1)], diedBefore(thirdMs + 1)],
    // Without a zone, as clocks two hours east of Greenwich show it.
    [['--before', iso(thirdMs + 7_200_000).slice(0, -1)], diedBefore(thirdMs)],
    [['--before', '0s'], () => true],
    [['--before', '1h'], () => false],
    [['--before', '2100-01-01'], () => true],
  ];
};

test('a dry run says how many letters a selection holds, and changes nothing', async (t) => {
  const { world, letters } = await startWithLetters(t);
  world.env.TZ = 'EET-2';
  for (const [selection, holds] of selections(letters)) {
    const n = letters.filter(holds).length;
    for (const [word, would] of [
      ['replay', 'would be sent again'],
      ['discard', 'would be discarded'],
    ]) {
      assert.deepEqual(
        await world.outbox(word, '--all', ...selection, '--dry-run'),
        { code: 0, out: `${n} ${would}\n`, err: '' },
        selection.join(' '),
      );
    }
  }
  assert.deepEqual(await world.rows(), letters);
  const { id } = letters[1];
  assert.equal(
    (await world.outbox('discard', '--dry-run', `${id}`)).out,
    `${id}: would be discarded\n`,
  );
  assert.deepEqual(await world.rows(), letters);
});

test('what a selection holds is discarded or sent again, and nothing else', async (t) => {
  const { standin, world, relay, letters } = await startWithLetters(t);
  assert.deepEqual(
    await world.outbox('discard', '--all', '--reason=Cannot convert', '--before=0s'),
    { code: 0, out: '1 is discarded\n', err: '' },
  );
  assert.deepEqual(
    await world.rows(),
    letters.filter(({ reason }) => !reason.includes('Cannot convert')),
  );

  world.files.write('routes.json', { ...ROUTES, users: { ...ROUTES.users, nulls: 'drop' } });
  await relay.reload();
  assert.deepEqual(await world.outbox('replay', '--all', '--reason', '.handle'), {
    code: 0,
    out: '1 will be sent again\n',
    err: '',
  });
  await waitFor('the record', async () => (await standin.records('users')).length === 1);
  await waitFor('its end', async () => (await world.stats()).delivered === 1);
  assert.deepEqual(
    (await world.rows()).map(({ model }) => model),
    ['posts', 'teams'],
  );
  assert.deepEqual(await world.outbox('discard', '--all'), {
    code: 0,
    out: '2 are discarded\n',
    err: '',
  });
  assert.deepEqual(await world.stats(), {
    accepted: 4,
    delivered: 1,
    discarded: 3,
    dead: 0,
    pending: 0,
  });
});

test('thousands are discarded while the relay goes on', async (t) => {
  const upstream = await startUpstream(t);
  const world = makeWorld(t, upstream.url);
  const relay = await world.start();
  const letters = 3000,
    side = 20;
  for (let sent = 0; sent < letters;) {
    await Promise.all(
      Array.from({ length: side }, () =>
        sendAll(relay, [{ model: 'teams', hiveId: `t${sent++}`, data: {} }], 200),
      ),
    );
  }
  await waitFor('the letters', async () => (await world.stats()).dead === letters);
  const discarding = world.outbox('discard', '--all', '--model=teams');
  let delivered = 0;
  let ended = false;
  discarding.then(() => (ended = true));
  do {
    assert.equal((await sync(relay, userEvent(`acc_${delivered}`))).status, 200);
    delivered++;
  } while (!ended);
  assert.deepEqual(await discarding, { code: 0, out: `${letters} are discarded\n`, err: '' });
  assert.deepEqual(
    await waitFor('the counts', async () => {
      const stats = await world.stats();
      return stats.delivered === delivered && stats;
    }),
    { accepted: letters + delivered, delivered, discarded: letters, dead: 0, pending: 0 },
  );
});

for (const [name, args, message] of [
  [
    'a time that cannot be read',
    ['discard', '--all', '--before', 'last week'],
    /--before is a time, such as .*Z, or an age, such as 90m/,
  ],
  ['a selection beside an id', ['discard', '7', '--reason', 'x'], /"--reason" goes with --all/],
  ['a selection without --all', ['replay', '--before', '3d'], /"--before" goes with --all/],
  [
    'an empty reason',
    ['discard', '--all', '--reason', ''],
    /--reason is a part of the reason, and not empty/,
  ],
]) {
  test(`${name} is refused, and nothing is looked at`, async (t) => {
    const { code, out, err } = await runOutbox(t, { OUTBOX: '/nonexistent/outbox.db' }, args);
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, message);
    assert.equal(err.trimEnd().split('\n').length, 1);
  });
}
