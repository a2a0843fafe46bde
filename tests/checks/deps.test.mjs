// SPDX-License-Identifier: MIT
// ./dev names the packages to be installed before apt does anything, and also where there is no
// apt.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../lib/files.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

// ./dev where there are these programs of the system's, and those: name to text.
function runDev(t, args, programs) {
  const folder = makeFolder(t);
  for (const name of ['bash', 'dirname']) symlinkSync(`/usr/bin/${name}`, folder.path(name));
  for (const [name, text] of Object.entries(programs))
    chmodSync(folder.write(name, `#!/bin/bash\n${text}\n`), 0o755);
  const env = { PATH: folder.folder, HOME: folder.folder };
  const { status, stderr } = spawnSync('./dev', args, { cwd: ROOT, env, encoding: 'utf8' });
  return { status, lines: stderr.trimEnd().split('\n') };
}

const noted =
  'echo "$*" >>"$HOME/calls"; if [ "$2" = install ]; then cat "$HOME/calls"; exit 1; fi';
const there = { 'pkg-config': 'true', meson: 'true', cc: 'true' };

test('the packages are named before apt is called, and only those that are missing', (t) => {
  const { status, lines } = runDev(t, ['build'], {
    ...there,
    id: 'echo 0',
    env: 'shift; exec "$@"',
    cat: 'while read -r line; do echo "$line"; done <"$1"',
    'apt-get': noted,
  });
  assert.deepEqual(lines, [
    'dev: about to install, by apt: ninja-build',
    '... reading the package lists',
    '... installing them',
    '-qq update',
    '-qq install -y --no-install-recommends ninja-build',
    'dev: installing them failed',
  ]);
  assert.equal(status, 1);
});

test('where there is no apt, the packages are named', (t) => {
  const { status, lines } = runDev(t, ['deps', 'build'], there);
  assert.deepEqual(lines, ["dev: please install (these are Debian's names): ninja-build"]);
  assert.equal(status, 1);
});

test('who may not install is told the command', (t) => {
  const { status, lines } = runDev(t, ['deps', 'build'], {
    ...there,
    id: 'echo 1000',
    'apt-get': 'true',
  });
  assert.deepEqual(lines, ['dev: please install, as root: apt-get install ninja-build']);
  assert.equal(status, 1);
});

test('a command that is not known has no packages', (t) => {
  const { status, lines } = runDev(t, ['deps', 'nothing'], {});
  assert.match(lines[0], /^dev: deps knows build, /);
  assert.equal(status, 1);
});
