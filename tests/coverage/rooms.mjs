// SPDX-License-Identifier: MIT
// Prints gcovr's summary by room.
//
//   node tests/coverage/rooms.mjs SUMMARY.json
import { readFileSync } from 'node:fs';

const { files } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const rooms = new Map();
for (const file of files) {
  const name = file.filename.split('/')[0];
  rooms.set(name, [...(rooms.get(name) ?? []), file]);
}

function row(name, members) {
  const sum = (key) => members.reduce((total, member) => total + member[key], 0);
  const share = (what) => {
    const [covered, total] = [sum(`${what}_covered`), sum(`${what}_total`)];
    return (
      `${covered} of ${total}`.padStart(16) +
      `${((100 * covered) / total).toFixed(1)} %`.padStart(9)
    );
  };
  console.log(name.padEnd(10) + share('line') + share('branch'));
}

console.log(`${'room'.padEnd(10)}${'lines'.padStart(25)}${'branches'.padStart(25)}`);
for (const [name, members] of [...rooms].sort()) row(name, members);
row('all', files);
