// SPDX-License-Identifier: MIT
// The steps of docs/operating.md for a new secret and a new deploy key, under load: no event is
// refused, none is lost, and each record keeps its order.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callOf, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { scrape } from '../lib/metrics.mjs';
import { outboxStats } from '../lib/outbox.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const OLD = 'the-old-secret';
const NEW = 'the-new-secret';
const LANES = 8;
const EVERY_MS = 8;

// A relay whose secrets and deploy key come from files; there is no previous secret, and its file
// is empty.
async function startWithFiles(t, env = {}) {
  const upstream = await startUpstream(t);
  const files = makeFolder(t, { secret: OLD, 'secret-previous': '', key: 'key-1' });
  const kept = { OUTBOX: path.join(files.folder, 'outbox.db') };
  const relay = await startRelay(t, {
    env: {
      ...kept,
      CONVEX_URL: upstream.url,
      SYNC_SECRET: undefined,
      SYNC_SECRET_FILE: files.path('secret'),
      SYNC_SECRET_PREVIOUS_FILE: files.path('secret-previous'),
      CONVEX_DEPLOY_KEY_FILE: files.path('key'),
      LOG_LEVEL: 'info',
      ADMIN_PORT: '0',
      ...env,
    },
  });
  return {
    upstream,
    files,
    relay,
    stats: () => outboxStats(kept),
  };
}

// Changes a few records, each again and again: an event every few ms. secret() is asked for each.
function startSender(relay, name, secret) {
  const statuses = [];
  const versions = {}; // how many of each record were sent
  let sending = true;
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    const id = `${name}_${lane}`;
    for (versions[id] = 0; sending;) {
      statuses.push(
        (await sync(relay, userEvent(id, versions[id]++), { secret: secret() })).status,
      );
      await sleep(EVERY_MS);
    }
  });
  return {
    versions,
    sent: () => statuses.length,
    async more(count = 100) {
      const before = statuses.length;
      await waitFor('more events', () => statuses.length >= before + count);
    },
    async stop() {
      sending = false;
      await Promise.all(lanes);
      return new Set(statuses);
    },
  };
}

// Convex has had each event of the sender once, and of each record the older before the newer.
function assertAllArrived(upstream, { versions }) {
  const calls = upstream.requests.filter(({ taken }) => taken !== false).map(callOf);
  for (const [id, count] of Object.entries(versions)) {
    assert.deepEqual(
      calls.filter((call) => call.id === id).map(({ n }) => n),
      Array.from({ length: count }, (_, n) => n),
    );
  }
}

test('a new secret: no event is refused, and the old one is refused in the end', async (t) => {
  const { upstream, files, relay } = await startWithFiles(t);
  const secrets = [OLD, OLD];
  const senders = [0, 1].map((i) => startSender(relay, `sender_${i}`, () => secrets[i]));
  const more = () => Promise.all(senders.map((sender) => sender.more()));
  const used = async (secret) => (await scrape(relay)).value('secret_used_total', { secret });
  await more();
  assert.equal(await used('previous'), 0);

  files.write('secret-previous', OLD);
  files.write('secret', NEW);
  await relay.reload();
  await more();

  secrets[0] = NEW; // the senders change one after the other
  await more();
  const early = await used('previous');
  await more();
  assert.ok((await used('previous')) > early, 'one of them has the old one still');
  secrets[1] = NEW;
  await more(); // what was on its way has arrived
  const last = await used('previous');
  await more();
  assert.equal(await used('previous'), last, 'nobody has it any more');
  assert.ok((await used('current')) > last);

  files.write('secret-previous', '');
  await relay.reload();
  await more();
  for (const sender of senders) {
    assert.deepEqual(await sender.stop(), new Set([200]));
    assertAllArrived(upstream, sender);
  }
  assert.equal((await sync(relay, userEvent('acc_9'), { secret: OLD })).status, 401);
});

const byKey = (good, refusal) => (request) => {
  request.taken = request.headers.authorization === `Convex ${good.key}`;
  return request.taken ? SUCCESS : refusal;
};

test('a new deploy key, while the old one still holds: nothing waits', async (t) => {
  const { upstream, files, relay, stats } = await startWithFiles(t);
  const sender = startSender(relay, 'acc_1', () => OLD);
  await sender.more();
  files.write('key', 'key-2');
  await relay.reload();
  await sender.more();
  upstream.answer = byKey(
    { key: 'key-2' },
    { status: 401, json: { code: 'BadAdminKey', message: 'no' } },
  );
  await sender.more();
  assert.deepEqual(await sender.stop(), new Set([200]));
  assertAllArrived(upstream, sender);
  assert.equal((await stats()).dead, 0);
});

for (const [status, code] of [
  [401, 'BadAdminKey'],
  [403, 'BadDeployKey'],
  [400, 'InvalidAdminKey'],
]) {
  test(`a deploy key that Convex refuses with ${status} ${code}: events wait for the new one`, async (t) => {
    const { upstream, files, relay, stats } = await startWithFiles(t, {
      SYNC_WAIT_MS: '50',
    });
    const good = { key: 'key-1' };
    upstream.answer = byKey(good, { status, json: { code, message: 'no' } });
    const sender = startSender(relay, 'acc_1', () => OLD);
    await sender.more();
    good.key = 'key-2';
    await relay.find('stderr', /Convex refuses the relay.*/);
    await sender.more();
    files.write('key', 'key-2');
    await relay.reload();
    await sender.more();
    assert.deepEqual(await sender.stop(), new Set([200, 202]));
    await waitFor(
      'everything to be delivered',
      async () => (await stats()).delivered === sender.sent(),
    );
    assertAllArrived(upstream, sender);
    const { accepted, dead } = await stats();
    assert.deepEqual({ accepted, dead }, { accepted: sender.sent(), dead: 0 });
    assert.equal(relay.stderr().match(/Convex refuses the relay/g).length, 1);
    assert.equal(relay.stderr().match(/Convex answers again/g).length, 1);
  });
}
