// SPDX-License-Identifier: MIT
// A build with -Dpostgresql=disabled needs no libpq, and says what it cannot do.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../lib/files.mjs';
import { relayEnv } from '../lib/relay.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const built = makeFolder({ after: (end) => process.on('exit', end) });
const binary = built.path('build/convex-relay');
const URI = 'postgresql://relay:PLANTED-1@db/relay';
const SAYS =
  'convex-relay: OUTBOX: names a PostgreSQL database, and this convex-relay was built without ' +
  "PostgreSQL (meson's -Dpostgresql=enabled builds one with it)\n";

function run(args, env) {
  const { status, stdout, stderr } = spawnSync(binary, args, {
    env: relayEnv({ CONVEX_URL: 'http://127.0.0.1:1', ...env }),
    encoding: 'utf8',
  });
  return { status, out: stdout, err: stderr };
}

before(() => {
  const options = ['-Dpostgresql=disabled', '-Dtests=disabled'];
  execFileSync('meson', ['setup', built.path('build'), ...options], { cwd: ROOT });
  execFileSync('ninja', ['-C', built.path('build'), 'convex-relay'], { cwd: ROOT });
});

test('the binary is linked without libpq', () => {
  const needed = execFileSync('readelf', ['-d', binary], { encoding: 'utf8' });
  assert.match(needed, /libsqlite3/);
  assert.doesNotMatch(needed, /libpq/);
});

test('--version says so', () => {
  assert.match(run(['--version']).out, /^outbox: SQLite; built without PostgreSQL$/m);
});

for (const [args, status] of [
  [[], 2],
  [['check'], 1],
  [['outbox', 'stats'], 2],
]) {
  test(`convex-relay ${args.join(' ')} refuses a database`, () => {
    assert.deepEqual(run(args, { OUTBOX: URI }), { status, out: '', err: SAYS });
  });
}
