// SPDX-License-Identifier: MIT
// A relay that gets no memory for a while says so, goes on, and keeps its promises. Memory goes
// back afterwards.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { BATCH_PATH, callOf, eventOfSize, parcelOf, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { assertBalanced, scrape, termsOf } from '../lib/metrics.mjs';
import { RELAY_BUILD, startRelay, sync } from '../lib/relay.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const PRELOADED = path.join(RELAY_BUILD, 'tests/lib/libfaulty-allocator.so');
const LANES = 16;
const EVENTS = 800;
const ANSWERS = [200, 202, 500, 503];
const CONFLICT = {
  status: 503,
  json: { code: 'OptimisticConcurrencyControlFailure', message: 'again' },
};

const skip = process.env.RELAY_SANITIZED
  ? 'allocations cannot be taken from a sanitizer or from Valgrind'
  : false;

// A relay, of whose allocations one in n fails while lack(n) holds; 0: none does.
async function startLacking(t, upstream) {
  assert.ok(existsSync(PRELOADED), PRELOADED);
  const files = makeFolder(t, { allocator: Buffer.alloc(12) });
  const relay = await startRelay(t, {
    env: {
      CONVEX_URL: upstream.url,
      OUTBOX: files.path('outbox.db'),
      SYNC_WAIT_MS: '50',
      ADMIN_PORT: '0',
      LOG_LEVEL: 'info',
      LD_PRELOAD: PRELOADED,
      FAULTY_ALLOCATOR: files.path('allocator'),
    },
  });
  const lack = (n) =>
    writeFileSync(files.path('allocator'), Buffer.from(Uint32Array.of(n).buffer), { flag: 'r+' });
  return { relay, lack };
}

for (const oneIn of [200, 30, 8]) {
  test(`one allocation in ${oneIn} fails`, { skip }, async (t) => {
    let calls = 0;
    const upstream = await startUpstream(t, () => (++calls % 7 ? SUCCESS : CONFLICT));
    const { relay, lack } = await startLacking(t, upstream);

    lack(oneIn);
    const taken = [];
    const seen = {};
    await Promise.all(
      Array.from({ length: LANES }, async (_, lane) => {
        for (let n = 0; n < EVENTS / LANES; n++) {
          const status = await sync(relay, userEvent(`acc_${lane}`, n)).then(
            (answer) => answer.status,
            () => 'none',
          );
          seen[status] = (seen[status] ?? 0) + 1;
          assert.ok(relay.isRunning(), relay.stderr());
          if (status === 200 || status === 202) taken.push(`acc_${lane}/${n}`);
        }
      }),
    );
    lack(0);
    t.diagnostic(JSON.stringify(seen));

    assert.deepEqual(
      Object.keys(seen).filter((status) => status !== 'none' && !ANSWERS.includes(Number(status))),
      [],
    );
    assert.ok(taken.length > EVENTS / 20, JSON.stringify(seen));
    await waitFor(
      'what was taken to be delivered',
      async () => termsOf(await scrape(relay)).pending === 0,
    );
    // A callback of libcurl's that finds no memory would end the connections that are being made.
    assert.doesNotMatch(relay.stderr(), /libcurl failed/);
    assertBalanced(await scrape(relay));
    const arrived = new Set(
      upstream.requests.map((request) => callOf(request)).map(({ id, n }) => `${id}/${n}`),
    );
    assert.deepEqual(
      taken.filter((event) => !arrived.has(event)),
      [],
    );
    assert.ok((await sync(relay, userEvent('acc_afterwards'))).ok);
    await relay.stop();
  });
}

const PARCEL = 5;

for (const oneIn of [1000, 100, 30]) {
  test(`parcels, and one allocation in ${oneIn} fails`, { skip }, async (t) => {
    const upstream = await startUpstream(t);
    const { relay, lack } = await startLacking(t, upstream);

    lack(oneIn);
    const seen = {};
    const taken = [];
    await Promise.all(
      Array.from({ length: LANES }, async (_, lane) => {
        for (let n = 0; n < EVENTS / LANES; n++) {
          const events = Array.from({ length: PARCEL }, (_, i) => userEvent(`${lane}_${i}`, n));
          const status = await sync(relay, parcelOf(events), { path: BATCH_PATH }).then(
            (answer) => answer.status,
            () => 'none',
          );
          seen[status] = (seen[status] ?? 0) + 1;
          assert.ok(relay.isRunning(), relay.stderr());
          if (status === 200 || status === 202)
            taken.push(...events.map(({ hiveId }) => `${hiveId}/${n}`));
        }
      }),
    );
    lack(0);
    t.diagnostic(JSON.stringify(seen));

    await waitFor(
      'what was taken to be delivered',
      async () => termsOf(await scrape(relay)).pending === 0,
    );
    const { accepted } = termsOf(await scrape(relay));
    assert.equal(accepted % PARCEL, 0, `all of each parcel, or none: ${accepted} events`);
    assertBalanced(await scrape(relay));
    const arrived = new Set(upstream.requests.map(callOf).map(({ id, n }) => `${id}/${n}`));
    assert.deepEqual(
      taken.filter((event) => !arrived.has(event)),
      [],
    );
    await relay.stop();
  });
}

const RELOADS = {
  old: { secret: 'the-old-secret', key: 'key-1', routes: { users: { mutation: 'users:old' } } },
  new: {
    secret: 'the-new-secret',
    key: 'key-2',
    routes: { users: { mutation: 'users:new' }, teams: { mutation: 'teams:new' } },
  },
};

test(
  'a reload that gets no memory at its n-th allocation takes all or nothing',
  { skip, timeout: 120_000 },
  async (t) => {
    const files = makeFolder(t, { allocator: Buffer.alloc(12), ...RELOADS.old });
    const upstream = await startUpstream(t);
    const authority = makeAuthority(t, 'convex-relay test authority');
    const relay = await startRelay(t, {
      env: {
        CONVEX_URL: upstream.url,
        OUTBOX: files.path('outbox.db'),
        LOG_LEVEL: 'info',
        CONVEX_CA_FILE: authority.file,
        SYNC_SECRET: undefined,
        SYNC_SECRET_FILE: files.path('secret'),
        CONVEX_DEPLOY_KEY_FILE: files.path('key'),
        ROUTES: files.path('routes'),
        LD_PRELOAD: PRELOADED,
        FAULTY_ALLOCATOR: files.path('allocator'),
      },
    });
    const lackNth = (nth, round) =>
      writeFileSync(files.path('allocator'), Buffer.from(Uint32Array.of(0, nth, round).buffer), {
        flag: 'r+',
      });
    // What holds now: which secret is taken, with which key and by which route an event arrives.
    const holds = async () => {
      upstream.requests.length = 0;
      const statuses = {};
      for (const [name, { secret }] of Object.entries(RELOADS)) {
        statuses[name] = (await sync(relay, userEvent('acc_1'), { secret })).status;
      }
      assert.equal(upstream.requests.length, 1);
      const [request] = upstream.requests;
      return [statuses.old, statuses.new, request.headers.authorization, callOf(request).path];
    };
    const OLD = [200, 401, 'Convex key-1', 'users:old'];
    const NEW = [401, 200, 'Convex key-2', 'users:new'];

    let refused = 0;
    for (let n = 1, round = 1, fine = false; !fine; n++, round++) {
      for (const [name, content] of Object.entries(RELOADS.new)) files.write(name, content);
      lackNth(n, round);
      const line = await relay.reload();
      lackNth(0, round);
      const taken = !line.includes('not reloaded');
      assert.deepEqual(await holds(), taken ? NEW : OLD, `allocation ${n}: ${line}`);
      refused += !taken;
      fine = taken && n > refused + 8; // several in a row went well: there are no more
      if (!taken) continue;
      for (const [name, content] of Object.entries(RELOADS.old)) files.write(name, content);
      await relay.reload();
      assert.deepEqual(await holds(), OLD);
    }
    t.diagnostic(`${refused} allocations that a reload cannot do without`);
    assert.ok(refused > 20, `${refused} reloads were refused`);
  },
);

const BACKLOG = 4000;
const LEFT_MIB = 6;

test(
  'what a backlog took goes back when it is delivered',
  { skip: skip && 'a sanitizer keeps what was freed' },
  async (t) => {
    const files = makeFolder(t);
    const upstream = await startUpstream(t);
    const relay = await startRelay(t, {
      env: {
        CONVEX_URL: upstream.url,
        OUTBOX: files.path('outbox.db'),
        SYNC_WAIT_MS: '0',
        ADMIN_PORT: '0',
        LOG_LEVEL: 'info',
      },
    });
    const heldMib = () =>
      Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${relay.pid}/status`, 'utf8'))[1]) /
      1024;
    const send = (first, last) =>
      Promise.all(
        Array.from({ length: LANES }, async (_, lane) => {
          for (let n = first + lane; n < last; n += LANES) {
            const bytes = 1000 + ((n * 7919) % 9000); // no block fits where another one was
            assert.ok((await sync(relay, eventOfSize(bytes, `acc_${n}`))).ok);
          }
        }),
      );
    const delivered = () =>
      waitFor('all of it to be delivered', async () => termsOf(await scrape(relay)).pending === 0);

    await send(0, 100);
    await delivered();
    const beforeMib = heldMib();
    upstream.answer = { status: 503, json: {} };
    await send(100, BACKLOG);
    const mostMib = heldMib();
    upstream.answer = SUCCESS;
    relay.signal('SIGHUP'); // what is held is tried at once
    await delivered();
    t.diagnostic(
      `${beforeMib.toFixed(1)}, then ${mostMib.toFixed(1)}, at once behind it ${heldMib().toFixed(1)} MiB`,
    );
    assert.ok(mostMib > beforeMib + 2 * LEFT_MIB, `${mostMib} MiB is no backlog`);
    await waitFor('the memory to come back', () => heldMib() < beforeMib + LEFT_MIB);
    t.diagnostic(`in the end ${heldMib().toFixed(1)} MiB`);
  },
);
