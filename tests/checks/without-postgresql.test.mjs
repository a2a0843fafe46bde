// SPDX-License-Identifier: MIT
// A build with -Dpostgresql=disabled needs no libpq, and says what it cannot do.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
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

// What pkg-config knows, without libpq: nothing else leads to its header, or to the library.
function hideLibpq() {
  const shown = built.path('pkgconfig');
  mkdirSync(shown);
  const folders = execFileSync('pkg-config', ['--variable=pc_path', 'pkg-config'], {
    encoding: 'utf8',
  });
  for (const folder of folders.trim().split(':').filter(existsSync))
    for (const name of readdirSync(folder))
      if (name !== 'libpq.pc' && !existsSync(`${shown}/${name}`))
        symlinkSync(`${folder}/${name}`, `${shown}/${name}`);
  return { ...process.env, PKG_CONFIG_PATH: '', PKG_CONFIG_LIBDIR: shown };
}

function setUp(folder, postgresql) {
  const options = [`-Dpostgresql=${postgresql}`, '-Dtests=disabled'];
  return spawnSync('meson', ['setup', built.path(folder), ...options], {
    cwd: ROOT,
    env: withoutLibpq,
    encoding: 'utf8',
  });
}

const withoutLibpq = hideLibpq();

before(() => {
  const { status, stdout } = setUp('build', 'disabled');
  assert.equal(status, 0, stdout);
  execFileSync('ninja', ['-C', built.path('build'), 'convex-relay'], { env: withoutLibpq });
});

test('where there is no libpq, it is left out, unless it is asked for', () => {
  const { status, stdout } = setUp('auto', 'auto');
  assert.equal(status, 0, stdout);
  assert.match(stdout, /dependency libpq found: NO/);
  const asked = setUp('enabled', 'enabled');
  assert.notEqual(asked.status, 0);
  assert.match(asked.stdout, /ERROR: .*libpq/i);
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
