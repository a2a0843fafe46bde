// SPDX-License-Identifier: MIT
// What the pages say besides commands agrees with the relay, nginx, Prometheus and the code.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeFolder } from '../lib/files.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { RELAY_BIN, runRelay } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { startWorld } from '../examples/world.mjs';
import { ALL_PAGES, anchorsOf, blocksOf, linesOf, PAGES, proseOf, ROOT } from './pages.mjs';
import { assertDevHas } from './programs.mjs';
import { runs } from './runs.mjs';

const blocks = PAGES.flatMap(blocksOf);
const blocksIn = (language) => blocks.filter((block) => block.language === language);
const read = (name) => readFileSync(path.join(ROOT, name), 'utf8');

test('each block is in a language that a test looks at', () => {
  const known = ['', 'sh', 'json', 'yaml', 'nginx', 'sql'];
  assert.deepEqual(
    blocks.filter(({ language }) => !known.includes(language)),
    [],
  );
});

test('no run is there for a page that is not', () => {
  assert.deepEqual(
    Object.keys(runs).filter((page) => !PAGES.includes(page)),
    [],
  );
});

test('the README is read in five minutes', () => {
  assert.ok(linesOf('README.md').length <= 220);
});

for (const page of ALL_PAGES) {
  test(`${page}: each link leads somewhere`, () => {
    const links = [...proseOf(page).matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link);
    for (const link of links.filter((one) => !/^https:/.test(one))) {
      const [name, anchor] = link.split('#');
      const target = name ? path.join(path.dirname(page), name) : page;
      assert.ok(existsSync(path.join(ROOT, target)), link);
      if (anchor) assert.ok(anchorsOf(target).includes(anchor), link);
    }
  });
}

test('the index of docs/ has every page', () => {
  const index = read('docs/README.md');
  const names = readdirSync(path.join(ROOT, 'docs')).filter((name) => name !== 'README.md');
  assert.deepEqual(
    names.filter((name) => !index.includes(`](${name})`)),
    [],
  );
});

test('each page under docs/ begins with whom it is for', () => {
  for (const page of PAGES.filter((name) => name.startsWith('docs/')))
    assert.match(read(page), /^# [^\n]+\n\nFor who/, page);
});

// ---- commands in the middle of a sentence ----

const spoken = ALL_PAGES.flatMap((page) =>
  [...proseOf(page).matchAll(/`((?:\.\/dev|convex-relay) [^`]+)`/g)].map(([, text]) => ({
    page,
    words: text.replaceAll(/\s+/g, ' ').split(' '),
  })),
);

test('./dev has what the prose names', () => {
  const named = spoken.filter(({ words }) => words[0] === './dev');
  assert.ok(named.length > 5);
  for (const { words } of named) assertDevHas(words.slice(1));
});

test('convex-relay has what the prose names', () => {
  const help = ['--help', 'outbox --help']
    .map((args) => execFileSync(RELAY_BIN, args.split(' '), { encoding: 'utf8' }))
    .join('');
  const has = (words) => new RegExp(`\\bconvex-relay ${words.join(' ')}\\b`).test(help);
  for (const { page, words } of spoken.filter((one) => one.words[0] === 'convex-relay')) {
    const command = words.slice(1).filter((word) => /^[a-z]+$/.test(word));
    assert.ok(has(command.slice(0, 2)), `${page}: ${words.join(' ')}`);
    for (const option of words.filter((word) => word.startsWith('--')))
      assert.ok(help.includes(option), option);
  }
});

// ---- what other programs read ----

test('the relay takes each routes file', async (t) => {
  const routes = blocksIn('json').filter(({ text }) => text.includes('"mutation"'));
  assert.ok(routes.length >= 2, `only ${routes.length} were found`);
  for (const { text } of routes)
    await startWorld(t, { ROUTES: makeFolder(t, { 'routes.json': text }).path('routes.json') });
});

test('what is shown of nginx.conf stands there, in that order', () => {
  const lines = read('docker/nginx.conf')
    .split('\n')
    .map((line) => line.trim());
  const shown = blocksIn('nginx').flatMap(({ text }) => text.trim().split('\n'));
  assert.ok(shown.length >= 15);
  let at = -1;
  for (const line of shown.map((one) => one.trim()).filter(Boolean)) {
    const found = lines.indexOf(line, line === '}' ? 0 : at + 1);
    assert.ok(found >= 0, line);
    if (line !== '}') at = found;
  }
});

test('what is shown as SQL lets a relay in', async (t) => {
  const postgres = await startPostgres(t, { auth: 'scram-sha-256' });
  await postgres.sql('DROP DATABASE relay', { database: 'postgres' });
  await postgres.sql('DROP ROLE relay', { database: 'postgres' });
  const [database, schema, ...more] = blocksIn('sql').map(({ text }) => text);
  assert.equal(more.length, 0);
  const env = {
    CONVEX_URL: (await startUpstream(t)).url,
    OUTBOX: postgres.uri({ password: 'make-one-up' }),
  };
  await postgres.script(database, { database: 'postgres' });
  await postgres.sql(
    'REVOKE CREATE ON DATABASE relay FROM relay; ALTER DATABASE relay OWNER TO postgres',
  );
  assert.match((await runRelay(t, { args: ['check'], env })).err, /may not make it/);
  await postgres.script(schema);
  assert.deepEqual(await runRelay(t, { args: ['check'], env }), {
    code: 0,
    out: `The configuration is valid, and Convex answers at ${env.CONVEX_URL}\n`,
    err: '',
  });
});

test('Prometheus takes what is shown for it, with the alerts beside it', (t) => {
  const shown = blocksIn('yaml');
  assert.ok(shown.length > 0);
  for (const { text } of shown) {
    const files = makeFolder(t, {
      'prometheus.yml': text,
      'alerts.yml': read('docker/alerts.yml'),
    });
    const { status, stdout, stderr } = spawnSync(
      'promtool',
      ['check', 'config', files.path('prometheus.yml')],
      { encoding: 'utf8' },
    );
    assert.equal(status, 0, stdout + stderr);
  }
});

// ---- what it costs ----

// The rows of the table below a heading, as cells without marks.
function tableOf(page, heading) {
  const [, behind] = read(page).split(`\n${heading}`);
  const [table] = /\n\|[^]*?\n(?!\|)/.exec(behind);
  const rows = table.trim().split('\n').slice(2);
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.replaceAll(/[`,]|the /g, '').trim()),
  );
}

// Whether a figure is the other one, rounded to as many digits as it has.
function isRounded(shown, measured) {
  const [, , decimals = ''] = /^\d+(\.(\d+))?/.exec(shown);
  return Math.abs(parseFloat(shown) - parseFloat(measured)) <= 0.5001 * 10 ** -decimals.length;
}

test("the README's costs are those that were measured", () => {
  const measured = new Map(
    tableOf('docs/measuring.md', '### at-once').map(([name, cpu, ratio, , , , , , peak]) => [
      name,
      [cpu, ratio, peak],
    ]),
  );
  const shown = tableOf('README.md', '## What it costs');
  assert.equal(shown.length, 5);
  for (const [name, ...figures] of shown) {
    const found = measured.get(name === 'relay' ? 'relay outbox on' : name);
    assert.ok(found, name);
    figures.forEach((figure, i) => assert.ok(isRounded(figure, found[i]), `${name}: ${figure}`));
  }
});

// ---- what the log and the answers say ----

// The texts of the code, and of the stand-in for Convex, whose errors are Convex's own.
function codeTexts() {
  const rooms = ['auth', 'base', 'cli', 'convex', 'handlers', 'outbox', 'relay', 'server'];
  const files = [...rooms, 'tests/standin'].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true })
      .filter((name) => /\.(c|mjs)$/.test(name))
      .map((name) => read(path.join(folder, name))),
  );
  return files.join('\n').replaceAll(/"\s*\n\s*"/g, '');
}

const NOT_OURS = ['Address already in use']; // a text of the C library's

test('each message that is explained is one that there is', () => {
  const section = read('docs/troubleshooting.md').split('\n## ')[1];
  const rows = section.split('\n').filter((line) => /^\| [^-y]/.test(line));
  const code = codeTexts();
  const quoted = rows.flatMap((row) =>
    [...row.split(' | ')[0].matchAll(/`([^`]+)`/g)].map(([, text]) => text),
  );
  assert.ok(quoted.length > 15, `${quoted.length} were found`);
  // `…` and names in quotes stand for what differs.
  const pieces = quoted
    .flatMap((text) => text.replace(/^outbox\.db/, '').split(/…|'[^']*'/))
    .map((text) => text.trim());
  assert.deepEqual(
    pieces.filter(
      (text) =>
        text !== '' && !text.startsWith('/') && !NOT_OURS.includes(text) && !code.includes(text),
    ),
    [],
  );
});
