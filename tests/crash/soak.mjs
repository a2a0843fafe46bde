// SPDX-License-Identifier: MIT
// The long form: round after round, each with an outbox of its own, until the time is over.
//
//   node tests/crash/soak.mjs [MINUTES] [SEED]
//
// Round i has the seed SEED + i; with no time, one round. Exit 1 as soon as a round finds something.

import { randomInt } from 'node:crypto';
import { crash } from './driver.mjs';

const LIVES = 60;

const [minutes = '10', first = String(randomInt(2 ** 32))] = process.argv.slice(2);
if (!/^\d+(\.\d+)?$/.test(minutes) || !/^\d+$/.test(first)) {
  console.error('usage: ./dev soak [MINUTES] [SEED]');
  process.exit(2);
}

const deadline = performance.now() + Number(minutes) * 60_000;
const total = {};
console.log(`seed ${first}, ${minutes} minutes`);
for (let round = 0; round === 0 || performance.now() < deadline; round++) {
  const seed = (Number(first) + round) >>> 0;
  const { violations, figures, folder } = await crash({ seed, lives: LIVES, onProgress: show });
  clear();
  add(total, figures);
  console.log(`round ${round + 1}, seed ${seed}: ${told(figures)}`);
  if (violations.length) {
    for (const { kind, text } of violations.slice(0, 50)) console.log(`  ${kind}: ${text}`);
    console.log(`  more in ${folder}; again: ./dev soak 0 ${seed}`);
    process.exit(1);
  }
}
console.log(`in all: ${told(total)}`);

function show({ life, lives, draining, events, backlog }) {
  if (!process.stdout.isTTY) return;
  clear();
  const at = draining ? 'the last process' : `process ${life} of ${lives}`;
  process.stdout.write(`... ${at}, ${events} events, ${backlog} under way`);
}

function clear() {
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
}

function add(sum, figures) {
  for (const [name, value] of Object.entries(figures)) {
    if (typeof value === 'object') add((sum[name] ??= {}), value);
    else sum[name] = (sum[name] ?? 0) + value;
  }
}

function told({ answers, ...figures }) {
  const list = [...Object.entries(figures), ...Object.entries(answers).map(([status, n]) => [`answered ${status}`, n])];
  return list.map(([name, value]) => `${value} ${name.replace(/[A-Z]/g, (char) => ` ${char.toLowerCase()}`)}`).join(', ');
}
