// SPDX-License-Identifier: MIT
// meson.build names every source, and every test program: what it leaves out would rot unseen.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../../', import.meta.url));
const build = readFileSync(`${top}meson.build`, 'utf8');

function unnamed(directory, nameOf) {
  const sources = readdirSync(top + directory).filter((name) => name.endsWith('.c'));
  assert.notEqual(sources.length, 0);
  return sources.filter((name) => !build.includes(`'${nameOf(name)}'`));
}

for (const room of ['base', 'auth', 'convex', 'outbox', 'handlers', 'relay', 'cli', 'server']) {
  test(`meson.build names every source of ${room}`, () => {
    assert.deepEqual(
      unnamed(room, (name) => `${room}/${name}`),
      [],
    );
  });
}

test('meson.build names every test program, and what they share', () => {
  assert.deepEqual(
    unnamed('tests/unit', (name) =>
      name.startsWith('test-') ? name.replace(/^test-|\.c$/g, '') : `tests/unit/${name}`,
    ),
    [],
  );
});
