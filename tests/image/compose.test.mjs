// SPDX-License-Identifier: MIT
// docker/compose.yaml is consistent, also with the relay's settings, nginx.conf and the Dockerfile;
// where Docker is at hand, Docker must agree.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { makeFolder } from '../lib/files.mjs';
import { RELAY_BIN } from '../lib/relay.mjs';

const read = (name) => readFileSync(new URL(`../../docker/${name}`, import.meta.url), 'utf8');
const compose = parse(read('compose.yaml'), { strict: true });
const { relay, nginx, convex } = compose.services;
const services = Object.entries(compose.services);
const nginxConf = read('nginx.conf');

const KNOWN = [
  'build',
  'cap_add',
  'cap_drop',
  'command',
  'depends_on',
  'environment',
  'healthcheck',
  'image',
  'ports',
  'profiles',
  'read_only',
  'restart',
  'secrets',
  'security_opt',
  'stop_grace_period',
  'stop_signal',
  'tmpfs',
  'ulimits',
  'volumes',
];
for (const [name, service] of services) {
  test(`${name} has only keys that are known`, () => {
    assert.deepEqual(
      Object.keys(service).filter((key) => !KNOWN.includes(key)),
      [],
    );
  });
}

test('Docker takes it', (t) => {
  const env = { ...process.env, CONVEX_URL: 'https://happy-animal-123.convex.cloud' };
  if (spawnSync('docker', ['compose', 'version']).status !== 0)
    return t.skip('there is no docker compose');
  execFileSync(
    'docker',
    ['compose', '-f', 'docker/compose.yaml', '--profile', 'self-hosted', 'config', '--quiet'],
    { env },
  );
  return undefined;
});

test('the relay is given settings that there are', () => {
  const help = execFileSync(RELAY_BIN, ['--help'], { encoding: 'utf8' });
  const rows = [...help.matchAll(/^ {2}([A-Z_]+) {2,}\S+ .*$/gm)];
  const names = rows.flatMap(([row, name]) =>
    row.endsWith('(_FILE)') ? [name, `${name}_FILE`] : [name],
  );
  assert.deepEqual(
    Object.keys(relay.environment).filter((name) => !names.includes(name)),
    [],
  );
});

test('no secret is in the environment, and each is a file', () => {
  assert.deepEqual(
    Object.keys(relay.environment).filter(
      (name) => /SECRET|KEY/.test(name) && !name.endsWith('_FILE'),
    ),
    [],
  );
  const files = Object.entries(relay.environment)
    .filter(([name]) => name.endsWith('_FILE'))
    .map(([, file]) => file);
  assert.deepEqual(files.sort(), relay.secrets.map((name) => `/run/secrets/${name}`).sort());
  const used = services.flatMap(([, { secrets = [] }]) =>
    secrets.map((secret) => secret.source ?? secret),
  );
  assert.deepEqual(used.sort(), Object.keys(compose.secrets).sort());
  for (const { file } of Object.values(compose.secrets)) assert.match(file, /^\.\/secrets\//);
});

test('what the repository and the image must not hold is ignored by both', () => {
  for (const name of ['.gitignore', '.dockerignore']) {
    const lines = readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8').split('\n');
    assert.ok(
      lines.some((line) => /^\/?docker\/secrets\/?$/.test(line)),
      name,
    );
    assert.ok(
      lines.some((line) => /^(\*\*\/)?\.env$/.test(line)),
      name,
    );
  }
});

test('relay and nginx can do no more than they need', () => {
  for (const service of [relay, nginx]) {
    assert.equal(service.read_only, true);
    assert.deepEqual(service.cap_drop, ['ALL']);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true']);
  }
  assert.equal(relay.cap_add, undefined);
  assert.equal(relay.ports, undefined, 'only nginx is published');
});

test("others' images are of one version", () => {
  for (const { image } of [nginx, convex]) assert.match(image, /:(\d+\.\d+\.\d+|[0-9a-f]{40})$/);
});

test('each volume is one that is declared, and the outbox is where the image has it', () => {
  const used = services
    .flatMap(([, { volumes = [] }]) => volumes)
    .filter((volume) => !volume.startsWith('.'));
  assert.deepEqual(
    used.map((volume) => volume.split(':')[0]).sort(),
    Object.keys(compose.volumes).sort(),
  );
  const [, folder] = /^VOLUME (\S+)$/m.exec(read('Dockerfile'));
  assert.ok(relay.volumes.includes(`outbox:${folder}`));
});

test('the routes that the relay is told to read are mounted', () => {
  const mounted = relay.volumes.map((volume) => volume.split(':'));
  const [from, , mode] = mounted.find(([, to]) => to === relay.environment.ROUTES) ?? [];
  assert.equal(mode, 'ro');
  assert.ok(JSON.parse(read(from)).users.mutation);
});

test('a stop has the time that the relay takes', () => {
  const [, drainMs] = /^#DRAIN_MS=(\d+)$/m.exec(read('convex-relay.env.sample'));
  assert.ok(Number.parseInt(relay.stop_grace_period, 10) * 1000 > Number(drainMs) + 2000);
});

test('nginx finds the relay: its configuration as it is changed there', (t) => {
  const files = makeFolder(t, { 'nginx.conf': nginxConf });
  const [shell, option, script] = nginx.command;
  assert.match(script, /exec nginx -c \/tmp\/nginx\.conf -g 'daemon off;'$/);
  const only = script
    .slice(0, script.indexOf(' &&'))
    .replace('/etc/nginx/relay.conf', files.path('nginx.conf'))
    .replace('/tmp/nginx.conf', files.path('changed'));
  execFileSync(shell, [option, only]);
  const changed = readFileSync(files.path('changed'), 'utf8').split('\n');
  const differing = changed.filter((line, i) => line !== nginxConf.split('\n')[i]);
  assert.equal(differing.length, 1, differing.join('\n'));
  assert.match(differing[0], /^ +server relay:3000\b.*;$/);
});

test('nginx finds its certificate and its key', () => {
  const paths = [...nginxConf.matchAll(/^ +ssl_certificate(?:_key)? +(\S+);$/gm)].map(
    ([, file]) => file,
  );
  assert.deepEqual(
    nginx.secrets.map(({ target }) => target),
    paths,
  );
  const [, port] = /^ +listen (\d+) ssl;$/m.exec(nginxConf);
  assert.deepEqual(nginx.ports, [`${port}:${port}`]);
});
