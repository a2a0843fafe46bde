// SPDX-License-Identifier: MIT
// What the stubs do. No stub is more lenient than the program that it stands for: units, services,
// users and options must exist, and an unknown argument is refused.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { installInto } from '../lib/install.mjs';
import { ROOT } from './pages.mjs';

export const PROGRAMS = [
  'chown',
  'docker',
  'install',
  'meson',
  'npx',
  'sudo',
  'systemctl',
  'systemd-run',
  'systemd-sysusers',
];

const read = (name) => readFileSync(path.join(ROOT, name), 'utf8');
const [, IMAGE_USER] = /^USER (\d+):/m.exec(read('docker/Dockerfile'));
const [, SERVICE_USER] = /^u (\S+) /m.exec(read('systemd/convex-relay.sysusers'));
const CONVEX_CLI = path.join(ROOT, 'tests/node_modules/convex/bin/main.js');

// NAME=value lines, as systemd and Docker read them; the last one of a name counts.
export const readEnvFile = (file) =>
  Object.fromEntries(
    [...readFileSync(file, 'utf8').matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [
      name,
      value,
    ]),
  );

// Lines of ./dev help, as what may stand behind ./dev.
export function devUsages() {
  const help = execFileSync(path.join(ROOT, 'dev'), ['help'], { encoding: 'utf8' });
  return [...help.matchAll(/^\.\/dev ([a-z]+)(.*)$/gm)].map(([, name, rest]) => ({
    name,
    options: rest.match(/--[a-z]+/g) ?? [],
  }));
}

export function assertDevHas([name, ...args]) {
  const usages = devUsages().filter((usage) => usage.name === name);
  assert.ok(usages.length > 0, `./dev help does not know ${name}`);
  const options = usages.flatMap((usage) => usage.options);
  const unknown = args.filter((arg) => arg.startsWith('--') && !options.includes(arg));
  assert.deepEqual(unknown, [], `./dev help does not know them of ${name}`);
}

export function makePrograms(house) {
  const unit = (name) => house.path(`usr/local/lib/systemd/system/${name}`);
  const assertUnits = (names) => {
    assert.ok(names.length > 0, 'no unit is named');
    for (const name of names)
      assert.ok(
        existsSync(unit(/\.\w+$/.test(name) ? name : `${name}.service`)),
        `${name}: no such unit`,
      );
  };
  const own = (user) => assert.equal(user, SERVICE_USER, 'the user that sysusers makes');

  const systemctlVerbs = {
    'daemon-reload': async () => {},
    enable: async ([now, ...names]) => {
      assert.equal(now, '--now');
      assertUnits(names);
      await house.startService();
    },
    start: async (names) => (assertUnits(names), house.startService()),
    stop: async (names) => {
      assertUnits(names);
      assert.ok(
        names.some((name) => name.endsWith('.socket')),
        'the socket starts it again',
      );
      await house.stop();
    },
    restart: async (names) => {
      assertUnits(names);
      await house.stop();
      await house.startService();
    },
    reload: async (names) => {
      assertUnits(names);
      assert.match(readFileSync(unit(`${names[0]}.service`), 'utf8'), /^ExecReload=.*kill -HUP/m);
      await house.relay.reload();
    },
  };

  // The relay's environment as compose gives it.
  function composed() {
    const { relay } = compose().services;
    const inside = (file) => file.replace('/run/secrets/', '');
    const secrets = compose().secrets;
    const docker = (file) => path.join(house.checkout, 'docker', file);
    for (const { file } of Object.values(secrets))
      assert.ok(existsSync(docker(file)), `compose wants docker/${file}`);
    const url = /\$\{(CONVEX_URL):\?/.exec(relay.environment.CONVEX_URL)[1];
    return {
      ...Object.fromEntries(
        Object.entries(relay.environment)
          .filter(([name]) => name.endsWith('_FILE'))
          .map(([name, file]) => [name, docker(secrets[inside(file)].file)]),
      ),
      CONVEX_URL: readEnvFile(docker('.env'))[url],
      ROUTES: path.join(ROOT, 'examples/routes.json'),
    };
  }
  const compose = () => parse(read('docker/compose.yaml'));
  const assertRelayService = (name) =>
    assert.ok(compose().services[name] && name === 'relay', name);

  const composeVerbs = {
    up: async ([detached, ...rest]) => {
      assert.deepEqual([detached, ...rest], ['-d']);
      await house.start(composed());
    },
    kill: async (args) => {
      assert.deepEqual(args.slice(0, 2), ['-s', 'HUP']);
      assertRelayService(args[2]);
      await house.relay.reload();
    },
    exec: async ([service, ...command]) => {
      assertRelayService(service);
      return { exec: command, env: { OUTBOX: house.outbox } };
    },
    run: async ([rm, service, ...args]) => {
      assert.equal(rm, '--rm');
      assertRelayService(service);
      return { exec: ['convex-relay', ...args], env: composed() };
    },
  };

  return {
    async dev(args) {
      assertDevHas(args);
    },

    // Convex's own program, as far as it goes without an account: the help of the command. The
    // program exits with 0 after an unknown command, too, so the list of commands is read first.
    async npx(args) {
      assert.equal(args[0], 'convex');
      const help = execFileSync(process.execPath, [CONVEX_CLI, '--help'], { encoding: 'utf8' });
      assert.match(help, new RegExp(`^ +${args[1]}\\b`, 'm'), 'an unknown command');
      return { exec: [process.execPath, CONVEX_CLI, ...args.slice(1), '--help'] };
    },

    async meson(args, cwd) {
      assert.deepEqual(args, ['install', '-C', 'build']);
      assert.equal(cwd, house.checkout);
      const meson = execFileSync('bash', ['-c', 'command -v meson'], { encoding: 'utf8' }).trim();
      return { exec: [meson, ...installInto(house.root)] };
    },

    // Runs the command as the test's own user. The user that -u names must be the service's.
    async sudo(args) {
      const rest = [...args];
      if (rest[0] === '-u') own(rest.splice(0, 2)[1]);
      const env = {};
      while (/^[A-Z_]+=/.test(rest[0] ?? '')) {
        const [name, value] = rest.shift().split(/=(.*)/s);
        env[name] = value;
      }
      assert.ok(rest.length > 0 && !rest[0].startsWith('-'), 'no command');
      return { exec: rest, env };
    },

    // Owners are looked at, and left out: the test is not root, and its machine has not this user.
    async install(args) {
      const rest = [];
      for (let i = 0; i < args.length; i++) {
        if (['-g', '-o'].includes(args[i])) own(args[++i]);
        else rest.push(args[i]);
      }
      return { exec: ['/usr/bin/install', ...rest] };
    },

    async chown([user, ...files]) {
      assert.equal(user, IMAGE_USER, 'the user of the image');
      for (const file of files) assert.ok(existsSync(path.join(house.checkout, file)), file);
    },

    async 'systemd-sysusers'(args) {
      assert.deepEqual(args, []);
      const conf = house.path('usr/local/lib/sysusers.d/convex-relay.conf');
      const real = '/usr/bin/systemd-sysusers';
      return {
        exec: [existsSync(real) ? real : '/bin/systemd-sysusers', `--root=${house.root}`, conf],
      };
    },

    async systemctl([verb, ...args]) {
      assert.ok(systemctlVerbs[verb], 'an unknown command');
      return systemctlVerbs[verb](args);
    },

    // Properties are the unit's: the check sees what the service would see.
    async 'systemd-run'(args) {
      assert.deepEqual(args.slice(0, 2), ['-qP', '--wait']);
      const text = readFileSync(unit('convex-relay.service'), 'utf8');
      const rest = args.slice(2);
      own(/^--uid=(.*)$/.exec(rest.shift())?.[1]);
      while (rest[0] === '-p') {
        const property = rest.splice(0, 2)[1].replace(house.root, '');
        assert.ok(text.split('\n').includes(property), `the unit has no ${property}`);
      }
      const settings = readEnvFile(house.path('etc/convex-relay/convex-relay.env'));
      const ports = { PORT: String(house.port), ADMIN_PORT: String(house.adminPort) };
      const STATE_DIRECTORY = house.path('var/lib/convex-relay');
      return { exec: rest, env: { ...settings, ...ports, STATE_DIRECTORY, OUTBOX: '' } };
    },

    async docker(args) {
      const [group, option, file, verb, ...rest] = args;
      assert.deepEqual([group, option], ['compose', '-f']);
      assert.ok(existsSync(path.join(house.checkout, file)), file);
      assert.ok(composeVerbs[verb], 'an unknown command');
      return composeVerbs[verb](rest);
    },
  };
}
