// SPDX-License-Identifier: MIT
// HACKING.md says which tests prove what is promised: each of them exists.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../../', import.meta.url));
const read = (name) => readFileSync(top + name, 'utf8');

const [, section] = /\n## What is promised, and what proves it\n(.*?)\n## /s.exec(
  read('HACKING.md'),
);
const rows = section
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(2)
  .map((line) => line.slice(2, -2).split(' | '));
const oracle = read('tests/crash/oracle.mjs');

// [file, what is named behind it] of each line of a cell.
const namesIn = (cell) => cell.split('<br>').map((line) => /^`([^`]+)`: (.+)$/.exec(line).slice(1));

test('the table has a row for each promise', () => {
  assert.ok(rows.length >= 13, `${rows.length} rows`);
  for (const row of rows) assert.equal(row.length, 4, row[0]);
});

for (const [promise, endToEnd, unit, judges] of rows) {
  test(`${promise}: its tests exist`, () => {
    for (const [file, title] of namesIn(endToEnd)) {
      const path = `tests/e2e/${file}`;
      assert.ok(existsSync(top + path), path);
      assert.ok(read(path).includes(title), `${path} has no test "${title}"`);
    }
    for (const [file, functions] of namesIn(unit)) {
      const path = `tests/unit/${file}`;
      assert.ok(existsSync(top + path), path);
      for (const [, name] of functions.matchAll(/`([^`]+)`/g))
        assert.match(read(path), new RegExp(`^static void ${name}\\(`, 'm'), `${path}: ${name}`);
    }
    for (const [, name] of judges.matchAll(/`([^`]+)`/g))
      assert.match(oracle, new RegExp(`^function ${name}\\(`, 'm'), `the oracle: ${name}`);
  });
}
