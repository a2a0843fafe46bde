// SPDX-License-Identifier: MIT
// The settings are listed in three places besides the code: --help, docs/settings.md and the sample
// file. --help is printed from the table in the code; the other two are compared with --help here.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';

const root = new URL('../../', import.meta.url);
const binary = process.env.RELAY_BIN ?? 'build/convex-relay';
const help = execFileSync(binary, ['--help'], { cwd: root, encoding: 'utf8' });
const NONE = '-';

// The rows of --help: two blanks, then columns that two blanks or more keep apart.
const settings = help
  .split('\n')
  .map((line) => /^ {2}([A-Z][A-Z_]*) {2,}(\S+) {2,}(\S.*)$/.exec(line))
  .filter(Boolean)
  .map(([, name, fallback, meaning]) => ({
    name,
    fallback,
    required: fallback === 'required',
    secret: meaning.endsWith(' (_FILE)'),
  }));
const names = settings.map(({ name }) => name);

// The rows of the page's table of settings, which follow a header and a rule, and end at a blank
// line.
function pageRows() {
  const lines = readFileSync(new URL('docs/settings.md', root), 'utf8').split('\n');
  const header = lines.findIndex((line) => /^\| name \| default \|/.test(line));
  assert.notEqual(header, -1, 'docs/settings.md has a table that starts with | name | default |');
  const length = lines.slice(header).findIndex((line) => !line.startsWith('|'));
  return lines.slice(header + 2, length < 0 ? undefined : header + length).map((line) => {
    const [, name, fallback, meaning] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const plain = fallback.replaceAll('`', '');
    return { line, name, fallback: ['', '–', '—'].includes(plain) ? NONE : plain, meaning };
  });
}

// The settings of the sample file. A comment is prose if a blank follows the #.
const sample = readFileSync(new URL('docker/convex-relay.env.sample', root), 'utf8');
const sampleRows = sample
  .split('\n')
  .map((line) => /^(#?)([A-Z][A-Z_]*)=(.*)$/.exec(line))
  .filter(Boolean)
  .map(([, hash, name, value]) => ({ name, value, active: hash === '' }));

test('--help lists settings, and fits a screen', () => {
  assert.ok(settings.length >= 20, `only ${settings.length} rows were found`);
  assert.equal(new Set(names).size, names.length, 'no setting is listed twice');
  const lines = help.trimEnd().split('\n');
  assert.ok(lines.length <= 50, `${lines.length} lines`);
  for (const line of lines) assert.ok([...line].length <= 80, `over 80 columns: ${line}`);
});

test('docs/settings.md lists the same settings in the same order', () => {
  assert.deepEqual(
    pageRows().map(({ name }) => name),
    names.map((name) => `\`${name}\``),
  );
});

test('docs/settings.md gives the same defaults, and a meaning to each', () => {
  for (const [i, { line, fallback, meaning }] of pageRows().entries()) {
    assert.equal(fallback, settings[i]?.fallback, line);
    assert.ok(meaning, line);
  }
});

test('the sample file lists the same settings in the same order', () => {
  const listed = sampleRows
    .map(({ name }) => name)
    .filter((name) => !name.endsWith('_FILE') || names.includes(name));
  assert.deepEqual(listed, names);
});

test('the sample file shows each default, commented out', () => {
  for (const { name, fallback, required } of settings) {
    const row = sampleRows.find((candidate) => candidate.name === name);
    assert.equal(row.value, required || fallback === NONE ? '' : fallback, name);
    assert.equal(
      row.active,
      required,
      `${name}: what is required is there to be filled in, the rest is not`,
    );
  }
});

test('the sample file shows that each secret, and nothing else, may come from a file', () => {
  const secrets = settings.filter(({ secret }) => secret).map(({ name }) => `${name}_FILE`);
  const files = sampleRows.filter(({ name }) => name.endsWith('_FILE') && !names.includes(name));
  assert.ok(secrets.length > 0);
  assert.deepEqual(
    files.map(({ name }) => name),
    secrets,
  );
  for (const { name, active } of files) assert.equal(active, false, name);
});
