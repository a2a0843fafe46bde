#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Stands on PATH for a program that a test cannot have. The stub asks the test (house.mjs) what the
// arguments are to do: {code, out, err}, or {exec: [command, ...], env} to become another command.

import { spawnSync } from 'node:child_process';
import { request } from 'node:http';
import path from 'node:path';

const { HOUSE_SOCKET } = process.env;
const call = {
  program: path.basename(process.argv[1]),
  args: process.argv.slice(2),
  cwd: process.cwd(),
};

const ask = request({ socketPath: HOUSE_SOCKET, method: 'POST' }, (answer) => {
  let text = '';
  answer.setEncoding('utf8');
  answer.on('data', (piece) => (text += piece));
  answer.on('end', () => {
    const { code = 0, out = '', err = '', exec, env } = JSON.parse(text);
    process.stdout.write(out);
    process.stderr.write(err);
    process.exitCode = exec ? become(exec, env) : code;
  });
});
ask.end(JSON.stringify(call));

function become([command, ...args], env) {
  const { status, error } = spawnSync(command, args, {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (error) process.stderr.write(`${command}: ${error.message}\n`);
  return status ?? 127;
}
