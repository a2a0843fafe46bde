// SPDX-License-Identifier: MIT
// A program under test, which a test starts, listens to and stops, and which ends with the test.

import { spawn } from 'node:child_process';
import { waitFor, within } from './wait.mjs';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

// Starts a program, which ends with the test (t is the test's context). At the end of the test
// atEnd() runs, which may stop the program and look at the output; a program that still runs
// afterwards is killed. stdout and stderr are collected as text; `exited` resolves to {code,
// signal}.
export function startChild(t, command, args, { env = {}, cwd, atEnd = async () => {} } = {}) {
  const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => (output[stream] += text));
  }
  running.add(child);
  const exited = new Promise((resolve) => {
    child.on('error', (error) => {
      output.stderr += `cannot start ${command}: ${error.message}\n`;
      running.delete(child);
      resolve({ code: null, signal: null });
    });
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  let end = null;
  exited.then((result) => (end = result));

  const self = {
    pid: child.pid,
    exited,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    isRunning: () => end === null,

    signal: (name) => child.kill(name),

    // Resolves to the match of a pattern in one of the streams, now or later.
    async find(stream, pattern) {
      return waitFor(`${pattern} on ${stream} of ${command}`, () => {
        const found = pattern.exec(output[stream]);
        if (!found && end !== null) {
          throw new Error(
            `${command} ended (${JSON.stringify(end)}) without ${pattern}:\n${output.stderr}`,
          );
        }
        return found;
      });
    },

    async kill() {
      if (end === null) child.kill('SIGKILL');
      return within(`the end of ${command}`, exited);
    },
  };
  t.after(() => atEnd(self).finally(self.kill));
  return self;
}
