// SPDX-License-Identifier: MIT
// The meson.build of a folder names every source in it once: what is left out would rot unseen, and
// Meson takes a list that a merge has doubled without a word.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../../', import.meta.url));

// How the meson.build of a folder writes the name of a source there: most write the file's.
const spellings = {
  server: (name) => (name === 'main.c' ? undefined : name),
  'tests/fuzz': (name) => name.replace(/^fuzz-(.*)\.c$/, '$1'),
  'tests/lib': (name) => name.replace(/\.c$/, ''),
  'tests/unit': (name) => name.replace(/^test-(.*)\.c$/, '$1'),
};

function foldersWithC(folder) {
  const entries = readdirSync(top + folder, { withFileTypes: true });
  const below = entries
    .filter((entry) => entry.isDirectory() && !/^(\.|build|node_modules$)/.test(entry.name))
    .flatMap((entry) => foldersWithC(`${folder}${entry.name}/`));
  return entries.some((entry) => entry.name.endsWith('.c')) ? [folder, ...below] : below;
}

for (const folder of foldersWithC('')) {
  const name = folder.slice(0, -1);

  test(`the meson.build of ${name} names every source there once`, () => {
    const build = readFileSync(`${top}${folder}meson.build`, 'utf8');
    const spell = spellings[name] ?? ((source) => source);
    const spelt = readdirSync(top + folder)
      .filter((source) => source.endsWith('.c'))
      .map(spell)
      .filter(Boolean);
    const mentions = (spelling) => build.split(`'${spelling}'`).length - 1;
    assert.deepEqual(
      spelt.filter((spelling) => mentions(spelling) === 0),
      [],
    );
    assert.deepEqual(
      spelt.filter((spelling) => spelling.endsWith('.c') && mentions(spelling) > 1),
      [],
    );
  });
}

test('meson.build names the main program', () => {
  assert.match(readFileSync(`${top}meson.build`, 'utf8'), /'server\/main\.c'/);
});
