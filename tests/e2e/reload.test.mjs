// SPDX-License-Identifier: MIT
// SIGHUP: secrets and routes are read again, and no request notices.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { callOf, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { hold } from '../lib/hold.mjs';
import { spawnRelay, startRelay, sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const OLD = 'the-old-secret';
const NEW = 'the-new-secret';
const ROUTES = { users: { mutation: 'users:syncFromBlade' } };
const pathsOf = (upstream) => upstream.requests.map((request) => callOf(request).path);

// A relay whose secrets, deploy key and routes come from files.
async function startWithFiles(t) {
  const upstream = await startUpstream(t);
  const files = makeFolder(t, {
    secret: OLD,
    previous: 'an-even-older-one',
    key: 'key-1',
    routes: ROUTES,
  });
  const relay = await startRelay(t, {
    env: {
      CONVEX_URL: upstream.url,
      SYNC_SECRET: undefined,
      SYNC_SECRET_FILE: files.path('secret'),
      SYNC_SECRET_PREVIOUS_FILE: files.path('previous'),
      CONVEX_DEPLOY_KEY_FILE: files.path('key'),
      ROUTES: files.path('routes'),
    },
  });
  return { upstream, relay, files };
}

test('new secrets, a new key and new routes hold from then on', async (t) => {
  const { upstream, relay, files } = await startWithFiles(t);
  const event = { ...userEvent('acc_1'), model: 'teams' };
  assert.equal((await sync(relay, event, { secret: NEW })).status, 401);
  assert.equal((await sync(relay, event, { secret: OLD })).status, 200);
  assert.equal(upstream.requests.length, 0, 'teams has no route yet');

  files.write('secret', `${NEW}\n`);
  files.write('previous', OLD);
  files.write('key', 'key-2');
  files.write('routes', { ...ROUTES, teams: { mutation: 'teams:sync' } });
  await relay.reload();
  for (const secret of [OLD, NEW]) assert.equal((await sync(relay, event, { secret })).status, 200);
  assert.equal((await sync(relay, event, { secret: 'an-even-older-one' })).status, 401);
  assert.deepEqual(pathsOf(upstream), ['teams:sync', 'teams:sync']);
  assert.equal(upstream.requests[1].headers.authorization, 'Convex key-2');

  rmSync(files.path('previous'));
  files.write('previous', 'another');
  await relay.reload();
  assert.equal((await sync(relay, event, { secret: OLD })).status, 401);
});

test('an event that is under way keeps the route that it has', async (t) => {
  const { upstream, relay, files } = await startWithFiles(t);
  const held = hold();
  upstream.answer = held.answer;
  const send = (n) => sync(relay, userEvent('acc_1', n), { secret: OLD });
  const first = send(1);
  await upstream.arrived(1);
  files.write('routes', { users: { mutation: 'users:other' } });
  await relay.reload();
  const second = send(2);
  held.open();
  assert.deepEqual([(await first).status, (await second).status], [200, 200]);
  assert.deepEqual(pathsOf(upstream), ['users:syncFromBlade', 'users:other']);
});

test('under load no request notices', async (t) => {
  const { upstream, relay, files } = await startWithFiles(t);
  const statuses = [];
  let loading = true;
  const clients = Array.from({ length: 8 }, async (_, client) => {
    for (let n = 0; loading; n++) {
      statuses.push((await sync(relay, userEvent(`acc_${client}`, n), { secret: OLD })).status);
    }
  });
  for (let round = 0; round < 20; round++) {
    const [current, previous] = round % 2 ? [OLD, NEW] : [NEW, OLD];
    files.write('secret', current);
    files.write('previous', previous);
    files.write('routes', { ...ROUTES, [`model_${round}`]: { mutation: 'other:sync' } });
    const before = statuses.length;
    await relay.reload();
    await waitFor('requests after it', () => statuses.length >= before + 20);
  }
  loading = false;
  await Promise.all(clients);
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.equal(upstream.requests.length, statuses.length);
});

// Where a descriptor of a process leads to; '' once it is closed.
function linkOf(pid, fd) {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return '';
  }
}

test('in the middle of a start: it is done when that is over', async (t) => {
  const upstream = await startUpstream(t);
  const files = makeFolder(t, { secret: OLD });
  const env = {
    CONVEX_URL: upstream.url,
    SYNC_SECRET: undefined,
    SYNC_SECRET_FILE: files.path('secret'),
    OUTBOX: files.path('outbox.db'),
  };
  await (await startRelay(t, { env })).stop();
  const holder = spawn('sqlite3', [env.OUTBOX], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => holder.kill());
  holder.stdin.write("BEGIN EXCLUSIVE; SELECT 'held';\n");
  await once(holder.stdout, 'data');

  const relay = spawnRelay(t, { env });
  // The outbox is opened when all settings are read. SIGHUP is heard of long before, while a file
  // that is being written would be what the start itself reads.
  const opened = () =>
    readdirSync(`/proc/${relay.pid}/fd`).some((fd) => linkOf(relay.pid, fd) === env.OUTBOX);
  await waitFor('it to wait at the outbox', opened);
  files.write('secret', NEW);
  relay.signal('SIGHUP');
  holder.stdin.end();
  const [, port] = await relay.find('stderr', /info listening .*:(\d+)/);
  await relay.find('stderr', /info reloaded/);
  const statuses = [OLD, NEW].map(
    async (secret) =>
      (await sync({ url: `http://127.0.0.1:${port}` }, userEvent('acc_1'), { secret })).status,
  );
  assert.deepEqual(await Promise.all(statuses), [401, 200]);
});

const BROKEN = [
  { what: 'routes that are not JSON', file: 'routes', content: '{"users":', says: /ROUTES/ },
  {
    what: 'a route with an unknown key',
    file: 'routes',
    content: { users: { mutatoin: 'u:s' } },
    says: /ROUTES.*mutatoin/,
  },
  { what: 'no routes file', file: 'routes', says: /ROUTES/ },
  { what: 'a folder for routes', file: 'routes', put: 'mkdir', says: /ROUTES.*directory/ },
  {
    what: 'a pipe for routes that nobody writes to',
    file: 'routes',
    put: 'mkfifo',
    says: /ROUTES.*what comes out of it does not end/,
  },
  { what: 'an empty secret', file: 'secret', content: '', says: /SYNC_SECRET_FILE/ },
  { what: 'no secret file', file: 'secret', says: /SYNC_SECRET_FILE/ },
  { what: 'a secret of 600 bytes', file: 'secret', content: 'x'.repeat(600), says: /SYNC_SECRET/ },
  { what: 'a key with a line end inside', file: 'key', content: 'a\nb', says: /CONVEX_DEPLOY_KEY/ },
];
for (const { what, file, content, put, says } of BROKEN) {
  test(`${what}: reported, and everything stays as it was`, async (t) => {
    const { upstream, relay, files } = await startWithFiles(t);
    files.write('secret', NEW); // what is well in it is not taken, either
    files.write('routes', { users: { mutation: 'users:other' } });
    if (content === undefined) rmSync(files.path(file));
    else files.write(file, content);
    if (put) execFileSync(put, [files.path(file)]);
    const line = await relay.reload();
    assert.match(line, /not reloaded, the old configuration stays/);
    assert.match(line, says);
    assert.equal((await sync(relay, userEvent('acc_1'), { secret: OLD })).status, 200);
    assert.equal((await sync(relay, userEvent('acc_1'), { secret: NEW })).status, 401);
    assert.deepEqual(pathsOf(upstream), ['users:syncFromBlade']);

    rmSync(files.path(file), { recursive: true, force: true });
    files.write('secret', NEW);
    files.write('key', 'key-2');
    files.write('routes', ROUTES);
    assert.doesNotMatch(await relay.reload(), /not reloaded/);
    assert.equal((await sync(relay, userEvent('acc_1'), { secret: NEW })).status, 200);
  });
}
