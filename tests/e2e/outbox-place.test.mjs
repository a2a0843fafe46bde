// SPDX-License-Identifier: MIT
// Where the outbox's file is: on what file system, behind which links, mounted how, and whose. A
// start changes nothing in what it refuses, and `check` says the same.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { mountedOver } from '../lib/mounts.mjs';
import { outboxStats } from '../lib/outbox.mjs';
import { assertAnswer, HANG, HASTY, makeWorld, NOWHERE, QUEUED } from '../lib/outbox-world.mjs';
import { RELAY_BIN, RELAY_BUILD, runRelay, startRelay, sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const NOBODY = 65534;
const isRoot = process.getuid() === 0;
const MOUNTS = isRoot ? false : 'only root may mount';

const run = (t, options) =>
  runRelay(t, { ...options, env: { CONVEX_URL: NOWHERE, ...options.env } });

// A start ends with that code and one line, and so does `check`, with 1.
async function assertRefused(t, { says, code, ...options }) {
  for (const [args, expected] of [
    [[], code],
    [['check'], 1],
  ]) {
    const end = await run(t, { ...options, args });
    assert.equal(end.code, expected, `${args} ${end.err}`);
    assert.match(end.err, /^convex-relay: OUTBOX: [^\n]*\n$/);
    assert.match(end.err, says);
  }
}

// ---- file systems ----

// Magic numbers: linux/magic.h; Lustre, BeeGFS and the like from their sources (statfs(2) lists
// some, too).
const FILE_SYSTEMS = [
  ['NFS', '6969', 'refused'],
  ['SMB', '517b', 'refused'],
  ['SMB', 'ff534d42', 'refused'],
  ['SMB', 'fe534d42', 'refused'],
  ['AFS', '5346414f', 'refused'],
  ['AFS', '6b414653', 'refused'],
  ['Coda', '73757245', 'refused'],
  ['NCP', '564c', 'refused'],
  ['Ceph', 'c36400', 'refused'],
  ['Lustre', 'bd00bd0', 'refused'],
  ['GPFS', '47504653', 'refused'],
  ['GFS2', '1161970', 'refused'],
  ['OCFS2', '7461636f', 'refused'],
  ['BeeGFS', '19830326', 'refused'],
  ['OrangeFS', '20030528', 'refused'],
  ['tmpfs', '1021994', 'warned of'],
  ['ramfs', '858458f6', 'warned of'],
  ['overlay', '794c7630', 'warned of'],
  ['9p', '1021997', 'warned of'],
  ['FUSE', '65735546', 'warned of'],
  ['vboxsf', '786f4256', 'warned of'],
  ['ext4', 'ef53', 'fine'],
  ['XFS', '58465342', 'fine'],
  ['Btrfs', '9123683e', 'fine'],
  ['ZFS', '2fc12fc1', 'fine'],
];
const PRELOADED = process.env.RELAY_SANITIZED ? 'a sanitizer has to be loaded first' : false;
for (const [name, magic, outcome] of FILE_SYSTEMS) {
  test(
    `on ${name} (${magic}), at the first start already: ${outcome}`,
    { skip: PRELOADED },
    async (t) => {
      const { folder } = makeFolder(t);
      const env = {
        CONVEX_URL: NOWHERE,
        OUTBOX: path.join(folder, 'outbox.db'),
        LD_PRELOAD: path.join(RELAY_BUILD, 'tests/lib/libfile-system.so'),
        FILE_SYSTEM: magic,
      };
      assert.ok(existsSync(env.LD_PRELOAD));
      if (outcome === 'refused') {
        await assertRefused(t, {
          env,
          code: 2,
          says: new RegExp(`of other machines.*: ${name}\\n`),
        });
        assert.deepEqual(readdirSync(folder), []);
        return;
      }
      const relay = await startRelay(t, { env });
      const warnings = relay
        .stderr()
        .split('\n')
        .filter((line) => /the outbox may be lost/.test(line));
      assert.equal(warnings.length, outcome === 'fine' ? 0 : 1, relay.stderr());
      if (outcome === 'fine') return;
      assert.match(warnings[0], new RegExp(` warn .* file_system=${name} because=`));
      assert.match((await run(t, { env, args: ['check'] })).err, / warn the outbox may be lost/);
    },
  );
}

// ---- mounts ----

for (const part of ['', '-wal', '-shm']) {
  test(
    `outbox.db${part} is a mount of its own: refused, since its log would stay behind`,
    { skip: MOUNTS },
    async (t) => {
      const host = makeFolder(t, { file: '' });
      const box = makeFolder(t, { [`outbox.db${part}`]: '' });
      const env = { OUTBOX: box.path('outbox.db') };
      const under = mountedOver([host.path('file'), box.path(`outbox.db${part}`)]);
      await assertRefused(t, { env, under, code: 2, says: /mount the folder/ });
      assert.deepEqual(readdirSync(box.folder), [`outbox.db${part}`]);
    },
  );
}

test('a link to a file that is a mount of its own: refused', { skip: MOUNTS }, async (t) => {
  const host = makeFolder(t, { 'outbox.db': '' });
  const box = makeFolder(t, { 'outbox.db': '' });
  symlinkSync(box.path('outbox.db'), box.path('link.db'));
  const under = mountedOver([host.path('outbox.db'), box.path('outbox.db')]);
  await assertRefused(t, {
    env: { OUTBOX: box.path('link.db') },
    under,
    code: 2,
    says: /mount the folder/,
  });
});

test(
  'the folder is mounted: what was accepted is in it, whoever mounts it next',
  { skip: MOUNTS },
  async (t) => {
    const upstream = await startUpstream(t, HANG);
    const host = makeFolder(t);
    const box = makeFolder(t);
    const env = { CONVEX_URL: upstream.url, OUTBOX: box.path('outbox.db'), ...HASTY };
    const relay = await startRelay(t, { env, under: mountedOver([host.folder, box.folder]) });
    assert.equal((await sync(relay, userEvent('acc_1'))).status, 202);
    await relay.kill();
    assert.deepEqual(readdirSync(box.folder), []);
    assert.equal((await outboxStats({ OUTBOX: host.path('outbox.db') })).pending, 1);
  },
);

// ---- links and folders ----

const LINKS = {
  'a link': ({ at }) => symlinkSync(at('disk/outbox.db'), at('outbox.db')),
  'a relative link': ({ at }) => symlinkSync('disk/outbox.db', at('outbox.db')),
  'a link to a link': ({ at }) => {
    symlinkSync('disk/next.db', at('outbox.db'));
    symlinkSync('./outbox.db', at('disk/next.db'));
  },
  'a link to a folder with the file': ({ at }) => symlinkSync('disk', at('outbox.db.d')),
};
for (const [what, make] of Object.entries(LINKS)) {
  test(`${what}, before there is a file: it is made where the links lead`, async (t) => {
    const { folder } = makeFolder(t);
    const at = (name) => path.join(folder, name);
    mkdirSync(at('disk'));
    make({ at });
    const link = what.includes('folder') ? at('outbox.db.d/outbox.db') : at('outbox.db');
    const upstream = await startUpstream(t, HANG);
    const relay = await startRelay(t, {
      env: { CONVEX_URL: upstream.url, OUTBOX: link, ...HASTY },
    });
    assert.equal((await sync(relay, userEvent('acc_1'))).status, 202);
    await relay.kill();
    assert.ok(statSync(at('disk/outbox.db')).isFile());
    assert.equal((await outboxStats({ OUTBOX: at('disk/outbox.db') })).pending, 1);
    assert.equal((await outboxStats({ OUTBOX: link })).pending, 1);
  });
}

const NO_PLACE = [
  [
    'a folder that is not there yet',
    'none/outbox.db',
    () => {},
    1,
    /its folder cannot be entered: No such file/,
  ],
  [
    'a link into a folder that is not there yet',
    'outbox.db',
    (at) => symlinkSync('none/outbox.db', at('outbox.db')),
    1,
    /its folder cannot be entered/,
  ],
  [
    'a link to itself',
    'outbox.db',
    (at) => symlinkSync('outbox.db', at('outbox.db')),
    2,
    /Too many levels/,
  ],
  [
    'a file where a folder should be',
    'file/outbox.db',
    (at) => writeFileSync(at('file'), ''),
    2,
    /Not a directory/,
  ],
  ['a folder', '.', () => {}, 2, /not a file/],
  ['a name that ends like a folder', 'outbox/', () => {}, 2, /names a folder/],
  ['a device', '/dev/null', () => {}, 2, /not a file/],
  ['a pipe', 'pipe', (at) => execFileSync('mkfifo', [at('pipe')]), 2, /not a file/],
];
for (const [what, name, make, code, says] of NO_PLACE) {
  test(`${what}: exit ${code}, and nothing is made`, async (t) => {
    const { folder } = makeFolder(t);
    make((file) => path.join(folder, file));
    const before = readdirSync(folder);
    await assertRefused(t, {
      env: { OUTBOX: path.isAbsolute(name) ? name : `${folder}/${name}` },
      code,
      says,
    });
    assert.deepEqual(readdirSync(folder), before);
  });
}

test('line ends in the name of a file make no second line', async (t) => {
  const { folder } = makeFolder(t);
  await assertRefused(t, {
    env: { OUTBOX: `${folder}/none\nconvex-relay: all is well\r\u202e/x.db` },
    code: 1,
    says: /none\?convex-relay/,
  });
});

// ---- whose it is ----

// The header's fields, https://sqlite.org/fileformat2.html, 1.3.
function database({ application = 0, version = 0, cookie = 0 }) {
  const page = Buffer.alloc(4096);
  page.write('SQLite format 3\0');
  page.set([16, 0, 1, 1, 0, 64, 32, 32, 0, 0, 0, 1, 0, 0, 0, 1], 16);
  page.writeUInt32BE(cookie, 40);
  page.writeUInt32BE(4, 44);
  page.writeUInt32BE(1, 56);
  page.writeUInt32BE(version, 60);
  page.writeUInt32BE(application, 68);
  page.writeUInt8(13, 100); // an empty table's leaf
  page.writeUInt16BE(4096, 105);
  return page;
}

const FOREIGN = [
  [
    "another program's database",
    database({ application: 7, cookie: 1 }),
    /database of something else/,
  ],
  ['a database of no name, with tables', database({ cookie: 1 }), /database of something else/],
  ['a database of no name, with a version', database({ version: 3 }), /database of something else/],
  ['a text', Buffer.from('{"users":{"mutation":"users:sync"}}\n'), /somebody else's file/],
  ['a single byte', Buffer.from('x'), /somebody else's file/],
];
for (const [what, bytes, says] of FOREIGN) {
  test(`${what}: refused, and left with its mode, its neighbours and its bytes`, async (t) => {
    const files = makeFolder(t, { 'hive.sqlite': bytes });
    const file = files.path('hive.sqlite');
    chmodSync(file, 0o644);
    const before = statSync(file);
    await assertRefused(t, { env: { OUTBOX: file }, code: 2, says });
    const after = statSync(file);
    assert.deepEqual(
      [after.mode, after.ino, after.mtimeMs],
      [before.mode, before.ino, before.mtimeMs],
    );
    assert.deepEqual(readFileSync(file), bytes);
    assert.deepEqual(readdirSync(files.folder), ['hive.sqlite']);
  });
}

// ---- who may ----

// What a run is put under so that it is the user nobody's, who may not see the build's folder.
function underNobody(t) {
  const bin = makeFolder(t);
  chmodSync(bin.folder, 0o755);
  copyFileSync(RELAY_BIN, bin.path('convex-relay'));
  return [
    'setpriv',
    `--reuid=${NOBODY}`,
    `--regid=${NOBODY}`,
    '--clear-groups',
    'sh',
    '-c',
    `shift; exec '${bin.path('convex-relay')}' "$@"`,
    'sh',
  ];
}

test(
  'as another user: whom to run it as',
  { skip: isRoot ? false : 'only root may become somebody else' },
  async (t) => {
    const world = await makeWorld(t, { answer: HANG, env: HASTY });
    assertAnswer(await world.send(userEvent('acc_1')), 202, QUEUED);
    const asNobody = underNobody(t);
    for (const mode of [0o700, 0o755]) {
      // the folder keeps others out, or the file does
      chmodSync(world.folder, mode);
      for (const args of [['outbox', 'list'], ['outbox', 'discard', '1'], ['check'], []]) {
        const { code, err } = await run(t, { env: { OUTBOX: world.file }, under: asNobody, args });
        assert.equal(code, args[0] === 'check' ? 1 : 2, err);
        assert.match(
          err,
          /^convex-relay: OUTBOX: [^\n]*: Permission denied: run it as root\n$/,
          `${mode.toString(8)} ${args}`,
        );
      }
    }
    assert.equal((await world.pending()).length, 1);
  },
);

test(
  'as its owner, whom its mode forbids it: to change that, not the user',
  { skip: isRoot ? false : 'only root may become somebody else' },
  async (t) => {
    const files = makeFolder(t, { 'outbox.db': '' });
    chownSync(files.folder, NOBODY, NOBODY);
    chownSync(files.path('outbox.db'), NOBODY, NOBODY);
    chmodSync(files.path('outbox.db'), 0o400);
    const options = { env: { OUTBOX: files.path('outbox.db') }, under: underNobody(t) };
    await assertRefused(t, {
      ...options,
      code: 2,
      says: /: Permission denied: this user owns it: its mode \(chmod u\+rwX\), SELinux or AppArmor must allow more$/m,
    });
  },
);

// ---- check ----

// Convex, asked for a function that nobody has: crates/udf/src/validation.rs.
const WELL = {
  json: { status: 'error', errorMessage: "Could not find public function for 'a:b'." },
};

test('check makes nothing, and is well beside a relay', async (t) => {
  const upstream = await startUpstream(t, WELL);
  const { folder } = makeFolder(t);
  const env = { CONVEX_URL: upstream.url, OUTBOX: path.join(folder, 'outbox.db') };
  const fresh = await run(t, { env, args: ['check'] });
  assert.deepEqual([fresh.code, readdirSync(folder)], [0, []], fresh.err);
  await startRelay(t, { env });
  const beside = await run(t, { env, args: ['check'] });
  assert.equal(beside.code, 0, beside.err);
});

const HOSTS = [
  [{ HOST: 'http://127.0.0.1' }, /^convex-relay: HOST: neither an IP address nor a host's name/],
  [
    { HOST: 'no-such-host.invalid' },
    /^convex-relay: HOST: no-such-host\.invalid: no address of it is known/,
  ],
  [
    { ADMIN_HOST: 'no-such-host.invalid', ADMIN_PORT: '0' },
    /^convex-relay: ADMIN_HOST: no-such-host\.invalid: no address of it is known/,
  ],
];
for (const [env, says] of HOSTS) {
  test(`check resolves ${Object.entries(env)[0].join('=')}`, async (t) => {
    const upstream = await startUpstream(t, WELL);
    const { code, err } = await run(t, {
      env: { CONVEX_URL: upstream.url, ...env },
      args: ['check'],
    });
    assert.equal(code, 1);
    assert.match(err, says);
    assert.equal(err.trimEnd().split('\n').length, 1);
  });
}

test('check does not ask for ADMIN_HOST where there is no admin port', async (t) => {
  const upstream = await startUpstream(t, WELL);
  const { code } = await run(t, {
    env: { CONVEX_URL: upstream.url, ADMIN_HOST: 'no-such-host.invalid', ADMIN_PORT: 'off' },
    args: ['check'],
  });
  assert.equal(code, 0);
});
