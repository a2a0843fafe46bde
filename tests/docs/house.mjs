// SPDX-License-Identifier: MIT
// A machine for the commands of the pages: a folder in the place of /etc, /var/lib and /usr/local,
// a checkout, a stand-in for Convex with the examples' functions, and a relay that the stubs start
// and stop as systemd and Docker would. Commands run as they stand, but for paths, ports, the
// deployment's address and ids of events, which are exchanged for real ones.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../lib/files.mjs';
import { installInto } from '../lib/install.mjs';
import { freePorts } from '../lib/ports.mjs';
import { outboxRows, outboxStats } from '../lib/outbox.mjs';
import { RELAY_BIN, RELAY_BUILD, relayEnv, startRelay, sync } from '../lib/relay.mjs';
import { startStandin } from '../lib/standin.mjs';
import { waitFor } from '../lib/wait.mjs';
import { ROOT } from './pages.mjs';
import { makePrograms, PROGRAMS, readEnvFile } from './programs.mjs';

const STUB = fileURLToPath(new URL('stub.mjs', import.meta.url));
export const DEPLOY_KEY = 'prod:stand-in|0123456789abcdef';
const FOLDERS = [
  'etc/convex-relay',
  'etc/systemd/system',
  'var/lib/convex-relay',
  'backups',
  'bin',
];
const NOT_LINKED = ['.git', 'build', 'dev', 'docker'];

// The repository as a user has it after ./dev build: ./dev is a stub, docker/ may be written to.
function makeCheckout(root) {
  const checkout = path.join(root, 'checkout');
  mkdirSync(checkout);
  for (const name of readdirSync(ROOT).filter((one) => !NOT_LINKED.includes(one)))
    symlinkSync(path.join(ROOT, name), path.join(checkout, name));
  symlinkSync(path.resolve(ROOT, RELAY_BUILD), path.join(checkout, 'build'));
  symlinkSync(STUB, path.join(checkout, 'dev'));
  cpSync(path.join(ROOT, 'docker'), path.join(checkout, 'docker'), {
    recursive: true,
    filter: (from) => !/\/docker\/(secrets|\.env)$/.test(from),
  });
  return checkout;
}

function makeBin(root) {
  const bin = path.join(root, 'bin');
  for (const name of PROGRAMS) symlinkSync(STUB, path.join(bin, name));
  // Valgrind's wrapper finds its folder by the real path.
  writeFileSync(path.join(bin, 'convex-relay'), `#!/bin/sh\nexec '${RELAY_BIN}' "$@"\n`, {
    mode: 0o755,
  });
  return bin;
}

class House {
  constructor(t, root, standin, ports) {
    Object.assign(this, { t, root, standin });
    [this.port, this.adminPort] = ports;
    this.url = `http://127.0.0.1:${this.port}`;
    this.relay = null;
    this.ids = [];
    this.env = {};
    for (const folder of FOLDERS) mkdirSync(path.join(root, folder), { recursive: true });
    this.checkout = makeCheckout(root);
    this.bin = makeBin(root);
    this.outbox = this.path('var/lib/convex-relay/outbox.db');
    this.replacements = [
      ['https://your-deployment.convex.cloud', standin.url],
      ['127.0.0.1:3000', `127.0.0.1:${this.port}`],
      ['127.0.0.1:3001', `127.0.0.1:${this.adminPort}`],
      ['/etc/convex-relay', this.path('etc/convex-relay')],
      ['/etc/systemd/system', this.path('etc/systemd/system')],
      ['/var/lib/convex-relay', this.path('var/lib/convex-relay')],
      ['/backups', this.path('backups')],
    ];
  }

  path(name) {
    return path.join(this.root, name);
  }

  // ---- the relay ----

  // Starts the relay with these settings alone. Ports and outbox are this machine's, unless the
  // settings name others. under: a command that becomes the relay.
  async start(settings, under = []) {
    assert.ok(!this.relay, 'the relay runs already');
    this.env = {
      SYNC_SECRET: undefined,
      OUTBOX: undefined,
      STATE_DIRECTORY: this.path('var/lib/convex-relay'),
      PORT: String(this.port),
      ADMIN_PORT: String(this.adminPort),
      ...this.waits,
      ...settings,
    };
    const env = { PATH: `${this.bin}:${process.env.PATH}`, ...this.env };
    this.relay = await startRelay(this.t, { env, under, cwd: this.path('var/lib') });
  }

  async stop() {
    await this.relay?.stop();
    this.relay = null;
  }

  // As the unit says, or a file beside it that names another program.
  startService() {
    const settings = readEnvFile(this.path('etc/convex-relay/convex-relay.env'));
    const changes = this.path('etc/systemd/system/convex-relay.service.d/move.conf');
    const named = existsSync(changes) && readFileSync(changes, 'utf8').match(/^ExecStart=\S+$/m);
    return this.start(settings, named ? [named[0].replace('ExecStart=', '')] : []);
  }

  // ---- what the README's quick start has made ----

  // Makes the files of the quick start, and starts the relay. waits: settings besides.
  async furnish({ routes = 'examples/routes.json', waits = {} } = {}) {
    const etc = (name, text) => this.write(`etc/convex-relay/${name}`, text);
    etc('sync-secret', 'the-first-secret\n');
    etc('deploy-key', DEPLOY_KEY);
    etc(
      'routes.json',
      typeof routes === 'string' ? readFileSync(path.join(ROOT, routes)) : JSON.stringify(routes),
    );
    etc(
      'convex-relay.env',
      [
        `CONVEX_URL=${this.standin.url}`,
        `SYNC_SECRET_FILE=${this.path('etc/convex-relay/sync-secret')}`,
        `CONVEX_DEPLOY_KEY_FILE=${this.path('etc/convex-relay/deploy-key')}`,
        `ROUTES=${this.path('etc/convex-relay/routes.json')}\n`,
      ].join('\n'),
    );
    execFileSync('meson', installInto(this.root));
    this.waits = waits;
    await this.startService();
  }

  write(name, text) {
    writeFileSync(this.path(name), text);
  }

  // What docker/compose.yaml wants beside it.
  makeContainerFiles() {
    const docker = path.join(this.checkout, 'docker');
    mkdirSync(path.join(docker, 'secrets'));
    const secrets = { sync: this.secret(), 'sync-previous': '', 'deploy-key': DEPLOY_KEY };
    for (const [name, text] of Object.entries({ ...secrets, 'tls.pem': '', 'tls.key': '' }))
      writeFileSync(path.join(docker, 'secrets', name), text);
    writeFileSync(path.join(docker, '.env'), `CONVEX_URL=${this.standin.url}\n`);
  }

  secret() {
    return readFileSync(this.path('etc/convex-relay/sync-secret'), 'utf8').trim();
  }

  async send(event, secret = this.secret()) {
    const response = await sync({ url: this.url }, event, { secret });
    await response.text();
    return response.status;
  }

  stats(outbox = this.outbox) {
    return outboxStats({ OUTBOX: outbox });
  }

  async dead(outbox = this.outbox) {
    return outboxRows({ OUTBOX: outbox }, '--state', 'dead');
  }

  settled() {
    return waitFor('everything to be settled', async () => (await this.stats()).pending === 0);
  }

  async names(table = 'users') {
    return (await this.standin.records(table)).map(({ bladeId }) => bladeId).sort();
  }

  // ---- commands ----

  // A block's text with this machine's paths, ports and ids. Ids stand for this.ids, in order.
  adapt(text) {
    let adapted = text;
    for (const [from, to] of this.replacements) adapted = adapted.replaceAll(from, to);
    const written = [...new Set(text.match(/\b1795366390\d{6}\b/g))].sort();
    assert.ok(written.length <= this.ids.length, `no event stands for ${written.join()}`);
    written.forEach((id, i) => (adapted = adapted.replaceAll(id, String(this.ids[i]))));
    return adapted;
  }

  // input: what a user pastes or types. A file, since /dev/stdin cannot be opened where it is a
  // socket, as node's pipes are.
  spawn(text, { input = '', env = {} } = {}) {
    this.write('input', input);
    const typed = openSync(this.path('input'), 'r');
    const child = spawn('bash', ['-euo', 'pipefail', '-c', this.adapt(text)], {
      cwd: this.checkout,
      stdio: [typed, 'pipe', 'pipe'],
      env: {
        ...relayEnv({
          SYNC_SECRET: undefined,
          OUTBOX: this.outbox,
          LOG_LEVEL: undefined,
          PORT: undefined,
          ADMIN_PORT: undefined,
        }),
        PATH: `${this.bin}:${process.env.PATH}`,
        HOME: this.root,
        HOUSE_SOCKET: this.path('socket'),
        ...env,
      },
    });
    closeSync(typed);
    return child;
  }

  // Runs a block's text, and resolves to what it writes: {out, err}.
  run(text, options) {
    const child = this.spawn(text, options);
    const output = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (piece) => (output.out += piece));
    child.stderr.setEncoding('utf8').on('data', (piece) => (output.err += piece));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) =>
        code === 0
          ? resolve(output)
          : reject(new Error(`exit ${code} of\n${this.adapt(text)}${output.out}${output.err}`)),
      );
    });
  }
}

// Answers the stubs: each program is a function of programs.mjs.
function serveStubs(t, house) {
  const programs = makePrograms(house);
  const answer = async (text) => {
    const { program, args, cwd } = JSON.parse(text);
    try {
      return (await programs[program](args, cwd)) ?? {};
    } catch (error) {
      return { code: 1, err: `${program} ${args.join(' ')}: ${error.message}\n` };
    }
  };
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (piece) => (text += piece));
    request.on('end', async () => response.end(JSON.stringify(await answer(text))));
  });
  server.listen(house.path('socket'));
  t.after(() => server.close());
}

export async function makeHouse(t) {
  const { folder } = makeFolder(t);
  const standin = await startStandin(t, {
    args: ['--functions', path.join(ROOT, 'examples/convex'), '--deploy-key', DEPLOY_KEY],
  });
  const house = new House(t, folder, standin, await freePorts(2));
  serveStubs(t, house);
  return house;
}
