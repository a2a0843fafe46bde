// SPDX-License-Identifier: MIT
// The outbox's files under a running relay: removed, moved, exchanged, or wanted by a second relay.
// What it was given before is kept, nothing is taken any more that no start would find, and no
// command says done of what is not.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import {
  assertAnswer,
  assertUnavailable,
  HANG,
  HASTY,
  makeWorld,
  NOWHERE,
  QUEUED,
  REJECTION,
} from '../lib/outbox-world.mjs';
import { assertEnded, runRelay, spawnRelay } from '../lib/relay.mjs';
import { SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const ready = async ({ url }) => (await fetch(`${url}/readyz`)).status;

const command = (t, world, ...args) =>
  runRelay(t, { env: { OUTBOX: world.file }, args: ['outbox', ...args] });

// How a file loses its name: for good, for a while, or to another file.
const removed = (file) => unlinkSync(file);
const moved = (file) => renameSync(file, `${file}.away`);
function exchanged(file) {
  renameSync(file, `${file}.away`);
  cpSync(`${file}.away`, file);
}

const LOSSES = [
  ['-wal', 'is removed', removed, /-wal was removed, emptied or exchanged: restart the relay/],
  ['-wal', 'is moved away', moved, /-wal was removed/],
  ['-wal', 'is exchanged', exchanged, /-wal was removed/],
  ['-shm', 'is removed', removed, /-shm was removed, emptied or exchanged: restart the relay/],
  ['-shm', 'is moved away', moved, /-shm was removed/],
  ['-shm', 'is exchanged', exchanged, /-shm was removed/],
  [
    'both',
    'are removed',
    (file) => [removed(file.replace(/both$/, '-wal')), removed(file.replace(/both$/, '-shm'))],
    /-wal was removed/,
  ],
];
for (const [part, what, lose, says] of LOSSES) {
  test(`${part} ${what} under a relay: 503, not ready, no command works, and what was accepted is there after kill -9`, async (t) => {
    const world = await makeWorld(t, { answer: REJECTION });
    for (let n = 0; n < 2; n++)
      assert.equal((await world.send(userEvent(`dead_${n}`))).status, 500);
    world.upstream.answer = HANG;
    await world.relay.stop();
    const [first, second] = (await world.dead()).map(({ id }) => `${id}`);
    await world.start(HASTY);
    for (let n = 0; n < 3; n++) assertAnswer(await world.send(userEvent(`acc_${n}`)), 202, QUEUED);

    lose(world.file + part);
    assertUnavailable(await world.send(userEvent('acc_refused')));
    assert.equal(await ready(world.relay), 503);
    assert.match(world.log(), says);
    for (const args of [['discard', first], ['replay', second], ['stats'], ['list']]) {
      const { code, out, err } = await command(t, world, ...args);
      assert.deepEqual([code, out], [1, ''], `${args} ${err}`);
      assert.match(
        err,
        /^convex-relay: OUTBOX: [^\n]* removed or exchanged under the relay[^\n]*; restart that relay[^\n]*\n$/,
      );
    }

    await world.relay.kill();
    await world.start(HASTY);
    const { pending, dead, discarded } = await world.stats();
    assert.deepEqual({ pending, dead, discarded }, { pending: 3, dead: 2, discarded: 0 });
    const records = (await world.pending()).map(({ record }) => record).sort();
    assert.deepEqual(records, ['acc_0', 'acc_1', 'acc_2']);
    assert.equal((await command(t, world, 'discard', first)).code, 0);
    assert.equal((await world.stats()).discarded, 1);
  });
}

for (const [part, says] of [
  ['', /another file is there now, or none/],
  ['-wal', /-wal was removed, emptied or exchanged/],
]) {
  test(`${part || 'the file'} is emptied under a relay: nothing is taken any more`, async (t) => {
    const world = await makeWorld(t, { answer: HANG, env: HASTY });
    assertAnswer(await world.send(userEvent('acc_0')), 202, QUEUED);
    truncateSync(world.file + part);
    for (let n = 0; n < 3; n++) assertUnavailable(await world.send(userEvent(`refused_${n}`)));
    assert.equal(await ready(world.relay), 503);
    assert.match(world.log(), says);
    await world.relay.kill();
    await world.start(); // it serves, with what there is
    assertAnswer(await world.send(userEvent('acc_1')), 202, QUEUED);
  });
}

test('another process folds the log in and cuts it off: that is no loss', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  for (let n = 0; n < 3; n++) {
    assertAnswer(await world.send(userEvent(`acc_${n}`)), 202, QUEUED);
    execFileSync('sqlite3', [world.file, 'PRAGMA wal_checkpoint(TRUNCATE)']);
    assert.equal(statSync(`${world.file}-wal`).size, 0);
  }
  assertAnswer(await world.send(userEvent('acc_3')), 202, QUEUED);
  assert.equal(await ready(world.relay), 200);
  await world.relay.kill();
  await world.start();
  assert.equal((await world.pending()).length, 4);
});

test('-wal is removed while nothing comes: it is seen all the same, in time for a kill', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  for (let n = 0; n < 3; n++) assertAnswer(await world.send(userEvent(`acc_${n}`)), 202, QUEUED);
  unlinkSync(`${world.file}-wal`);
  await world.relay.find('stderr', /the outbox fails: .*-wal was removed/);
  await waitFor('readiness to end', async () => (await ready(world.relay)) === 503);
  await world.relay.kill();
  await world.start();
  assert.equal((await world.pending()).length, 3);
});

for (const part of ['-wal', '-shm']) {
  test(`${part} is moved away and put back: the relay goes on, and nothing is lost`, async (t) => {
    const world = await makeWorld(t, { answer: HANG, env: HASTY });
    assertAnswer(await world.send(userEvent('acc_0')), 202, QUEUED);
    moved(world.file + part);
    assertUnavailable(await world.send(userEvent('acc_refused')));
    renameSync(`${world.file}${part}.away`, world.file + part);
    await waitFor('the outbox', async () => (await world.send(userEvent('acc_1'))).status === 202);
    assert.equal(await ready(world.relay), 200);
    await world.relay.kill();
    await world.start();
    const records = (await world.pending()).map(({ record }) => record);
    assert.deepEqual([...new Set(records)].sort(), ['acc_0', 'acc_1']);
  });
}

test('-wal is removed, and the relay stops: everything is in the file', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: { ...HASTY, DRAIN_MS: '0' } });
  for (let n = 0; n < 3; n++) assertAnswer(await world.send(userEvent(`acc_${n}`)), 202, QUEUED);
  unlinkSync(`${world.file}-wal`);
  await world.relay.stop();
  world.upstream.answer = SUCCESS;
  await world.start();
  await world.settled();
});

// ---- the file itself ----

// Each is undone by what it returns.
const MOVES = {
  'the file is exchanged for a copy': ({ file }) => {
    exchanged(file);
    return () => renameSync(`${file}.away`, file);
  },
  'its folder is moved': ({ folder }) => {
    renameSync(folder, `${folder}.away`);
    return () => renameSync(`${folder}.away`, folder);
  },
  'the link to it is turned to another file': ({ link, folder }) => {
    writeFileSync(path.join(folder, 'other.db'), '');
    unlinkSync(link);
    symlinkSync('other.db', link);
    return ({ file }) => {
      unlinkSync(link);
      symlinkSync(path.basename(file), link);
    };
  },
  'the link to its folder is turned to another one': ({ parent, folder }) => {
    mkdirSync(path.join(parent, 'other'));
    unlinkSync(path.join(parent, 'now'));
    symlinkSync('other', path.join(parent, 'now'));
    return () => {
      unlinkSync(path.join(parent, 'now'));
      symlinkSync(path.basename(folder), path.join(parent, 'now'));
    };
  },
  'it is renamed, and the link to it follows': ({ link, file }) => {
    renameSync(file, `${file}.renamed`);
    unlinkSync(link);
    symlinkSync(`${path.basename(file)}.renamed`, link);
    return () => {
      renameSync(`${file}.renamed`, file);
      unlinkSync(link);
      symlinkSync(path.basename(file), link);
    };
  },
};
for (const [what, move] of Object.entries(MOVES)) {
  test(`${what} under a relay: 503 until it is put back`, async (t) => {
    const parent = makeFolder(t).folder;
    const folder = path.join(parent, 'disk');
    const file = path.join(folder, 'real.db');
    const link = path.join(folder, 'outbox.db');
    mkdirSync(folder);
    symlinkSync('disk', path.join(parent, 'now'));
    symlinkSync('real.db', link);
    const world = await makeWorld(t, {
      answer: HANG,
      env: { ...HASTY, OUTBOX: path.join(parent, 'now/outbox.db') },
    });
    assertAnswer(await world.send(userEvent('acc_0')), 202, QUEUED);
    const place = { parent, folder, file, link };
    const undo = move(place);
    assertUnavailable(await world.send(userEvent('acc_refused')));
    assert.equal(await ready(world.relay), 503);
    assert.match(world.log(), /another file is there now, or none/);
    undo(place);
    await waitFor('the outbox', async () => (await world.send(userEvent('acc_1'))).status === 202);
    await world.relay.kill();
    await world.start();
    assert.deepEqual([...new Set((await world.pending()).map(({ record }) => record))].sort(), [
      'acc_0',
      'acc_1',
    ]);
  });
}

test('the file is exchanged for another outbox: no command reads that beside the log of the first', async (t) => {
  const other = await makeWorld(t, { answer: HANG, env: HASTY });
  assertAnswer(await other.send(userEvent('other_0')), 202, QUEUED);
  await other.relay.kill();
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  for (let n = 0; n < 3; n++) assertAnswer(await world.send(userEvent(`acc_${n}`)), 202, QUEUED);
  renameSync(world.file, `${world.file}.away`);
  cpSync(other.file, world.file);
  const { code, err } = await command(t, world, 'list');
  assert.equal(code, 1, err);
  assert.match(err, /exchanged under the relay/);
  assert.ok(existsSync(`${world.file}-wal`));
  await world.relay.kill();
  renameSync(`${world.file}.away`, world.file);
  await world.start();
  assert.equal((await world.pending()).length, 3);
});

test('the file is moved away, and a relay starts beside its log: it serves, and says how to have both', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: { ...HASTY, DRAIN_MS: '0' } });
  for (let n = 0; n < 3; n++) assertAnswer(await world.send(userEvent(`acc_${n}`)), 202, QUEUED);
  await world.relay.kill();
  renameSync(world.file, `${world.file}.away`);
  await world.start();
  const [, aside] =
    /the outbox's log was there without its file.* set_aside=(\S+) to_have_it=/.exec(world.log());
  assertAnswer(await world.send(userEvent('new_0')), 202, QUEUED);
  await world.relay.stop();
  renameSync(`${world.file}.away`, world.file);
  renameSync(`${aside}-wal`, `${world.file}-wal`);
  await world.start();
  assert.equal((await world.pending()).length, 3);
});

test('an outbox that was stopped is moved to where another one was killed: the log there is set aside', async (t) => {
  const here = await makeWorld(t, { answer: HANG, env: { ...HASTY, DRAIN_MS: '0' } });
  const there = await makeWorld(t, { answer: HANG, env: HASTY });
  for (let n = 0; n < 3; n++) {
    assertAnswer(await here.send(userEvent(`here_${n}`)), 202, QUEUED);
    assertAnswer(await there.send(userEvent(`there_${n}`)), 202, QUEUED);
  }
  await here.relay.stop();
  await there.relay.kill();
  renameSync(here.file, there.file);
  const early = await command(t, there, 'list');
  assert.equal(early.code, 2);
  assert.match(early.err, /beside the log of another file/);
  await there.start();
  assert.match(
    there.log(),
    / error a log that is not the outbox's was beside it, and has been set aside .* set_aside=\S+-wal\n/,
  );
  assert.deepEqual((await there.pending()).map(({ record }) => record).sort(), [
    'here_0',
    'here_1',
    'here_2',
  ]);
});

// ---- a second relay ----

const LETS_IN = {
  'the lock file is removed': ({ file }) => {
    unlinkSync(`${file}.lock`);
    return file;
  },
  'the lock file is exchanged': ({ file }) => {
    unlinkSync(`${file}.lock`);
    writeFileSync(`${file}.lock`, '');
    return file;
  },
  'by another name (a hard link)': ({ file, folder }) => {
    const name = path.join(folder, 'name.db');
    linkSync(file, name);
    return name;
  },
  'by another name in another folder': ({ file, folder }) => {
    mkdirSync(path.join(folder, 'other'));
    linkSync(file, path.join(folder, 'other/outbox.db'));
    return path.join(folder, 'other/outbox.db');
  },
  'the lock is removed, and the file exchanged': ({ file }) => {
    unlinkSync(`${file}.lock`);
    exchanged(file);
    return file;
  },
};
for (const [what, prepare] of Object.entries(LETS_IN)) {
  test(`a second relay, and ${what}: refused`, async (t) => {
    const world = await makeWorld(t, { answer: HANG, env: HASTY });
    assertAnswer(await world.send(userEvent('acc_0')), 202, QUEUED);
    const second = spawnRelay(t, { env: { CONVEX_URL: NOWHERE, OUTBOX: prepare(world) } });
    await assertEnded(second, 1);
    assert.match(second.stderr(), /^convex-relay: OUTBOX: [^\n]*is in use by another relay\n$/);
    if (what.includes('exchanged') && what.includes('the file')) return;
    assertAnswer(await world.send(userEvent('acc_1')), 202, QUEUED); // the first goes on
    await world.relay.kill();
    await world.start(); // and the lock went with it
    assert.equal(
      / warn the outbox has another name/.test(world.log()),
      what.includes('another name'),
    );
    assert.equal((await world.pending()).length, 2);
    assert.equal(
      readdirSync(world.folder).some((name) => name.includes('damaged')),
      false,
    );
  });
}

test('commands run beside a relay while it starts, serves and stops', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: { ...HASTY, DRAIN_MS: '0' } });
  assertAnswer(await world.send(userEvent('acc_0')), 202, QUEUED);
  let over = false;
  const asking = (async () => {
    for (let n = 0; !over || n < 5; n++) {
      const { code, out, err } = await command(t, world, 'stats', '--json');
      assert.equal(code, 0, err);
      assert.equal(JSON.parse(out).pending, 1);
    }
  })();
  for (let n = 0; n < 3; n++) {
    await world.relay.stop();
    await world.start();
  }
  over = true;
  await asking;
  rmSync(`${world.file}.lock`);
});
