// SPDX-License-Identifier: MIT
// .ci/run adds up the counts of two runs, and ./dev test --release says why it cannot run.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../lib/files.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function writeProgram(folder, name, text) {
  chmodSync(folder.write(name, `#!/bin/sh\n${text}\n`), 0o755);
}

const CASES = [
  ['both pass', 'echo 12 passed, 0 failed', 'echo 3 passed, 0 failed', '15 passed, 0 failed', 0],
  [
    'cases are skipped',
    'echo 12 passed, 0 failed, 2 skipped',
    'echo 3 passed, 0 failed, 1 skipped',
    '15 passed, 0 failed, 3 skipped',
    0,
  ],
  [
    'the other release cannot be had',
    'echo 12 passed, 0 failed',
    'echo 0 passed, 0 failed, 1 skipped',
    '12 passed, 0 failed, 1 skipped',
    0,
  ],
  [
    'a case fails here',
    'echo 12 passed, 1 failed; exit 1',
    'echo 3 passed, 0 failed',
    '15 passed, 1 failed',
    1,
  ],
  [
    'a case fails there',
    'echo 12 passed, 0 failed',
    'echo 3 passed, 2 failed; exit 1',
    '15 passed, 2 failed',
    1,
  ],
  [
    'it does not build there',
    'echo 12 passed, 0 failed',
    'echo building >&2; exit 1',
    '12 passed, 1 failed',
    1,
  ],
  [
    'it ends badly there',
    'echo 12 passed, 0 failed',
    'echo 3 passed, 0 failed; exit 1',
    '15 passed, 1 failed',
    1,
  ],
  ['nothing is counted here', 'echo 12 passed', 'echo 3 passed, 0 failed', '3 passed, 1 failed', 1],
];
for (const [what, here, there, last, code] of CASES) {
  test(`.ci/run: ${what}`, (t) => {
    const folder = makeFolder(t);
    mkdirSync(folder.path('.ci'));
    cpSync(`${ROOT}.ci/run`, folder.path('.ci/run'));
    writeProgram(folder, 'dev', `if [ "$2" = --release ]; then ${there}; else ${here}; fi`);
    const { status, stdout } = spawnSync(folder.path('.ci/run'), { encoding: 'utf8' });
    assert.deepEqual([stdout.trimEnd().split('\n').at(-1), status], [last, code]);
  });
}

test('./dev test --release without root is skipped, and says so', (t) => {
  const folder = makeFolder(t);
  writeProgram(folder, 'id', 'echo 1000');
  const env = { PATH: `${folder.folder}:${process.env.PATH}`, HOME: folder.folder };
  const { status, stdout } = spawnSync('./dev', ['test', '--release', 'trixie'], {
    cwd: ROOT,
    env,
    encoding: 'utf8',
  });
  assert.deepEqual(
    [stdout, status],
    ['     skipped: Debian trixie: that needs root\n0 passed, 0 failed, 1 skipped\n', 0],
  );
});

test('a release that is not known is an error', () => {
  const { status, stderr } = spawnSync('./dev', ['test', '--release', 'potato'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.deepEqual([status, stderr], [1, 'dev: test --release wants bookworm or trixie\n']);
});

test('nothing is mounted outside a namespace of its own', (t) => {
  const { folder } = makeFolder(t);
  const { status, stderr } = spawnSync('tests/release/enter', [folder, '/', 'true'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.deepEqual([status, stderr], [2, 'tests/release/enter: only in a namespace of its own\n']);
});

// A root with nothing in it but these programs.
function makeRoot(t, programs) {
  const { folder, path } = makeFolder(t);
  execFileSync('sh', [
    '-c',
    `
    for program in ${programs.join(' ')}; do
      path=$(command -v $program) && echo "$path" && ldd "$path" | grep -o '/[^ ]*'
    done | sort -u | xargs cp -L --parents -t "$0"`,
    folder,
  ]);
  ['dev', 'proc', 'mnt'].forEach((name) => mkdirSync(path(name)));
  return folder;
}

const NAMESPACES = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'];
const refused = spawnSync('unshare', [...NAMESPACES, 'sh', '-c', 'mount -t tmpfs tmpfs /mnt'], {
  encoding: 'utf8',
});
test('in a namespace nothing of the machine is mounted', { skip: refused.stderr || false }, (t) => {
  const mounts = readFileSync('/proc/self/mounts', 'utf8');
  const root = makeRoot(t, ['sh', 'umount', 'cat', 'ls']);
  const enter = (...command) =>
    execFileSync('unshare', [...NAMESPACES, 'tests/release/enter', root, '/', ...command], {
      cwd: ROOT,
      encoding: 'utf8',
    })
      .trimEnd()
      .split('\n');

  assert.deepEqual(
    enter('cat', '/proc/mounts').map((line) => line.split(' ')[1]),
    ['/', '/dev', '/dev/pts', '/dev/shm', '/proc'],
  );
  assert.deepEqual(
    enter('ls', '/', '/mnt').filter((name) => ['root', 'home', 'tmp'].includes(name)),
    [],
  );
  assert.deepEqual(enter('ls', '/dev'), [
    'fd',
    'full',
    'null',
    'ptmx',
    'pts',
    'random',
    'shm',
    'stderr',
    'stdin',
    'stdout',
    'tty',
    'urandom',
    'zero',
  ]);
  assert.equal(readFileSync('/proc/self/mounts', 'utf8'), mounts);
});
