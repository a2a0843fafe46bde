// SPDX-License-Identifier: MIT
// What ./dev test prints, and that --quick leaves out what is there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { modes, slowSuites } from '../run/modes.mjs';
import { onBothStores, onOneStore } from '../run/postgresql-suites.mjs';
import { runSuite } from '../run/process.mjs';
import { startProgress } from '../run/progress.mjs';
import { runAll } from '../run/schedule.mjs';
import { findSuites, top } from '../run/suites.mjs';
import { readTap } from '../run/tap.mjs';

const fine = (label, more) => ({
  suite: { label },
  passed: 3,
  skipped: [],
  failures: [],
  err: '',
  ms: 1234,
  ...more,
});
const broken = (label) =>
  fine(label, { failures: [{ name: 'a case', lines: ['1 != 2'] }], err: 'a\nb\n' });

// What is printed of these results, each of which takes a minute.
function printed(out, ...results) {
  let text = '';
  let ms = 0;
  const progress = startProgress(10, { ...out, write: (more) => (text += more) }, () => ms);
  for (const result of results) {
    progress.begin(result.suite);
    ms += 60_000;
    progress.end(result);
  }
  const failed = progress.finish();
  return { text, failed };
}

test('in a log each suite has a line, which says how far the run is', () => {
  const { text, failed } = printed({}, fine('unit/a'), broken('unit/b'), fine('unit/c'));
  assert.equal(
    text,
    [
      `[ 1/10  1:00] ok   ${'unit/a'.padEnd(52)} 3 passed, 1.2 s`,
      `[ 2/10  2:00, 1 failed] FAIL ${'unit/b'.padEnd(52)} 3 passed, 1 failed, 1.2 s`,
      '     failed: a case',
      '       1 != 2',
      '     stderr:',
      '       a',
      '       b',
      `[ 3/10  3:00, 1 failed] ok   ${'unit/c'.padEnd(52)} 3 passed, 1.2 s`,
      'failed:',
      '     unit/b: a case',
      '9 passed, 1 failed',
      '',
    ].join('\n'),
  );
  assert.equal(failed, 1);
});

test('what is skipped is named, and counted', () => {
  const skipping = fine('tests/a', { skipped: [{ name: 'x', reason: 'no root' }] });
  const { text } = printed({}, skipping);
  assert.match(text, /^\[ 1\/10 .*3 passed, 1 skipped, 1\.2 s\n     skipped: x: no root\n/);
  assert.match(text, /\n3 passed, 0 failed, 1 skipped\n$/);
});

test('on a terminal one line is rewritten, and what failed stays', () => {
  const out = { isTTY: true, columns: 30 };
  const { text } = printed(out, fine(`unit/${'long'.repeat(10)}`), broken('unit/b'));
  const shown = text.split('\n').map((line) => line.split('\r\x1b[K').at(-1));
  assert.ok(text.startsWith('\r\x1b[K[ 0/10  0:00] unit/longlonglo\r\x1b[K'), text);
  assert.match(shown[0], /^\[ 2\/10  2:00, 1 failed\] FAIL unit\/b/);
  assert.deepEqual(shown.slice(1, 3), ['     failed: a case', '       1 != 2']);
  assert.deepEqual(shown.slice(-2), ['6 passed, 1 failed', '']);
});

test('so many suites run at once, and behind them those that measure, each alone', async () => {
  const running = new Set();
  const log = [];
  await runAll(
    ['a', 'x1', 'b', 'x2', 'c', 'd'].map((label) => ({ label })),
    {
      jobs: 3,
      isMeasured: (label) => label.startsWith('x'),
      async run({ label }) {
        running.add(label);
        await setImmediate();
        log.push([...running].join('+'));
        running.delete(label);
      },
    },
  );
  assert.deepEqual(log, ['a+b+c', 'b+c+d', 'c+d', 'd', 'x1', 'x2']);
});

test('JOBS that is no number is refused', () => {
  const env = { ...process.env, JOBS: 'two' };
  const { status, stderr } = spawnSync(process.execPath, [path.join(top, 'tests/run/main.mjs')], {
    env,
    encoding: 'utf8',
  });
  assert.deepEqual([status, stderr], [1, 'JOBS is how many suites run at once: a number from 1\n']);
});

const suites = [
  ['ends badly', "echo '1..1'; echo 'ok 1'; exit 3", 'the suite exited with 3'],
  ['is killed', "echo '1..1'; echo 'ok 1'; kill -9 $$", 'the suite was ended by SIGKILL'],
  ['says nothing', 'true', 'the suite has no case'],
  ['stops in between', "echo '1..2'; echo 'ok 1'", '1 of the planned cases did not run'],
  ['takes too long', "echo '1..1'; echo 'ok 1'; sleep 60", 'the suite took longer than 2 s'],
];
for (const [what, command, failure] of suites) {
  test(`a suite that ${what} has failed`, async () => {
    const suite = { label: 'x', command: ['sh', '-c', command], env: {}, limitMs: 2000 };
    const { failures } = await runSuite(suite);
    assert.deepEqual(
      failures.map(({ name }) => name),
      [failure],
    );
  });
}

test('each suite that --quick leaves out as slow is there', () => {
  const labels = findSuites(modes['--plain']).map(({ label }) => label);
  assert.deepEqual(
    slowSuites.filter((label) => !labels.includes(label)),
    [],
  );
});

test('each end-to-end suite runs with both stores, or says why one is enough', () => {
  const labels = findSuites([modes['--plain'][0]]).map(({ label }) => label);
  const names = labels.map((label) => /^tests\/((e2e|crash)\/[^.]*)\.test\.mjs$/.exec(label)?.[1]);
  const tools = ['crash/convex', 'crash/oracle']; // of crash/crash
  assert.deepEqual(
    [...Object.keys(onBothStores), ...Object.keys(onOneStore), ...tools].sort(),
    names.filter(Boolean).sort(),
  );
  const buildsOf = (mode, name) =>
    modes[mode]
      .filter((build) => build.isOnPostgres && build.runs(`tests/${name}.test.mjs`))
      .map((build) => build.name);
  for (const [name, { brief, long }] of Object.entries(onBothStores)) {
    const all = buildsOf('--all', name);
    const [plain, sanitized] = [' (postgresql)', ' (postgresql, sanitized)'];
    assert.deepEqual(all.slice(0, 2), [plain, sanitized]);
    assert.deepEqual(buildsOf('', name), [...(long ? [] : [plain]), ...(brief ? [sanitized] : [])]);
  }
});

test('what a suite leaves out with PostgreSQL is there, and is left out', async () => {
  for (const { label, command } of findSuites([{ ...modes['--plain'][0], isOnPostgres: true }])) {
    const name = /^tests\/(.*)\.test\.mjs$/.exec(label)[1];
    const beginnings = Object.keys(onBothStores[name]?.but ?? {});
    const pattern = command.find((word) => word.startsWith('--test-name-pattern='));
    assert.equal(Boolean(pattern), beginnings.length > 0);
    if (!pattern) continue;
    const text = readFileSync(path.join(top, `tests/${name}.test.mjs`), 'utf8');
    for (const beginning of beginnings)
      assert.ok(text.includes(beginning.split(':')[0].slice(0, 10)), `${name}: ${beginning}`);
    const cases = [...beginnings.map((beginning) => `${beginning} and so on`), 'another case'];
    assert.deepEqual(casesThatRun(cases, pattern), ['another case']);
  }
});

// Which of these cases node:test runs, given the pattern.
function casesThatRun(cases, pattern) {
  const script = cases.map((name) => `test(${JSON.stringify(name)}, () => {});`).join('\n');
  const folder = mkdtempSync(path.join(tmpdir(), 'convex-relay-test-'));
  const file = path.join(folder, 'a.test.mjs');
  writeFileSync(file, `import { test } from 'node:test';\n${script}`);
  const { stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', pattern, file], {
    encoding: 'utf8',
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  rmSync(folder, { recursive: true });
  const { passed, skipped } = readTap(stdout);
  assert.deepEqual(skipped, []);
  return passed.filter((name) => name !== file);
}
