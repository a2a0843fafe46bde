// SPDX-License-Identifier: MIT
// Runs every suite, one after the other, and counts the cases.
//
//   node tests/run.mjs [--plain | --coverage | --valgrind] [NAME...]
//
// NAME: only suites whose label holds one of them.
//
// A suite is a C program of meson's test list (cmocka, or a corpus of tests/fuzz) or a
// tests/**/*.test.mjs (node:test); all speak TAP. Each runs against the plain build and against the
// one with ASan and UBSan, but for the suites that do not run what was built; those that two
// threads meet in run under TSan, too, and a few under Valgrind. --plain runs all of it once,
// against the first of these; so do --coverage and --valgrind, against a build of its own and under
// Valgrind. A suite that crashes, says nothing or takes too long counts as a failed case. The last
// line is `N passed, N failed`.
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTap } from './tap.mjs';

const top = fileURLToPath(new URL('..', import.meta.url));
const notOfTheBuild = /^tests\/(bench|checks|cost|image|install|standin)\//;
// Where the loop's thread and the writer's, or a second process, are at work at the same time.
const threaded =
  /^unit\/(outbox-(pages|tend|writer)|relay-(ages|events))|^tests\/(crash|soak|e2e\/(delivery|durability|outbox-|reload|start-stop))/;
// Valgrind sees what ASan cannot: what is used before anything was written to it, inside libraries,
// too. So: whatever reads bytes from outside, one suite for each library, and the README's event on
// its way through the binary; each within seconds.
const brieflyUnderValgrind =
  /^fuzz\/|^unit\/(auth-keyring|base-(buf|config|log-sum|table)|convex-|handlers-|outbox-(rows|store)|server-)|^tests\/docs\/tutorial/;
const ofTheBuild = (label) => !notOfTheBuild.test(label);
const plain = { name: '', directory: join(top, 'build'), runs: () => true };
const modes = {
  '': [
    plain,
    {
      name: ' (sanitized)',
      directory: join(top, 'build-asan'),
      isSanitized: true,
      runs: ofTheBuild,
    },
    {
      name: ' (threads)',
      directory: join(top, 'build-tsan'),
      isSanitized: true,
      runs: (label) => threaded.test(label),
    },
    {
      name: ' (valgrind)',
      directory: join(top, 'build'),
      isMemcheck: true,
      runs: (label) => brieflyUnderValgrind.test(label),
    },
  ],
  '--plain': [plain],
  '--coverage': [{ name: ' (coverage)', directory: join(top, 'build-coverage'), runs: ofTheBuild }],
  '--valgrind': [
    { name: ' (valgrind)', directory: join(top, 'build'), isMemcheck: true, runs: ofTheBuild },
  ],
};
const memcheck = join(top, 'tests/valgrind');
// Only what hangs takes so long, on a machine that does a lot besides, too.
const unitLimitMs = 900_000;
const scriptLimitMs = 1_800_000;
const valgrindSlowness = 6; // of whole suites; of code alone it is more

function unitSuites({ directory, isMemcheck }) {
  const listed = execFileSync('meson', ['introspect', '--tests', directory], { encoding: 'utf8' });
  const tests = JSON.parse(listed);
  if (tests.length === 0) throw new Error(`${directory} was built without the unit tests`);
  return tests.map((test) => ({
    label: `${test.suite[0].split(':')[1]}/${test.name}`,
    command: isMemcheck ? [join(memcheck, 'memcheck'), ...test.cmd] : test.cmd,
    env: { ...test.env, CMOCKA_MESSAGE_OUTPUT: 'TAP' },
    limitMs: unitLimitMs * (isMemcheck ? valgrindSlowness : 1),
  }));
}

function findScripts(directory) {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules')
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return findScripts(path);
      return entry.name.endsWith('.test.mjs') ? [path] : [];
    })
    .sort();
}

function scriptSuites({ directory, isSanitized, isMemcheck }) {
  const binary = join(isMemcheck ? memcheck : directory, 'convex-relay');
  return findScripts(join(top, 'tests'))
    .map((path) => ({ path, label: relative(top, path) }))
    .map(({ path, label }) => ({
      label,
      command: [process.execPath, '--test', '--test-reporter=tap', path],
      env: {
        RELAY_BIN: binary,
        RELAY_BUILD: directory,
        RELAY_SANITIZED: isSanitized || isMemcheck ? '1' : '',
        RELAY_MEMCHECK: isMemcheck ? '1' : '',
      },
      limitMs: scriptLimitMs * (isMemcheck ? valgrindSlowness : 1),
    }));
}

// The whole process group is killed at the limit, and after the suite: nothing outlives it.
function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function runSuite(suite) {
  return new Promise((resolve) => {
    const started = Date.now();
    const [program, ...args] = suite.command;
    const child = spawn(program, args, {
      cwd: top,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
        UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
        TSAN_OPTIONS: 'halt_on_error=1',
        ...suite.env,
      },
    });
    running = child;
    let out = '';
    let err = '';
    let tooLong = false;
    child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
    const limit = setTimeout(() => {
      tooLong = true;
      killGroup(child);
    }, suite.limitMs);

    const finish = (ending) => {
      clearTimeout(limit);
      running = undefined;
      resolve(judge({ suite, out, err, ending, ms: Date.now() - started }));
    };
    child.on('error', (error) => finish(`did not start: ${error.message}`));
    child.on('exit', () => killGroup(child));
    child.on('close', (code, signal) => {
      if (tooLong) finish(`took longer than ${suite.limitMs / 1000} s`);
      else if (signal) finish(`was ended by ${signal}`);
      else finish(code === 0 ? '' : `exited with ${code}`);
    });
  });
}

// A bad ending that no case has accounted for is one more failed case.
function judge({ suite, out, err, ending, ms }) {
  const tap = readTap(out);
  // a file without a test
  const passed = tap.passed.filter((name) => !suite.command.includes(name));
  const failures = [...tap.failed];
  const fail = (name) => failures.push({ name, lines: [] });
  if (tap.missing > 0) fail(`${tap.missing} of the planned cases did not run`);
  if (ending && (failures.length === 0 || !ending.startsWith('exited')))
    fail(`the suite ${ending}`);
  if (passed.length + failures.length + tap.skipped.length === 0) fail('the suite has no case');
  return { suite, passed: passed.length, skipped: tap.skipped, failures, err, ms };
}

function report({ suite, passed, skipped, failures, err, ms }) {
  const counts = [`${passed} passed`];
  if (failures.length) counts.push(`${failures.length} failed`);
  if (skipped.length) counts.push(`${skipped.length} skipped`);
  const mark = failures.length ? 'FAIL' : 'ok  ';
  console.log(
    `${mark} ${suite.label.padEnd(52)} ${counts.join(', ')}, ${(ms / 1000).toFixed(1)} s`,
  );
  for (const { name, reason } of skipped) console.log(`     skipped: ${name}: ${reason}`);
  for (const { name, lines } of failures) {
    console.log(`     failed: ${name}`);
    for (const line of lines) console.log(`       ${line}`);
  }
  if (failures.length && err) {
    console.log('     stderr:');
    for (const line of err.trimEnd().split('\n').slice(-200)) console.log(`       ${line}`);
  }
}

let running;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (running) killGroup(running);
    process.exit(1);
  });
}

const mode = process.argv[2] in modes ? process.argv[2] : '';
const names = process.argv.slice(mode ? 3 : 2);
const suites = modes[mode]
  .flatMap((build) =>
    [...unitSuites(build), ...scriptSuites(build)]
      .filter(({ label }) => build.runs(label))
      .map((suite) => ({ ...suite, label: suite.label + build.name })),
  )
  .filter(({ label }) => names.length === 0 || names.some((name) => label.includes(name)));
if (suites.length === 0) {
  console.error(`no suite's name holds ${names.join(' or ') || 'anything'}`);
  process.exit(1);
}

const total = { passed: 0, failed: 0, skipped: 0 };
for (const suite of suites) {
  if (process.stdout.isTTY) process.stdout.write(`...  ${suite.label}\r`);
  const result = await runSuite(suite);
  report(result);
  total.passed += result.passed;
  total.failed += result.failures.length;
  total.skipped += result.skipped.length;
}

const skipped = total.skipped ? `, ${total.skipped} skipped` : '';
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed ? 1 : 0);
