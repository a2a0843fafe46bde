// SPDX-License-Identifier: MIT
// Where the relay's time goes: samples of the threads, by what runs, and in the kernel by the
// system call.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startChild } from '../../lib/child.mjs';
import { startConvex } from '../convex.mjs';
import { short, table } from '../figures.mjs';
import { measureRounds, startPeer } from '../measure.mjs';
import { runWrk } from '../wrk.mjs';

export const title = 'where the time of at-once goes';
export const defaults = { rounds: 1, seconds: 5 };

const CLIENTS = 64;
const SMALL = 0.01; // places with less than that of the time are summed up
const SAMPLES_A_SECOND = 1999; // no multiple of what the server or the kernel does by the clock

// Samples as `perf script -F comm,ip,sym,dso` prints them: a line with the thread's name, then the
// stack, the innermost function first, then an empty line. Gives [place, samples], the most first.
export function readSamples(text) {
  const places = new Map();
  for (const sample of text.split(/\n\n+/)) {
    const frames = [...sample.matchAll(/^\s+[0-9a-f]+ (.*) \(([^()]*|\[[^\]]*\])\)$/gm)].map(
      ([, symbol, dso]) => ({ symbol, dso }),
    );
    if (frames.length === 0) continue;
    const place = placeOf(frames);
    places.set(place, (places.get(place) ?? 0) + 1);
  }
  return [...places].sort(([, a], [, b]) => b - a);
}

const isKernel = ({ dso }) => dso.startsWith('[kernel') || dso === '[unknown]';

function placeOf(frames) {
  if (!isKernel(frames[0])) return path.basename(frames[0].dso).replace(/\.so.*$/, '');
  const call = frames
    .map(({ symbol }) => /^_+(?:x64_|arm64_)?sys_(\w+)$/.exec(symbol))
    .find(Boolean);
  return call ? `kernel, ${call[1]}()` : 'kernel, interrupts and the way in and out';
}

async function measureProfile(scope, cell) {
  const folder = mkdtempSync(path.join(tmpdir(), 'profile-'));
  scope.after(() => rmSync(folder, { recursive: true }));
  const data = path.join(folder, 'perf.data');
  const server = await startPeer(scope, cell);
  await runWrk(scope, server.port, { clients: CLIENTS, seconds: 1 });
  const perf = startChild(
    scope,
    'perf',
    [
      'record',
      '-e',
      'cpu-clock',
      '-F',
      `${SAMPLES_A_SECOND}`,
      '-g',
      '-o',
      data,
      '-p',
      `${server.pid}`,
      '--',
      'sleep',
      `${cell.seconds}`,
    ],
    { env: process.env },
  );
  const before = server.usage.cpu();
  const load = await runWrk(scope, server.port, { clients: CLIENTS, seconds: cell.seconds });
  const after = server.usage.cpu();
  const { code } = await perf.exited;
  if (code !== 0) throw new Error(`perf cannot look: ${perf.stderr().trim()}`);
  const samples = execFileSync('perf', ['script', '-i', data, '-F', 'comm,ip,sym,dso'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const places = readSamples(samples);
  const total = places.reduce((sum, [, count]) => sum + count, 0);
  return {
    valid: load.refused + load.broken === 0 && total > 0,
    cpuUs: ((after.cpuS - before.cpuS) * 1e6) / load.events,
    samples: total,
    places: places.map(([place, count]) => [place, count / total]),
  };
}

export async function run(scope, { peers, rounds, seconds }) {
  if (spawnSync('perf', ['--version']).error) return [];
  const convex = await startConvex(scope);
  const cells = peers.filter((peer) => peer === 'relay').map((peer) => ({ peer, convex, seconds }));
  return measureRounds('profile', cells, rounds, measureProfile);
}

const NO_PERF =
  'There is no perf here: Debian has it in linux-perf, Ubuntu in linux-tools-generic.';

export const show = (results) =>
  results.length === 0
    ? NO_PERF
    : results
        .map(({ rounds: [{ places, cpuUs, samples }] }) => {
          const large = places.filter(([, share]) => share >= SMALL);
          const rest = places
            .filter(([, share]) => share < SMALL)
            .reduce((sum, [, share]) => sum + share, 0);
          const rows = [...large, ['all others', rest]].map(([place, share]) => [
            place,
            `${(100 * share).toFixed(1)} %`,
            `${short(share * cpuUs)} us`,
          ]);
          return `${table(['relay, outbox on', 'share', 'per event'], rows)}\n\n${samples} samples of both threads; sampling costs, too.`;
        })
        .join('\n');
