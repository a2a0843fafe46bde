// SPDX-License-Identifier: MIT
// What docs/dead-letters.md says of `convex-relay outbox` is what `outbox --help` says.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';

const root = new URL('../../', import.meta.url);
const binary = process.env.RELAY_BIN ?? 'build/convex-relay';
const help = execFileSync(binary, ['outbox', '--help'], { cwd: root, encoding: 'utf8' }).replace(
  /\n +\[/g, // a usage that goes on in the next line
  ' [',
);
const page = readFileSync(new URL('docs/dead-letters.md', root), 'utf8');

const usages = [...help.matchAll(/^ {2}convex-relay outbox ([a-z]+)(.*)$/gm)].map(
  ([, name, usage]) => ({ name, options: usage.match(/--[a-z-]+/g) ?? [] }),
);

test('every command and option is in the page about dead letters', () => {
  assert.ok(usages.length >= 6 && usages.some(({ options }) => options.includes('--dry-run')));
  for (const { name, options } of usages) {
    assert.match(page, new RegExp(`\\bconvex-relay outbox ${name}\\b`));
    for (const option of options) assert.ok(page.includes(option), option);
  }
});

test('its table of selections has what narrows --all', () => {
  const listed = [...page.matchAll(/^\| `(--[a-z-]+) [A-Z]+` \|/gm)].map(([, option]) => option);
  const { options } = usages.find(({ name }) => name === 'discard');
  assert.deepEqual(
    listed,
    options.filter((option) => !['--all', '--dry-run'].includes(option)),
  );
});
