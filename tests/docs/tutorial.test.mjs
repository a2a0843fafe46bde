// SPDX-License-Identifier: MIT
// What the README tells a newcomer to paste works as it stands there.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startWorld } from '../examples/world.mjs';
import { DELIVERED } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { SECRET } from '../lib/relay.mjs';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

// The contents of the code blocks in a language, without the indent of a list they stand in.
const blocks = (language) =>
  [...README.matchAll(new RegExp(`^( *)\`\`\`${language}\n([^]*?)^ *\`\`\`$`, 'gm'))].map(
    ([, indent, text]) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );

test('the curl command writes a record, and with "remove" it goes again', async (t) => {
  const { relay, rows } = await startWorld(t);
  const curl = blocks('sh').flatMap((text) => text.match(/^curl -X POST [^]*/m) ?? []);
  assert.equal(curl.length, 1);
  const run = async (command) => {
    const env = { PATH: process.env.PATH, SYNC_SECRET: SECRET };
    return (await promisify(execFile)('bash', ['-c', `${command.trim()} -s`], { env })).stdout;
  };
  const command = curl[0].replace('127.0.0.1:3000', `127.0.0.1:${relay.port}`);
  assert.equal(await run(command), DELIVERED);
  assert.deepEqual(await rows('users'), [
    { bladeId: 'test123', email: 'test@example.com', name: 'Test User' },
  ]);
  assert.equal(await run(command.replace('"add"', '"remove"')), DELIVERED);
  assert.deepEqual(await rows('users'), []);
});

test('the relay takes each routes file', async (t) => {
  const routes = blocks('json').filter((text) => text.includes('"mutation"'));
  assert.ok(routes.length >= 2, `only ${routes.length} were found`);
  for (const text of routes) {
    await startWorld(t, { ROUTES: makeFolder(t, { 'routes.json': text }).path('routes.json') });
  }
});
