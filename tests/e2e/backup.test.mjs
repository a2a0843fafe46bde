// SPDX-License-Identifier: MIT
// Backups: made beside a relay at work, and put back under one.

import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startChild } from '../lib/child.mjs';
import { DELIVERED, userEvent } from '../lib/events.mjs';
import { outbox, outboxRows, outboxStats } from '../lib/outbox.mjs';
import { assertAnswer, HANG, HASTY, makeWorld, PATIENT, QUEUED } from '../lib/outbox-world.mjs';
import { RELAY_BIN, relayEnv } from '../lib/relay.mjs';
import { SUCCESS } from '../lib/upstream.mjs';
import { within } from '../lib/wait.mjs';

// As in docs/operating.md: stop, move the old files away, put the backup in their place, start.
async function restore(world, backup, more) {
  await world.relay.stop();
  for (const name of readdirSync(world.folder).filter((file) => file.startsWith('outbox.db'))) {
    renameSync(path.join(world.folder, name), path.join(world.folder, `lost-${name}`));
  }
  copyFileSync(backup, world.file);
  await world.start(more);
}

// In some of these Convex says nothing: stops need not wait for an answer.
const STORED = { ...HASTY, DRAIN_MS: '0' };

const heldBack = ({ state, stale, reason }) => [
  state,
  stale,
  /^Restored from a backup/.test(reason),
];

test('made again and again while events come: each holds what was answered before it', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: STORED });
  const statuses = [];
  let sending = true;
  const sender = (async () => {
    for (let n = 0; sending; n++) {
      statuses.push((await world.send(userEvent(`acc_${n}`))).status);
    }
  })();
  for (let round = 0; round < 5; round++) {
    const file = path.join(world.folder, `copy-${round}.db`);
    const before = statuses.length;
    assert.equal(await outbox({ OUTBOX: world.file }, 'backup', file), `${file}: complete\n`);
    const { pending } = await outboxStats({ OUTBOX: file });
    assert.ok(
      pending >= before && pending <= statuses.length + 1,
      `${before} ${pending} ${statuses.length}`,
    );
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const rows = await outboxRows({ OUTBOX: file });
    assert.deepEqual(
      rows.map(({ record }) => record),
      rows.map((_, n) => `acc_${n}`),
    );
  }
  sending = false;
  await sender;
  assert.deepEqual(new Set(statuses), new Set([202]));
  assert.deepEqual(
    readdirSync(world.folder).filter((file) => file.includes('partial')),
    [],
  );
});

test('it overwrites nothing, and says so', async (t) => {
  const world = await makeWorld(t, { env: STORED });
  const file = path.join(world.folder, 'copy.db');
  const run = async () => {
    const child = startChild(t, RELAY_BIN, ['outbox', 'backup', file], {
      env: relayEnv({ OUTBOX: world.file }),
    });
    const { code } = await within('the backup', child.exited);
    return [code, child.stderr()];
  };
  assert.deepEqual(await run(), [0, '']);
  assert.deepEqual(await run(), [
    1,
    `convex-relay: ${file}: is there already; backups overwrite nothing\n`,
  ]);
});

test('put back: an event that was pending does not undo what was delivered since', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: STORED });
  assertAnswer(await world.send(userEvent('acc_1', 1)), 202, QUEUED);
  assertAnswer(await world.send(userEvent('acc_2', 1)), 202, QUEUED);
  const backup = path.join(world.folder, 'copy.db');
  await outbox({ OUTBOX: world.file }, 'backup', backup);
  await world.relay.stop();

  world.upstream.answer = SUCCESS;
  world.upstream.requests.length = 0;
  await world.start(PATIENT);
  await world.settled();
  assertAnswer(await world.send(userEvent('acc_1', 2)), 200, DELIVERED);
  const sent = world.upstream.requests.length;

  await restore(world, backup, PATIENT);
  assert.match(world.log(), /restored from a backup.*events=2/);
  assertAnswer(await world.send(userEvent('acc_1', 3)), 200, DELIVERED);
  assert.deepEqual(
    world
      .calls()
      .slice(sent)
      .map(({ id, n }) => [id, n]),
    [['acc_1', 3]],
  );
  const dead = await world.dead();
  assert.deepEqual(dead.map(heldBack), [
    ['dead', true, true],
    ['dead', true, true],
  ]);

  await outbox({ OUTBOX: world.file }, 'discard', String(dead[0].id));
  await outbox({ OUTBOX: world.file }, 'replay', '--all', '--force');
  await world.settled();
  assert.deepEqual(
    world
      .calls()
      .slice(sent)
      .map(({ id, n }) => [id, n]),
    [
      ['acc_1', 3],
      ['acc_2', 1],
    ],
  );

  await world.relay.stop(); // and from now on it is an outbox like any other
  await world.start(STORED);
  world.upstream.answer = HANG;
  await world.send(userEvent('acc_1', 4));
  await world.relay.stop();
  world.upstream.answer = SUCCESS;
  await world.start(PATIENT);
  await world.settled();
  assert.deepEqual(world.calls().at(-1).n, 4);
});

test('moved, not restored: the file of a relay that was stopped is whole, and goes on', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: STORED });
  await world.send(userEvent('acc_1', 1));
  await world.relay.stop();
  const moved = path.join(world.folder, 'moved.db');
  renameSync(world.file, moved);
  world.upstream.answer = SUCCESS;
  world.upstream.requests.length = 0;
  await world.start({ OUTBOX: moved });
  await world.upstream.arrived(1);
  assert.deepEqual(
    world.calls().map(({ n }) => n),
    [1],
  );
});

test('put back beside the log of the file that it replaces: refused, and named', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: STORED });
  await world.send(userEvent('acc_1', 1));
  const backup = path.join(world.folder, 'copy.db');
  await outbox({ OUTBOX: world.file }, 'backup', backup);
  await world.relay.kill();
  copyFileSync(backup, world.file);
  await assert.rejects(world.start(), /OUTBOX: .*move the ones that end in -wal and -shm away/);
  for (const end of ['-wal', '-shm']) rmSync(world.file + end);
  await world.start();
  assert.equal((await world.stats()).dead, 1);
});
