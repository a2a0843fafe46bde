// SPDX-License-Identifier: MIT
// The outbox's file and disk: who may read the file, what is refused, what is mended, what if the
// disk is full.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { DELIVERED, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import {
  assertAnswer,
  assertUnavailable,
  HANG,
  HASTY,
  makeWorld,
  NOWHERE,
  PATIENT,
  QUEUED,
  REJECTION,
} from '../lib/outbox-world.mjs';
import { assertBalanced, scrape, statusOf, termsOf } from '../lib/metrics.mjs';
import { assertEnded, runRelay, spawnRelay } from '../lib/relay.mjs';
import { SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const PAGE_BYTES = 4096;
const UNCHECKED_BYTES = 65 * 1024 * 1024;

// ---- the file ----

test('its owner alone can read it', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  await world.send(userEvent('acc_1'));
  const files = readdirSync(world.folder);
  assert.ok(files.length >= 3, files.join(' '));
  for (const file of files)
    assert.equal(statSync(path.join(world.folder, file)).mode & 0o777, 0o600, file);
});

for (const [found, left] of [
  [0o644, 0o600],
  [0o666, 0o600],
  [0o660, 0o660],
]) {
  test(`found with mode ${found.toString(8)}: ${found === left ? 'so it stays' : 'its owner alone can read it'}`, async (t) => {
    const world = await makeWorld(t, { answer: HANG, env: HASTY });
    await world.send(userEvent('acc_1'));
    await world.relay.kill(); // its log and shared memory stay
    const files = [world.file, `${world.file}-wal`, `${world.file}-shm`];
    for (const file of files) chmodSync(file, found);
    await world.start();
    for (const file of files) assert.equal(statSync(file).mode & 0o777, left, file);
    assert.equal(/ warn .*everybody/.test(world.log()), found !== left);
    assert.equal((await world.pending()).length, 1);
  });
}

for (const [what, take, putBack] of [
  ['is moved away', renameSync, renameSync],
  ['is removed', (file) => rmSync(file), null],
]) {
  test(`a file that ${what} under a relay: 503, since no start would find what is written to it`, async (t) => {
    const world = await makeWorld(t, { env: HASTY });
    world.upstream.answer = HANG;
    assertAnswer(await world.send(userEvent('acc_1')), 202, QUEUED);
    take(world.file, `${world.file}.away`);
    assertUnavailable(await world.send(userEvent('acc_2')));
    assert.deepEqual(await ready(world.relay), {
      status: 503,
      text: '{"error":"The outbox cannot be written"}',
    });
    assert.match(world.log(), / error the outbox fails: .*another file is there now, or none/);
    if (!putBack) return;
    putBack(`${world.file}.away`, world.file);
    await waitFor('the outbox', async () => (await world.send(userEvent('acc_3'))).status === 202);
    assert.equal((await ready(world.relay)).status, 200);
  });
}

test('a file that was moved away, and put back beside its log when the relay had stopped: nothing is lost', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: { ...HASTY, DRAIN_MS: '0' } });
  for (let n = 0; n < 3; n++) assertAnswer(await world.send(userEvent(`acc_${n}`)), 202, QUEUED);
  renameSync(world.file, `${world.file}.away`);
  await world.relay.stop();
  renameSync(`${world.file}.away`, world.file);
  await world.start();
  assert.equal((await world.pending()).length, 3);
});

// The file header's fields, https://sqlite.org/fileformat.html section 1.3.
const USER_VERSION = 60;
const APPLICATION_ID = 68;

function overwrite(file, offset, bytes) {
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

const REFUSED = {
  'made by a newer version': {
    spoil: ({ file }) => overwrite(file, USER_VERSION, Buffer.from([0, 1, 0, 0])),
    says: /newer/,
  },
  'of another program': {
    spoil: ({ file }) => overwrite(file, APPLICATION_ID, Buffer.from('ABCD')),
    says: /./,
  },
  'a folder': {
    spoil({ file }) {
      rmSync(file);
      mkdirSync(file);
    },
    says: /not a file/,
  },
  "somebody else's file": {
    spoil({ file }) {
      for (const end of ['', '-wal', '-shm', '.lock']) rmSync(file + end, { force: true });
      writeFileSync(file, '{}');
    },
    says: /somebody else's/,
  },
  'in no folder': {
    spoil: ({ folder }) => rmSync(folder, { recursive: true }),
    says: /folder/,
    exit: 1,
  }, // it may be mounted later
};
for (const [what, { spoil, says, exit }] of Object.entries(REFUSED)) {
  test(`an outbox that is ${what}: refused, and named`, async (t) => {
    const world = await makeWorld(t);
    await world.relay.stop();
    spoil(world);
    await assertRefused(t, world, says, exit);
  });
}

async function assertRefused(t, world, says, exit = 2) {
  const relay = spawnRelay(t, { env: { CONVEX_URL: NOWHERE, OUTBOX: world.file } });
  await assertEnded(relay, exit);
  const [line, ...more] = relay
    .stderr()
    .split('\n')
    .filter((text) => /^convex-relay: /.test(text));
  assert.deepEqual(more, []);
  assert.ok(line.startsWith(`convex-relay: OUTBOX: ${world.file}: `), line);
  assert.match(line, says);
}

test('a second relay on the same file: refused, and the first goes on', async (t) => {
  const world = await makeWorld(t);
  await assertRefused(t, world, /another relay/, 1); // which may end
  assertAnswer(await world.send(userEvent('acc_1')), 200, DELIVERED);
});

test('an outbox that cannot be written: refused, and named', async (t) => {
  const isRoot = process.getuid() === 0;
  const folder = isRoot ? mountTmpfs(t, '4m') : makeFolder(t).folder;
  if (!folder) return t.skip('tmpfs cannot be mounted here');
  const world = await makeWorld(t, { folder });
  await world.relay.stop();
  if (isRoot) {
    execFileSync('mount', ['-o', 'remount,ro', folder]);
  } else {
    chmodSync(world.file, 0o400);
  }
  await assertRefused(t, world, /read-only|cannot/i);
});

test('a file that is damaged is set aside, and the relay serves', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  for (let n = 0; n < 3; n++) await world.send(userEvent(`acc_${n}`, n));
  await world.relay.kill();
  rmSync(`${world.file}-wal`); // the file alone is not whole then, and its head is gone
  overwrite(world.file, 0, Buffer.alloc(2048, 'x'));
  world.upstream.answer = SUCCESS;
  await world.start(PATIENT);
  const lines = world
    .log()
    .split('\n')
    .filter((line) => line.includes(' error '));
  assert.equal(lines.length, 1, world.log());
  assert.match(lines[0], /damaged.*set_aside=.*events_saved=/);
  assert.equal(
    readdirSync(world.folder).filter((file) => file.includes('damaged')).length > 0,
    true,
  );
  assertAnswer(await world.send(userEvent('acc_9')), 200, DELIVERED);
});

// The page on which a body stands; the event's page has no such text.
const bodyPageOf = (bytes, text) => Math.floor(bytes.indexOf(text) / PAGE_BYTES) * PAGE_BYTES;

test('damage that no start looks for costs what it has hit, and keeps nothing else', async (t) => {
  const world = await makeWorld(t, {
    answer: HANG,
    env: { ...HASTY, ADMIN_PORT: '0', DRAIN_MS: '0' },
  });
  const count = 200;
  for (let n = 0; n < count; n++) await world.send(userEvent(`acc_${n}`, n));
  await world.relay.stop();
  overwrite(
    world.file,
    bodyPageOf(readFileSync(world.file), '"hiveId":"acc_120"'),
    Buffer.alloc(PAGE_BYTES),
  );
  truncateSync(world.file, UNCHECKED_BYTES); // too large to be looked over at a start
  const before = world.upstream.requests.length;
  world.upstream.answer = SUCCESS;
  await world.start(PATIENT);
  await waitFor('the damage to be found, and everything else to be delivered', async () => {
    const terms = termsOf(await scrape(world.relay)); // commands find no file for a moment
    return terms.discarded > 0 && terms.pending === 0;
  });
  const { accepted, delivered, discarded, dead } = await world.stats();
  assert.deepEqual([accepted, dead], [count, 0]);
  assert.equal(delivered, count - discarded);
  assert.equal(
    new Set(world.upstream.requests.slice(before).map(({ body }) => body)).size,
    delivered,
  );
  assert.ok(discarded < count / 4, `${discarded} were lost`);

  const metrics = await scrape(world.relay);
  assertBalanced(metrics);
  assert.equal(metrics.value('outbox_spoilt_total'), discarded);
  assert.equal((await statusOf(world.relay)).outbox.spoilt, discarded);
  const lines = world
    .log()
    .split('\n')
    .filter((line) => line.includes('damaged'));
  assert.equal(lines.length, 1, world.log());
  assert.match(lines[0], new RegExp(` error .*set_aside=.*events_lost=${discarded}`));
  assertAnswer(await world.send(userEvent('acc_9')), 200, DELIVERED);
  await waitFor('readiness', async () => (await fetch(`${world.relay.url}/readyz`)).ok);
});

// ---- full disks ----

// A folder of so much room, or null where this user may not have one.
function mountTmpfs(t, size) {
  const folder = mkdtempSync(path.join(tmpdir(), 'convex-relay-test-'));
  let isMounted = true;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', folder], {
      stdio: 'ignore',
    });
  } catch {
    isMounted = false;
  }
  t.after(() => {
    if (isMounted) execFileSync('umount', ['-l', folder]);
    rmdirSync(folder);
  });
  return isMounted ? folder : null;
}

function fillDisk(folder) {
  const filler = path.join(folder, 'filler');
  const fd = openSync(filler, 'w');
  for (let size = 65536; size >= 1;) {
    try {
      writeSync(fd, Buffer.alloc(size));
    } catch {
      size = Math.floor(size / 2);
    }
  }
  closeSync(fd);
  return () => rmSync(filler);
}

const ready = async (relay) => {
  const response = await fetch(`${relay.url}/readyz`);
  return { status: response.status, text: await response.text() };
};

async function assertFull(world) {
  assert.deepEqual(await ready(world.relay), {
    status: 503,
    text: '{"error":"The outbox is full"}',
  });
}

// An event of 100 kB.
const big = (id) => ({
  ...userEvent(id),
  data: { ...userEvent(id).data, text: 'x'.repeat(100_000) },
});

// Sends events until there is room for none. Returns how many.
async function fillOutbox(world) {
  let sent = 0;
  for (let status; status !== 503 && sent < 40; sent++)
    ({ status } = await world.send(big(`acc_${sent}`)));
  assertUnavailable(await world.send(big('acc_full')));
  await assertFull(world);
  return sent;
}

// Has Convex take what it did not answer.
async function emptyOutbox(world) {
  world.upstream.answer = SUCCESS;
  world.upstream.closeConnections();
  await world.settled();
}

test('a full disk: 200 while Convex is well, 503 when it is not, and it recovers by itself', async (t) => {
  const folder = mountTmpfs(t, '4m');
  if (!folder) return t.skip('tmpfs cannot be mounted here');
  const world = await makeWorld(t, { folder, env: { SYNC_WAIT_MS: '3000', DRAIN_MS: '0' } });
  assertAnswer(await world.send(userEvent('acc_0')), 200, DELIVERED);
  const free = fillDisk(folder);

  // What was there already may take a few events more.
  world.upstream.answer = HANG;
  let accepted = 0;
  let answer;
  for (answer = await world.send(big('big_0')); answer.status === 202; accepted++)
    answer = await world.send(big(`big_${accepted}`));
  assertUnavailable(answer);
  assert.ok(accepted < 40, `${accepted} events on a full disk`);

  // Small ones may still fit where a large one did not: it is full when none does.
  const small = (n) => world.send(userEvent(`small_${n}`));
  for (let isFull = false, rounds = 0; !isFull; rounds++) {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => small(rounds * 20 + n)));
    isFull = answers.every(({ status }) => status === 503);
    assert.ok(rounds < 10, 'small events without end on a full disk');
  }
  await assertFull(world);

  world.upstream.answer = SUCCESS;
  await world.relay.stop();
  await world.start();
  assertAnswer(await world.send(big('well')), 200, DELIVERED);

  free();
  world.upstream.answer = HANG;
  await waitFor('room', async () => (await world.send(big('again'))).status === 202);
  assert.equal((await ready(world.relay)).status, 200);
});

test('a rejection while the disk is full: 503, the next event goes through, and with room it is a dead letter', async (t) => {
  const folder = mountTmpfs(t, '32m');
  if (!folder) return t.skip('tmpfs cannot be mounted here');
  const world = await makeWorld(t, { folder, answer: REJECTION, env: PATIENT });
  const free = fillDisk(folder);
  const event = userEvent('acc_1');
  event.data.text = 'x'.repeat(1_000_000); // more than is left in the files that are there
  const refused = await world.send(event);
  assertUnavailable(refused);
  assert.match(refused.body, /no such thing/);
  world.upstream.answer = SUCCESS;
  assertAnswer(await world.send(event), 200, DELIVERED);

  free();
  world.upstream.answer = REJECTION;
  await waitFor('room', async () => (await world.send(event)).status === 500);
  await waitFor('the count', async () => (await world.stats()).delivered === 1);
  const { accepted, dead, pending } = await world.stats();
  assert.deepEqual({ accepted, dead, pending }, { accepted: 2, dead: 1, pending: 0 });
});

test('a letter is discarded on a full disk, beside the relay and without it', async (t) => {
  const folder = mountTmpfs(t, '4m');
  if (!folder) return t.skip('tmpfs cannot be mounted here');
  const world = await makeWorld(t, { folder, answer: REJECTION, env: PATIENT });
  for (const id of ['acc_1', 'acc_2']) assert.equal((await world.send(userEvent(id))).status, 500);
  const [first, second] = (await world.dead()).map(({ id }) => `${id}`);
  fillDisk(folder);
  const discard = async (letter) => {
    const args = ['outbox', 'discard', letter];
    const { code, out, err } = await runRelay(t, { args, env: { OUTBOX: world.file } });
    return [code, out, err];
  };
  assert.deepEqual(await discard(first), [0, `${first}: is discarded\n`, '']);
  await world.relay.stop(); // which leaves no log, and its room to others
  fillDisk(folder);
  const [code, , why] = await discard(second);
  assert.deepEqual([code, /the disk is full/.test(why)], [1, true], why);
});

test('OUTBOX_MAX_MB reached: 503, /readyz says so, and room comes with Convex', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: { ...HASTY, OUTBOX_MAX_MB: '1' } });
  const sent = await fillOutbox(world);
  assert.ok(sent > 5 && sent < 12, `${sent} events`);
  await emptyOutbox(world);
  assert.equal(new Set(world.calls().map(({ id }) => id)).size >= sent - 1, true);
  await waitFor('room', async () => (await world.send(big('acc_room'))).status === 202);
  assert.equal((await ready(world.relay)).status, 200);
});

test('files that may not grow any more (ulimit -f): 503, what is there is delivered, and room comes with it', async (t) => {
  const world = await makeWorld(t, { answer: HANG, env: HASTY });
  execFileSync('prlimit', ['--pid', String(world.relay.pid), `--fsize=${2 ** 20}`]);
  await fillOutbox(world);
  await emptyOutbox(world);
  await waitFor('room', async () => (await world.send(big('acc_room'))).status === 200);
  assert.match(world.log(), / warn the outbox is full: new events cannot be stored; raise /);
});

// A write past the limit ends a process that does not ignore SIGXFSZ.
for (const [what, args] of [
  ['a start', []],
  ['a backup', ['outbox', 'backup', 'backup.db']],
]) {
  test(`${what} with files that may not grow (ulimit -f): refused, and says why`, async (t) => {
    const world = await makeWorld(t, { answer: HANG, env: HASTY });
    await world.send(userEvent('acc_1'));
    const child = spawnRelay(t, {
      args,
      cwd: world.folder,
      under: ['sh', '-c', 'ulimit -f 8; exec "$0" "$@"'], // 4 KiB
      env: {
        CONVEX_URL: NOWHERE,
        OUTBOX: args.length > 0 ? world.file : path.join(world.folder, 'new.db'),
      },
    });
    await assertEnded(child, 1);
    assert.match(child.stderr(), /the disk is full/);
  });
}
