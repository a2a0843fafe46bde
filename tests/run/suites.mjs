// SPDX-License-Identifier: MIT
// Finds the suites: meson's test programs and tests/**/*.test.mjs.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { leaveOut } from './postgresql-suites.mjs';

export const top = fileURLToPath(new URL('../..', import.meta.url));
const memcheck = join(top, 'tests/valgrind');

// Only a suite that hangs takes so long, even on a machine that is busy with other things.
const UNIT_LIMIT_MS = 900_000;
const SCRIPT_LIMIT_MS = 1_800_000;
const VALGRIND_SLOWNESS = 6; // a whole suite takes so many times as long; code alone, more

// [{ label, command, env, limitMs, isOnPostgres }] for builds as in modes.mjs.
export function findSuites(builds) {
  return builds.flatMap((build) =>
    [...unitSuites(build), ...scriptSuites(build)]
      .filter(({ label }) => build.runs(label))
      .map((suite) => ({ ...suite, label: suite.label + build.name })),
  );
}

function unitSuites({ directory, isMemcheck, isOnPostgres }) {
  if (isOnPostgres) return [];
  const listed = execFileSync('meson', ['introspect', '--tests', join(top, directory)], {
    encoding: 'utf8',
  });
  const tests = JSON.parse(listed);
  if (tests.length === 0) throw new Error(`${directory} was built without the unit tests`);
  return tests.map((test) => ({
    label: `${test.suite[0].split(':')[1]}/${test.name}`,
    command: isMemcheck ? [join(memcheck, 'memcheck'), ...test.cmd] : test.cmd,
    env: { ...test.env, CMOCKA_MESSAGE_OUTPUT: 'TAP' },
    limitMs: UNIT_LIMIT_MS * (isMemcheck ? VALGRIND_SLOWNESS : 1),
  }));
}

function scriptSuites({ directory, isSanitized, isMemcheck, isOnPostgres }) {
  const build = join(top, directory);
  return findScripts(join(top, 'tests')).map((path) => ({
    label: relative(top, path),
    command: [
      process.execPath,
      '--test',
      '--test-reporter=tap',
      ...(isOnPostgres ? leaveOut(relative(top, path)) : []),
      path,
    ],
    isOnPostgres,
    env: {
      RELAY_BIN: join(isMemcheck ? memcheck : build, 'convex-relay'),
      RELAY_BUILD: build,
      RELAY_SANITIZED: isSanitized || isMemcheck ? '1' : '',
      RELAY_MEMCHECK: isMemcheck ? '1' : '',
    },
    limitMs: SCRIPT_LIMIT_MS * (isMemcheck ? VALGRIND_SLOWNESS : 1),
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
