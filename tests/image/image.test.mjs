// SPDX-License-Identifier: MIT
// The container image: built by ./dev image, and run as a container runs it: with the image's user
// and environment, a read-only root, and a volume for the outbox. Where there is no engine that
// runs containers, the mounted image is entered with unshare and chroot.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startChild } from '../lib/child.mjs';
import { DELIVERED, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { SECRET, sync } from '../lib/relay.mjs';
import { startStandin } from '../lib/standin.mjs';
import { within } from '../lib/wait.mjs';

const TOP = fileURLToPath(new URL('../..', import.meta.url));
// All checkouts of a machine build the first; what is tested keeps a name that only this one gives.
const BUILT = 'convex-relay';
const IMAGE = `${BUILT}-test:${createHash('sha256').update(TOP).digest('hex').slice(0, 12)}`;
const STATE = '/var/lib/convex-relay';
const BUILD_LIMIT_MS = 540_000;
const SIZE_MAX_MB = 150;
const ENTER = `
  mount --bind "$ROOT" "$ROOT" && mount -o remount,bind,ro "$ROOT" &&
  mount --bind "$VOLUME" "$ROOT${STATE}" &&
  exec chroot --userspec="$IMAGE_USER" "$ROOT" env -u ROOT -u VOLUME -u IMAGE_USER "$@"`;

const ask = (command, ...args) =>
  execFileSync(command, args, { encoding: 'utf8', cwd: TOP }).trim();
const works = (command) => spawnSync(command, ['info']).status === 0;

// The image as docker and podman run it.
function withEngine(engine) {
  ask(engine, 'tag', BUILT, IMAGE);
  const [{ Config: config, Size: size }] = JSON.parse(
    ask(engine, 'inspect', '--type', 'image', IMAGE),
  );
  return {
    config,
    size,
    command: ({ entrypoint, args, env, volume }) => ({
      command: engine,
      args: [
        'run',
        '--rm',
        '--network=host',
        '--read-only',
        '--cap-drop=ALL',
        '--volume',
        `${volume}:${STATE}`,
        ...Object.entries(env).flatMap((pair) => ['--env', pair.join('=')]),
        '--entrypoint',
        entrypoint[0],
        IMAGE,
        ...entrypoint.slice(1),
        ...args,
      ],
      env: process.env,
    }),
    close: () => ask(engine, 'rmi', IMAGE),
  };
}

// The same without an engine.
function withBuildah() {
  ask('buildah', 'tag', BUILT, IMAGE);
  const {
    Docker: { config },
  } = JSON.parse(ask('buildah', 'inspect', '--type', 'image', IMAGE));
  const [{ size }] = JSON.parse(ask('buildah', 'images', '--json', IMAGE));
  const container = ask('buildah', 'from', '--pull-never', IMAGE);
  const root = ask('buildah', 'mount', container);
  const imageEnv = Object.fromEntries(
    config.Env.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
  return {
    config,
    size: Number.parseFloat(size) * 1e6,
    command: ({ entrypoint, args, env, volume }) => ({
      command: 'unshare',
      args: ['--mount', 'sh', '-c', ENTER, 'sh', ...entrypoint, ...args],
      env: { ...imageEnv, ...env, ROOT: root, VOLUME: volume, IMAGE_USER: config.User },
    }),
    close() {
      ask('buildah', 'rm', container);
      ask('buildah', 'rmi', IMAGE);
    },
  };
}

const skip = process.env.NO_IMAGE || false;

describe('the image', { skip }, () => {
  let image;
  before(
    () => {
      execFileSync('./dev', ['image'], {
        cwd: TOP,
        stdio: ['ignore', 'ignore', 'inherit'],
        timeout: BUILD_LIMIT_MS,
      });
      image = ['docker', 'podman'].some(works)
        ? withEngine(['docker', 'podman'].find(works))
        : withBuildah();
    },
    { timeout: BUILD_LIMIT_MS },
  );
  after(() => image?.close());

  // Runs something in a container with a volume; the image's own entry point, if nothing is said.
  function run(t, { volume, env = {}, entrypoint = image.config.Entrypoint, args = [] }) {
    const { command, args: all, env: whole } = image.command({ entrypoint, args, env, volume });
    return startChild(t, command, all, { env: whole });
  }

  async function ended(child) {
    const { code } = await within('the end', child.exited);
    return { code, out: child.stdout(), err: child.stderr() };
  }

  function makeVolume(t) {
    const { folder } = makeFolder(t);
    chmodSync(folder, 0o777); // the image's user is nobody here
    return folder;
  }

  async function start(t, volume, env) {
    const child = run(t, {
      volume,
      env: { SYNC_SECRET: SECRET, HOST: '127.0.0.1', PORT: '0', ADMIN_PORT: 'off', ...env },
    });
    const [, port] = await child.find('stderr', /listening .*127\.0\.0\.1:(\d+)/);
    return { ...child, port, url: `http://127.0.0.1:${port}` };
  }

  test('what its configuration says', (t) => {
    const { User, Volumes, StopSignal, Healthcheck, Entrypoint, Env, Labels } = image.config;
    assert.match(User, /^[1-9]\d*:[1-9]\d*$/, "a number, and not root's");
    assert.deepEqual(Object.keys(Volumes), [STATE]);
    assert.equal(StopSignal, 'SIGTERM');
    assert.deepEqual(Healthcheck.Test, ['CMD', 'convex-relay', 'health']);
    assert.deepEqual(Entrypoint, ['convex-relay']);
    assert.ok(Env.includes('HOST=0.0.0.0') && Env.includes(`STATE_DIRECTORY=${STATE}`), Env.join());
    const [, version] = /^ {2}version: '(.*)',$/m.exec(
      readFileSync(path.join(TOP, 'meson.build'), 'utf8'),
    );
    assert.equal(Labels['org.opencontainers.image.version'], version);
    assert.match(Labels['org.opencontainers.image.revision'], /^([0-9a-f]{40}|unknown)$/);
    const megabytes = Math.round(image.size / 1e6);
    t.diagnostic(`${megabytes} MB`);
    assert.ok(megabytes < SIZE_MAX_MB, `${megabytes} MB`);
  });

  test('it delivers, is healthy, stops, and starts again with its outbox', async (t) => {
    const standin = await startStandin(t);
    const volume = makeVolume(t);
    const relay = await start(t, volume, { CONVEX_URL: standin.url });
    const answer = await sync(relay, userEvent('acc_1'));
    assert.deepEqual([answer.status, await answer.text()], [200, DELIVERED]);
    assert.deepEqual(
      (await standin.records('users')).map(({ bladeId }) => bladeId),
      ['acc_1'],
    );
    assert.equal((await sync(relay, { ...userEvent('acc_2'), model: 'nobodys' })).status, 200);

    const [, ...health] = image.config.Healthcheck.Test;
    const asked = await ended(run(t, { volume, entrypoint: health, env: { PORT: relay.port } }));
    assert.deepEqual([asked.code, asked.err], [0, '']);
    const file = statSync(path.join(volume, 'outbox.db'));
    assert.deepEqual([`${file.uid}:${file.gid}`, file.mode & 0o777], [image.config.User, 0o600]);

    relay.signal('SIGTERM');
    assert.equal((await ended(relay)).code, 0, relay.stderr());
    assert.equal(
      (await ended(run(t, { volume, entrypoint: health, env: { PORT: relay.port } }))).code,
      1,
    );

    const again = await start(t, volume, { CONVEX_URL: standin.url });
    const list = await ended(run(t, { volume, args: ['outbox', 'list', '--json'] }));
    assert.deepEqual([list.code, JSON.parse(list.out).model], [0, 'nobodys'], list.err);
    again.signal('SIGTERM');
    assert.equal((await ended(again)).code, 0, again.stderr());
  });

  test('it can write its volume and nothing else', async (t) => {
    const volume = makeVolume(t);
    const shell = (script) => ended(run(t, { volume, entrypoint: ['sh', '-c', script] }));
    assert.equal((await shell(`touch ${STATE}/x`)).code, 0);
    for (const place of ['/x', '/usr/bin/convex-relay', '/etc/x'])
      assert.notEqual((await shell(`touch ${place}`)).code, 0, place);
    assert.notEqual((await shell('test "$(id -u)" = 0')).code, 0);
  });

  test('it knows whom to trust, and holds nothing that it was built with', async (t) => {
    const volume = makeVolume(t);
    const shell = (script) => ended(run(t, { volume, entrypoint: ['sh', '-c', script] }));
    assert.equal((await shell('test -s /etc/ssl/certs/ca-certificates.crt')).code, 0);
    for (const left of ['/src', '/usr/bin/gcc', '/usr/include/sqlite3.h']) {
      assert.notEqual((await shell(`test -e ${left}`)).code, 0, left);
    }
    const { code, err } = await ended(run(t, { volume, args: ['check'] }));
    assert.equal(code, 1);
    assert.match(err, /^convex-relay: CONVEX_URL: not set/);
  });
});
