// SPDX-License-Identifier: MIT
// The long forms of what ./dev test does for seconds.
//
//   node tests/soak/main.mjs [MINUTES] [SEED]
//     kills, round after round, each with an outbox of its own
//   node tests/soak/main.mjs mixed [MINUTES] [SEED]
//     mixed traffic, and what the relay holds after it
//
// Round i of the kills has the seed SEED + i; without MINUTES there is one round. Exit code 1 as
// soon as something is wrong.

import { randomInt } from 'node:crypto';
import { crash } from '../crash/driver.mjs';
import { mixed } from './mixed.mjs';

const LIVES = 60;
const LOAD_MS = 15_000;
const SLACK_KIB = 2048;

const isMixed = process.argv[2] === 'mixed';
const [minutes = '10', first = String(randomInt(2 ** 32))] = process.argv.slice(isMixed ? 3 : 2);
if (!/^\d+(\.\d+)?$/.test(minutes) || !/^\d+$/.test(first)) {
  console.error('usage: ./dev soak [mixed] [MINUTES] [SEED]');
  process.exit(2);
}
const ms = Number(minutes) * 60_000;

console.log(`seed ${first}, ${minutes} minutes`);
await (isMixed ? soakMixed() : soakKills());

async function soakKills() {
  const deadline = performance.now() + ms;
  const total = {};
  for (let round = 0; round === 0 || performance.now() < deadline; round++) {
    const seed = (Number(first) + round) >>> 0;
    const result = await crash({ seed, lives: LIVES, onProgress: showKills });
    clear();
    add(total, result.figures);
    console.log(`round ${round + 1}, seed ${seed}: ${told(result.figures)}`);
    endIfFound(result, `./dev soak 0 ${seed}`);
  }
  console.log(`in all: ${told(total)}`);
}

async function soakMixed() {
  const result = await mixed({
    seed: Number(first),
    ms,
    loadMs: LOAD_MS,
    slackKib: SLACK_KIB,
    onProgress: showMixed,
  });
  clear();
  console.log(told(result.figures));
  endIfFound(result, `./dev soak mixed ${minutes} ${first}`);
}

function endIfFound({ violations, folder }, again) {
  if (!violations.length) return;
  for (const { kind, text } of violations.slice(0, 50)) console.log(`  ${kind}: ${text}`);
  console.log(`  more in ${folder}; again: ${again}`);
  process.exit(1);
}

function showKills({ life, lives, draining, events, backlog }) {
  show(
    `${draining ? 'the last process' : `process ${life} of ${lives}`}, ${events} events, ${backlog} under way`,
  );
}

function showMixed({ rounds, events, backlog }) {
  show(`round ${rounds}, ${events} events, ${backlog} under way`);
}

function show(text) {
  if (!process.stdout.isTTY) return;
  clear();
  process.stdout.write(`... ${text}`);
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

// The figures in one line: 3 kills, answered 7 200, acts 2 rotate.
function told(figures) {
  const words = (name) => name.replace(/[A-Z]/g, (char) => ` ${char.toLowerCase()}`);
  return Object.entries(figures)
    .map(([name, value]) =>
      typeof value === 'object' ? `${words(name)} (${told(value)})` : `${value} ${words(name)}`,
    )
    .join(', ');
}
