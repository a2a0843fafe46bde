// SPDX-License-Identifier: MIT
// How the commands of each page are run, by page and heading, and what must come of them.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { DELIVERED, userEvent } from '../lib/events.mjs';
import { outbox } from '../lib/outbox.mjs';
import { statusOf } from '../lib/metrics.mjs';
import { PASSWORD, startPostgres } from '../lib/postgres.mjs';
import { waitFor } from '../lib/wait.mjs';
import { DEPLOY_KEY } from './house.mjs';
import { blocksOf } from './pages.mjs';

// AWAY: faults of the stand-in, which refuses everything until clearFaults(). HASTY: settings with
// which the relay does not wait for Convex.
const AWAY = {
  next: [
    { status: 503, times: 0 },
    { status: 503, times: 0, path: '*' },
  ],
};
const HASTY = { SYNC_WAIT_MS: '0', DRAIN_MS: '0' };
const ROUTE = { mutation: 'users:syncFromBlade', remove: 'users:deleteByBladeId' };

async function sendUsers(house, ...ids) {
  for (const id of ids) assert.ok((await house.send(userEvent(id))) < 300);
}

// Letters of users, whose route has been forgotten, and of teams, which nobody knows. The route is
// there again at the next reload.
async function makeLetters(house, users = ['acc_1', 'acc_2', 'acc_3']) {
  await house.furnish({ routes: { posts: ROUTE } });
  await sendUsers(house, ...users);
  await house.send({ ...userEvent('team_1'), model: 'teams' });
  await waitFor('the letters', async () => (await house.stats()).dead === users.length + 1);
  house.ids = (await house.dead()).map(({ id }) => id);
  house.write('etc/convex-relay/routes.json', JSON.stringify({ users: ROUTE }));
}

const idsOf = (rows) => rows.map(({ id }) => id);

// The header of a list, as the page shows one. Only a terminal gets it.
const shownHeader = () =>
  blocksOf('docs/dead-letters.md')
    .find(({ language, text }) => language === '' && text.startsWith('ID'))
    .text.split('\n')[0]
    .split(/\s+/);

const readme = {
  'Try it': async (house, next) => {
    await next(); // ./dev is a stub here: tests/checks/dev-run.test.mjs has ./dev run itself
  },

  'Quick start to production': async (house, next) => {
    await next();
    await next({ input: DEPLOY_KEY });
    const mode = (name) => statSync(house.path(`etc/convex-relay/${name}`)).mode & 0o777;
    assert.match(house.secret(), /^[0-9a-f]{64}$/);
    assert.equal(readFileSync(house.path('etc/convex-relay/deploy-key'), 'utf8'), DEPLOY_KEY);
    assert.deepEqual(['', 'sync-secret', 'deploy-key'].map(mode), [0o750, 0o640, 0o640]);
    assert.ok(existsSync(house.path('usr/local/bin/convex-relay')));
    assert.match(readFileSync(house.path('etc/passwd'), 'utf8'), /^convex-relay:/m);

    await next();
    assert.match((await next()).out, /^The configuration is valid, .* takes the deploy key$/m);

    const curl = next.text();
    assert.equal((await house.run(curl)).out, DELIVERED);
    assert.deepEqual(await house.names(), ['test123']);
    assert.equal((await house.run(curl.replace('"add"', '"remove"'))).out, DELIVERED);
    assert.deepEqual(await house.names(), []);
  },
};

const production = {
  'As a service under systemd': async (house, next) => {
    await house.furnish();
    await next();
    assert.equal(house.relay, null);
  },

  'In a container': async (house, next) => {
    for (const name of ['relay.example.com.pem', 'relay.example.com.key'])
      writeFileSync(`${house.checkout}/${name}`, 'as issued');
    await next({ input: DEPLOY_KEY });
    const secret = readFileSync(`${house.checkout}/docker/secrets/sync`, 'utf8').trim();
    assert.equal(await house.send(userEvent('acc_1'), secret), 200);
    assert.deepEqual(await house.names(), ['acc_1']);
  },

  'By hand': async (house, next) => {
    const text = next.text();
    const serving = text.replace(/^build\/convex-relay$/m, 'exec $&'); // a signal is for the relay
    assert.notEqual(serving, text);
    const ports = { PORT: String(house.port), ADMIN_PORT: String(house.adminPort) };
    const child = house.spawn(serving, { env: { ...ports, OUTBOX: house.outbox } });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (piece) => (log += piece));
    await waitFor(
      'the relay',
      () => /admin listening/.test(log) || assert.equal(child.exitCode, null, log),
    );
    assert.equal((await fetch(`${house.url}/healthz`)).status, 200);
    child.kill('SIGTERM');
    await waitFor('its end', () => child.exitCode !== null);
    assert.equal(child.exitCode, 0, log);
  },

  Check: async (house, next) => {
    await house.furnish();
    await house.stop();
    house.makeContainerFiles();
    assert.match((await next()).out, /^The configuration is valid, .* takes the deploy key$/m);
  },
};

const operating = {
  Watch: async (house, next) => {
    await house.furnish({
      routes: { users: { mutation: 'users:nowhere' }, posts: ROUTE },
      waits: HASTY,
    });
    await sendUsers(house, 'acc_1');
    await waitFor('a held route', async () =>
      (await statusOf(house.relay)).routes.some(({ state }) => state === 'held'),
    );
    const held = JSON.parse((await next()).out);
    assert.deepEqual([held.model, held.state], ['users', 'held']);
  },

  'Commands as the right user': async (house, next) => {
    await house.furnish();
    await sendUsers(house, 'acc_1');
    assert.match((await next()).out, /^delivered +1\b/m);
    assert.match((await next()).out, /^delivered +1\b/m);
  },

  'A new secret': async (house, next) => {
    await house.furnish();
    const old = house.secret();
    const answers = (...secrets) =>
      Promise.all(secrets.map((secret, i) => house.send(userEvent(`acc_${i}`), secret)));
    await next();
    assert.deepEqual(await answers(old), [200]);

    await next();
    assert.match(house.secret(), /^[0-9a-f]{64}$/);
    assert.notEqual(house.secret(), old);
    assert.deepEqual(await answers(old, house.secret()), [200, 200]);

    assert.match((await next()).out, /^convex_relay_secret_used_total\{secret="previous"\} 1$/m);
    await next();
    assert.deepEqual(await answers(old, house.secret()), [401, 200]);

    await next(); // in containers
    assert.equal(house.relay.stderr().match(/ reloaded/g).length, 3);
  },

  'A new deploy key': async (house, next) => {
    await house.furnish();
    house.write('etc/convex-relay/deploy-key', 'prod:revoked|0123456789abcdef');
    await house.relay.reload();
    await next({ input: `${DEPLOY_KEY}\n` });
    await sendUsers(house, 'acc_1');
    assert.deepEqual(await house.names(), ['acc_1']);
  },

  'Back up': async (house, next) => {
    await house.standin.setFaults(AWAY);
    await house.furnish({ waits: HASTY });
    await sendUsers(house, 'acc_1');
    await next();
    const [name] = readdirSync(house.path('backups'));
    assert.match(name, /^outbox-\d{4}-\d\d-\d\d\.db$/);
    assert.equal(statSync(house.path(`backups/${name}`)).mode & 0o777, 0o600);
    assert.match(
      await outbox({ OUTBOX: house.path(`backups/${name}`) }, 'stats'),
      /^pending +1\b/m,
    );
  },

  Restore: async (house, next) => {
    await house.standin.setFaults(AWAY);
    await house.furnish({ waits: HASTY });
    await sendUsers(house, 'acc_1', 'acc_2', 'acc_3', 'acc_4');
    await outbox({ OUTBOX: house.outbox }, 'backup', house.path('backups/outbox-2026-08-01.db'));
    await sendUsers(house, 'acc_5');
    await next();
    await house.standin.clearFaults();
    const lost = readdirSync(house.path('var/lib/convex-relay/lost'));
    assert.ok(lost.includes('outbox.db'));
    const dead = await house.dead();
    assert.deepEqual(
      dead.map(({ record, stale }) => [record, stale]),
      [
        ['acc_1', true],
        ['acc_2', true],
        ['acc_3', true],
        ['acc_4', true],
      ],
    );

    house.ids = idsOf(dead);
    assert.match((await next()).out, /Restored from a backup/);
    await house.settled();
    assert.deepEqual(await house.names(), ['acc_1']);
    assert.deepEqual(
      (await house.dead()).map(({ record }) => record),
      ['acc_3', 'acc_4'],
    );

    await next();
    await waitFor('the replays', async () => (await house.stats()).dead === 0);
    await house.settled();
    assert.deepEqual(await house.names(), ['acc_1', 'acc_3', 'acc_4']);
  },

  Upgrade: async (house, next) => {
    await house.furnish();
    await sendUsers(house, 'acc_1');
    await next();
    await sendUsers(house, 'acc_2');
    await waitFor('both', async () => (await house.stats()).delivered === 2);
  },
};

const HELD = { OUTBOX: '' }; // OUTBOX_FILE or a script says which outbox it is

const postgresql = {
  Settings: async (house, next) => {
    const postgres = await startPostgres(house.t, { auth: 'scram-sha-256' });
    const uri = postgres.uri({ password: PASSWORD });
    await house.furnish();
    await next({ input: `${uri}\n` });
    assert.equal(statSync(house.path('etc/convex-relay/outbox')).mode & 0o777, 0o640);
    assert.match((await next()).out, /^The schema convex_relay is not there yet: .*\n.* is valid/);
    await house.stop();
    await house.startService();
    await sendUsers(house, 'acc_1');
    assert.equal((await house.stats(uri)).delivered, 1);
  },

  'Back up and restore': async (house, next) => {
    const uri = (await startPostgres(house.t)).uri();
    const env = { OUTBOX: uri };
    await house.standin.setFaults(AWAY);
    await house.furnish({ waits: { ...HASTY, ...env } });
    await sendUsers(house, 'acc_1', 'acc_2');
    await next({ env });
    await sendUsers(house, 'acc_3');
    await next({ env });
    const records = async () => (await house.dead(uri)).map(({ record, stale }) => [record, stale]);
    assert.deepEqual(await records(), [
      ['acc_1', true],
      ['acc_2', true],
    ]);
    assert.equal((await house.stats(uri)).pending, 0);

    await sendUsers(house, 'acc_4');
    await house.stop();
    assert.equal((await next({ env })).out, 'adopted: 1 pending event is a dead letter now\n');
    await house.standin.clearFaults();
    await house.startService();
    assert.deepEqual((await records()).at(-1), ['acc_4', true]);
    await sendUsers(house, 'acc_5');
    assert.deepEqual(await house.names(), ['acc_5']);
  },

  Commands: async (house, next) => {
    const uri = (await startPostgres(house.t)).uri();
    await house.furnish({ waits: { OUTBOX: uri } });
    await sendUsers(house, 'acc_1');
    house.write('etc/convex-relay/outbox', `${uri}\n`);
    assert.match((await next({ env: HELD })).out, /^delivered +1\b/m);
  },

  'Move from a file, and back': async (house, next) => {
    const uri = (await startPostgres(house.t)).uri();
    house.write('etc/convex-relay/outbox', `${uri}\n`);
    await house.standin.setFaults(AWAY);
    await house.furnish({ waits: HASTY });
    await sendUsers(house, 'acc_1');
    await next({ env: HELD });
    const before = house.relay;
    const moved = next({ env: HELD });
    await waitFor('a restart', () => house.relay && house.relay !== before);
    await sendUsers(house, 'acc_2');
    await house.standin.clearFaults();
    assert.match((await moved).out, /^There are events in the old outbox still$/m);
    await sendUsers(house, 'acc_3');
    await next({ env: HELD });
    await house.stop();
    await house.startService();
    await sendUsers(house, 'acc_4');
    await waitFor('all', async () => (await house.stats(uri)).delivered === 2);
    const { delivered, pending } = await house.stats();
    assert.deepEqual([delivered, pending], [2, 0]);
    assert.deepEqual(await house.names(), ['acc_1', 'acc_2', 'acc_3', 'acc_4']);
  },
};

const deadLetters = {
  Look: async (house, next) => {
    await makeLetters(house);
    const { out } = await next();
    assert.match(out, /^dead +4\b/m);
    const onTerminal = "script -qec 'convex-relay outbox list --state dead' /dev/null";
    const { out: seen } = await house.run(onTerminal);
    assert.deepEqual(seen.split('\n')[0].trim().split(/\s+/), shownHeader());
    assert.match(out, /^\d+ +dead +users +acc_1 .* 0 +There is no route for the model$/m);
    assert.ok(out.endsWith(`\n\n${JSON.stringify(userEvent('acc_1'))}`), out);
  },

  'Replay and discard': async (house, next) => {
    await makeLetters(house);
    await house.relay.reload();
    await next();
    await waitFor('the replays', async () => (await house.stats()).pending === 0);
    assert.deepEqual(await house.names(), ['acc_1', 'acc_3']);
    const { delivered, discarded, dead } = await house.stats();
    assert.deepEqual({ delivered, discarded, dead }, { delivered: 2, discarded: 1, dead: 1 });
  },

  Selections: async (house, next) => {
    await makeLetters(house);
    const text = next.text();
    assert.match((await house.run(text)).out, /^0 /);
    const now = text.replace(' --before 30d', '');
    assert.match((await house.run(now)).out, /^1 /);
    assert.equal((await house.stats()).dead, 4);
  },
};

const troubleshooting = {
  'An event does not arrive': async (house, next) => {
    await house.standin.setFaults(AWAY);
    await makeLetters(house, ['acc_1']);
    await house.relay.reload();
    assert.match((await next()).out, /acc_1 .*There is no route/);
    await house.stop();
    house.waits = HASTY;
    await house.startService();
    await sendUsers(house, 'acc_2');
    assert.match((await next()).out, / pending +users +acc_2 /);
  },
};

export const runs = {
  'README.md': readme,
  'docs/dead-letters.md': deadLetters,
  'docs/operating.md': operating,
  'docs/postgresql.md': postgresql,
  'docs/production.md': production,
  'docs/troubleshooting.md': troubleshooting,
};
