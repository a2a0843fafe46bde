// SPDX-License-Identifier: MIT
// Where it was measured, and with which versions.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RELAY_BIN } from '../lib/relay.mjs';
import { bunBinary } from './peers.mjs';

const TESTS = fileURLToPath(new URL('../', import.meta.url));

// The first line that a program prints on its version, to either stream; some exit with 1 then.
function versionOf(program, ...args) {
  const command = [program, ...args].map((word) => `'${word}'`).join(' ');
  return execFileSync('sh', ['-c', `{ ${command} || :; } 2>&1 | head -n 1`], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  })
    .trim()
    .replace(/^.*version: |^convex-relay | Copyright.*$/g, '');
}

const packageVersion = (name) =>
  JSON.parse(readFileSync(path.join(TESTS, 'node_modules', name, 'package.json'), 'utf8')).version;

// How much of the CPUs others use, in percent: what is measured beside them says little.
async function busyPercent() {
  const read = () =>
    readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/).slice(1).map(Number);
  const before = read();
  await sleep(1000);
  const spent = read().map((ticks, i) => ticks - before[i]);
  const [, , , idle, waiting] = spent;
  return 100 * (1 - (idle + waiting) / spent.reduce((sum, ticks) => sum + ticks, 0));
}

export async function describeMachine() {
  return {
    cpu: os.cpus()[0].model.trim(),
    cores: os.cpus().length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()}`,
    busyPercent: await busyPercent(),
    disk: versionOf('stat', '-f', '-c', '%T', path.dirname(RELAY_BIN)),
    versions: {
      relay: versionOf(RELAY_BIN, '--version'),
      nginx: versionOf('nginx', '-v'),
      wrk: versionOf('wrk', '-v'),
      node: process.version,
      bun: versionOf(bunBinary(), '--version'),
      hono: packageVersion('hono'),
      'node-server': packageVersion('@hono/node-server'),
      convex: packageVersion('convex'),
    },
  };
}

export function showMachine({ cpu, cores, memoryGiB, kernel, disk, busyPercent: busy, versions }) {
  const names = Object.entries(versions)
    .map(([name, version]) => `${name}: ${version}`)
    .join('; ');
  const warning =
    busy < 5
      ? ''
      : `\n${busy.toFixed(0)} % of the CPUs were in use before anything started: do not trust these figures`;
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${kernel}, ${disk}\n${names}${warning}`;
}
