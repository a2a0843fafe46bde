// SPDX-License-Identifier: MIT
// The examples are sound before anything runs: the types, and how rows are looked up.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

for (const part of ['convex', 'blade']) {
  test(`TypeScript accepts examples/${part}`, async () => {
    const project = here(`../examples/types/${part}`);
    const { stdout } = await promisify(execFile)(process.execPath, [TSC, '-p', project]).catch(
      ({ stdout: errors }) => assert.fail(errors),
    );
    assert.equal(stdout, '');
  });
}

// A scan reads every row, so that Convex sees a conflict between any two writes of the table.
test('every lookup of examples/convex uses an index', () => {
  const folder = here('../../examples/convex/');
  const sources = readdirSync(folder).map((name) => readFileSync(folder + name, 'utf8'));
  const chains = sources.flatMap((text) => [...text.matchAll(/\.query\('\w+'\)\s*\.(\w+)/g)]);
  assert.ok(chains.length >= 3, `only ${chains.length} lookups were found`);
  for (const [chain, method] of chains) assert.equal(method, 'withIndex', chain);
});
