// SPDX-License-Identifier: MIT
// No line of ours reaches beyond column 100, unless what is there cannot be broken: the rest of a
// string, a pattern or a test's title that ends the line; the only word of a line; a row of a
// table in Markdown. Code is laid out by clang-format and Prettier: what they leave is right.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../../', import.meta.url));
const COLUMNS = 100;

const notOurs = /^(\.git|build.*|node_modules|package-lock\.json|LICENSE|.*\.db(-\w+)?|\.env)$/;
const notWritten = ['tests/fuzz/corpus', 'docker/secrets'];

const comment = /^\s*(\/\/|\/?\*|#|--) /;
const onlyWord = /^[\s#/*>-]*\S+$/;
const textAtTheEnd = /(["'`/]).*\1[a-z]*\W*(async \(t?\) => \{)?$/;

function mayBeLong(path, line) {
  if (onlyWord.test(line)) return true;
  if (path.endsWith('.md')) return line.startsWith('|');
  return !comment.test(line) && textAtTheEnd.test(line);
}

function tooLong(path, text) {
  return text
    .split('\n')
    .map((line, i) => ({ line, where: `${path}:${i + 1}` }))
    .filter(({ line }) => [...line].length > COLUMNS && !mayBeLong(path, line))
    .map(({ where }) => where);
}

function filesOf(folder) {
  return readdirSync(top + folder, { withFileTypes: true })
    .filter(({ name }) => !notOurs.test(name) && !notWritten.includes(folder + name))
    .flatMap((entry) => {
      if (entry.isDirectory()) return filesOf(`${folder}${entry.name}/`);
      return entry.isFile() ? [folder + entry.name] : [];
    });
}

const files = filesOf('');
for (const kind of ['c', 'h', 'md', 'mjs', 'sh', 'ts']) {
  const ofKind = files.filter((path) => path.endsWith(`.${kind}`));
  test(`lines of *.${kind}`, () => {
    assert.notEqual(ofKind.length, 0);
    assert.deepEqual(
      ofKind.flatMap((path) => tooLong(path, readFileSync(top + path, 'utf8'))),
      [],
    );
  });
}

test('lines of all other files', () => {
  const others = files.filter((path) => !/\.(c|h|md|mjs|sh|ts)$/.test(path));
  assert.ok(others.includes('dev') && others.includes('meson.build'));
  assert.deepEqual(
    others.flatMap((path) => tooLong(path, readFileSync(top + path, 'utf8'))),
    [],
  );
});

const words = 'word '.repeat(20);
const LINES = [
  ['code', 'x.c', `${words}word`, false],
  ['exactly 100 columns, beyond ASCII too', 'x.c', 'é '.repeat(50), true],
  ['a string', 'x.c', `    say("${words}");`, true],
  ['what follows a string', 'x.c', `    say("text", ${words}x);`, false],
  ["a test's title", 'x.mjs', `test('${words}', async (t) => {`, true],
  ['a pattern', 'x.mjs', `  /${words}/i,`, true],
  ['a comment', 'x.mjs', `// ${words}`, false],
  ['a comment that ends with a quotation', 'x.sh', `# "${words}"`, false],
  ['an address', 'x.sh', `# https://${'x'.repeat(100)}`, true],
  ['a macro', 'x.c', `#define X "${words}"`, true],
  ['prose', 'x.md', `"${words}"`, false],
  ['a row of a table', 'x.md', `| ${words}|`, true],
];
for (const [what, path, line, fine] of LINES) {
  test(`${what}: ${fine ? 'fine' : 'too long'}`, () => {
    assert.deepEqual(tooLong(path, `\n${line}\n`), fine ? [] : [`${path}:2`]);
  });
}
