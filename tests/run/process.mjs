// SPDX-License-Identifier: MIT
// Runs a suite in separate processes, and says how it ended.
import { spawn } from 'node:child_process';
import { top } from './suites.mjs';
import { readTap } from './tap.mjs';

const SANITIZERS = {
  ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  TSAN_OPTIONS: 'halt_on_error=1',
};

const running = new Set();

// { suite, passed, skipped: [{ name, reason }], failures: [{ name, lines }], err, ms }. A suite
// that crashes, says nothing or takes too long has one more failure.
export function runSuite(suite) {
  return new Promise((resolve) => {
    const started = Date.now();
    const [program, ...args] = suite.command;
    const child = spawn(program, args, {
      cwd: top,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...SANITIZERS, ...suite.env },
    });
    running.add(child);
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
      running.delete(child);
      resolve({ suite, ...judge(suite, out, ending), err, ms: Date.now() - started });
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

// Ends the suites that run now.
export function endRunning() {
  running.forEach(killGroup);
}

// The whole process group is killed at the limit, and after the suite: nothing outlives a suite.
function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

// Reads the result of a suite from its output. A bad ending counts as one more failed case, unless
// a failed case explains the exit code. ending: what is wrong with the suite's end; '': nothing.
function judge(suite, out, ending) {
  const tap = readTap(out);
  // node:test reports a file without a test as one test, which has the name of the file
  const passed = tap.passed.filter((name) => !suite.command.includes(name));
  const failures = [...tap.failed];
  const fail = (name) => failures.push({ name, lines: [] });
  if (tap.missing > 0) fail(`${tap.missing} of the planned cases did not run`);
  if (ending && (failures.length === 0 || !ending.startsWith('exited')))
    fail(`the suite ${ending}`);
  if (passed.length + failures.length + tap.skipped.length === 0) fail('the suite has no case');
  return { passed: passed.length, skipped: tap.skipped, failures };
}
