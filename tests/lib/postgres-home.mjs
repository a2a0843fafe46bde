// SPDX-License-Identifier: MIT
// What all PostgreSQL clusters of the tests share: where its programs are, whose they are, and the
// data folder that each cluster begins with.

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

// The newest version that Debian has installed.
const VERSIONS = '/usr/lib/postgresql';
const versions = (existsSync(VERSIONS) ? readdirSync(VERSIONS) : [])
  .filter((name) => existsSync(path.join(VERSIONS, name, 'bin/initdb')))
  .sort((a, b) => a - b);
export const VERSION = versions.at(-1);
const BIN = path.join(VERSIONS, VERSION ?? 'none', 'bin');
export const program = (name) => path.join(BIN, name);

// PostgreSQL refuses to run as root.
const owner =
  process.getuid() === 0 &&
  ['postgres', 'nobody']
    .map((name) => new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm'))
    .map((pattern) => pattern.exec(readFileSync('/etc/passwd', 'utf8')))
    .filter(Boolean)
    .map(([, uid, gid]) => ({ uid: Number(uid), gid: Number(gid) }))[0];

// The command that runs another one as the owner of clusters: it becomes the other one.
export const under = owner
  ? ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups', '--']
  : [];

export const ENV = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };

// Runs a program as the owner of clusters, and returns what it prints.
export function runUnder(command, args, options = {}) {
  const [first, ...rest] = [...under, command, ...args];
  return execFileSync(first, rest, {
    env: ENV,
    cwd: '/',
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    ...options,
  });
}

// A new folder of the owner of clusters. The name of a socket in it must be below 108 bytes.
export function makeHome() {
  const parent = tmpdir().length < 60 ? tmpdir() : '/tmp';
  const folder = mkdtempSync(path.join(parent, 'convex-relay-pg-'));
  if (owner) chownSync(folder, owner.uid, owner.gid);
  homes.add(folder);
  return folder;
}

export function removeHome(folder) {
  homes.delete(folder);
  rmSync(folder, { recursive: true, force: true });
}

const homes = new Set();
process.on('exit', () => homes.forEach(removeHome));

// ---- The data folder that clusters begin with ----

// ./dev test names a folder that is removed after the run. Without it, each process makes its own.
let own;
const templateHome = () => process.env.CONVEX_RELAY_TEST_PG_HOME ?? (own ??= makeHome());

// The role and the database of relays.
const FIRST_STATEMENTS = [
  "CREATE ROLE relay LOGIN PASSWORD 'PLANTED-relay'",
  'CREATE DATABASE relay OWNER relay',
];

function makeTemplate(template) {
  const made = mkdtempSync(`${template}-`);
  if (owner) chownSync(made, owner.uid, owner.gid);
  const data = path.join(made, 'data');
  runUnder(program('initdb'), [
    ...['-D', data, '-U', 'postgres', '-E', 'UTF8', '--locale=C'],
    ...['--auth=trust', '--no-sync', '--no-instructions'],
  ]);
  appendFileSync(path.join(data, 'postgresql.conf'), "\ninclude 'test.conf'\n");
  writeUnder(path.join(data, 'test.conf'), '');
  runUnder(program('postgres'), ['--single', '-D', data, 'postgres'], {
    input: FIRST_STATEMENTS.map((statement) => `${statement}\n`).join(''),
  });
  try {
    renameSync(data, template);
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error; // another was faster
  }
  rmSync(made, { recursive: true, force: true });
}

// Writes a file of the owner of clusters.
export function writeUnder(file, content) {
  runUnder('tee', [file], { input: content });
}

// Makes data a copy of the template.
export function copyTemplate(data) {
  const template = path.join(templateHome(), `template-${VERSION}`);
  if (!existsSync(template)) makeTemplate(template);
  execFileSync('cp', ['-a', '--reflink=auto', template, data]);
}
