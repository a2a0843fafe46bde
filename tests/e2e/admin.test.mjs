// SPDX-License-Identifier: MIT
// The admin port: metrics as Prometheus reads them, the sum that always holds, and the status page.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import net from 'node:net';
import { test } from 'node:test';
import { startChild } from '../lib/child.mjs';
import { userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { hold } from '../lib/hold.mjs';
import { assertBalanced, scrape, statusOf, termsOf } from '../lib/metrics.mjs';
import { freePorts } from '../lib/ports.mjs';
import { outbox } from '../lib/outbox.mjs';
import { HASTY, makeWorld, NOWHERE, PATIENT, REJECTION } from '../lib/outbox-world.mjs';
import { SECRET, spawnRelay, startRelay, sync } from '../lib/relay.mjs';
import { startUpstream, SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const ADMIN = { ADMIN_PORT: '0' };
const OVERLOAD = {
  status: 503,
  json: { code: 'OptimisticConcurrencyControlFailure', message: 'PLANTED-x' },
};
const NO_FUNCTION = {
  json: {
    status: 'error',
    errorMessage: "Could not find public function for 'users:syncFromBlade'.",
  },
};

// Exactly these; label sets of a relay with the guide's routes that nobody has spoken to.
const FAMILIES = {
  convex_relay_requests_total: 'counter',
  convex_relay_events_accepted_total: 'counter',
  convex_relay_events_delivered_total: 'counter',
  convex_relay_events_dead_total: 'counter',
  convex_relay_events_discarded_total: 'counter',
  convex_relay_replays_refused_total: 'counter',
  convex_relay_outbox_events: 'gauge',
  convex_relay_outbox_oldest_seconds: 'gauge',
  convex_relay_outbox_spoilt_total: 'counter',
  convex_relay_convex_attempts_total: 'counter',
  convex_relay_convex_in_flight: 'gauge',
  convex_relay_route_held: 'gauge',
  convex_relay_secret_used_total: 'counter',
  convex_relay_unauthorized_total: 'counter',
  convex_relay_request_duration_seconds: 'histogram',
  convex_relay_convex_duration_seconds: 'histogram',
  convex_relay_outbox_commit_seconds: 'histogram',
  convex_relay_batch_size: 'histogram',
  convex_relay_batch_splits_total: 'counter',
  convex_relay_build_info: 'gauge',
};

const makeAdminWorld = (t, { env, ...rest } = {}) =>
  makeWorld(t, { env: { ...ADMIN, ...env }, ...rest });

function promtoolCheck(text) {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  assert.deepEqual([status, stdout, stderr], [0, '', '']);
}

test('the metrics are the ones that are promised, and no others', async (t) => {
  const { relay } = await makeAdminWorld(t);
  const { families, samples, text } = await scrape(relay);
  assert.deepEqual(
    Object.fromEntries([...families].sort()),
    Object.fromEntries(Object.entries(FAMILIES).sort()),
  );
  const labels = (name) =>
    samples
      .filter((sample) => sample.name === `convex_relay_${name}`)
      .map((sample) => sample.labels);
  const models = (...names) => names.map((model) => ({ model }));
  for (const what of ['accepted', 'delivered', 'dead', 'discarded']) {
    assert.deepEqual(labels(`events_${what}_total`), models('posts', 'users', 'other'));
  }
  assert.deepEqual(labels('outbox_events'), [{ state: 'pending' }, { state: 'dead' }]);
  assert.deepEqual(
    labels('convex_attempts_total').map(({ outcome }) => outcome),
    ['done', 'rejected', 'again', 'held'],
  );
  assert.deepEqual(labels('route_held'), models('posts', 'users'));
  assert.deepEqual(labels('secret_used_total'), [{ secret: 'current' }, { secret: 'previous' }]);
  assert.deepEqual(labels('build_info'), [{ version: (await statusOf(relay)).version }]);
  promtoolCheck(text);
});

test('promtool has nothing to say against a page full of oddities', async (t) => {
  const odd = 'a"b\\c\nd é';
  const ROUTES = makeFolder(t).write('routes.json', {
    [odd]: { mutation: 'a:b' },
    other: { mutation: 'a:b' },
  });
  const { relay } = await makeAdminWorld(t, { env: { ROUTES } });
  for (const model of [odd, 'other', 'nobody']) await sync(relay, { ...userEvent('acc_1'), model });
  const metrics = await scrape(relay);
  promtoolCheck(metrics.text);
  assert.equal(metrics.value('events_delivered_total', { model: odd }), 1);
  assert.equal(
    metrics.value('events_accepted_total', { model: 'other' }),
    2,
    'a route of that name, and what has no route',
  );
  assertBalanced(metrics);
});

test('requests, secrets and times are counted, health checks are not', async (t) => {
  const upstream = await startUpstream(t);
  const relay = await startRelay(t, {
    env: {
      ...ADMIN,
      CONVEX_URL: upstream.url,
      SYNC_SECRET_PREVIOUS: 'the-old-secret',
      MAX_BODY_BYTES: '1024',
    },
  });
  const send = (event, secret) => sync(relay, event, { secret });
  await send(userEvent('acc_1'));
  await send(userEvent('acc_1'), 'the-old-secret');
  await send(userEvent('acc_1'), 'wrong');
  await send('{');
  await send('x'.repeat(2000));
  await sync(relay, userEvent('acc_1'), {
    headers: { 'X-Sync-Secret': SECRET, 'Content-Encoding': 'gzip' },
  });
  for (const path of ['healthz', 'readyz', 'elsewhere']) await fetch(`${relay.url}/${path}`);
  const metrics = await scrape(relay);
  const statuses = Object.fromEntries(
    metrics.samples
      .filter(({ name, value }) => name.endsWith('requests_total') && value)
      .map(({ labels, value }) => [labels.status, value]),
  );
  assert.deepEqual(statuses, { 200: 2, 400: 1, 401: 1, 404: 1, 413: 1, 415: 1 });
  assert.equal(metrics.value('request_duration_seconds_count'), 7);
  assert.equal(metrics.value('request_duration_seconds_bucket', { le: '+Inf' }), 7);
  assert.equal(metrics.value('convex_duration_seconds_count'), 2);
  assert.equal(metrics.value('secret_used_total', { secret: 'current' }), 4);
  assert.equal(metrics.value('secret_used_total', { secret: 'previous' }), 1);
  assert.equal(metrics.value('unauthorized_total'), 1);
});

test('other paths and methods on the admin port, and its paths on the other one', async (t) => {
  const { relay } = await makeAdminWorld(t);
  const ask = async (url, method = 'GET') => {
    const response = await fetch(url, { method });
    return [response.status, response.headers.get('allow')];
  };
  assert.deepEqual(await ask(`${relay.admin}/convex/sync`, 'POST'), [404, null]);
  assert.deepEqual(await ask(`${relay.admin}/`), [404, null]);
  for (const path of ['metrics', 'status']) {
    assert.deepEqual(await ask(`${relay.admin}/${path}`, 'POST'), [405, 'GET, HEAD']);
    assert.deepEqual(await ask(`${relay.url}/${path}`), [404, null]);
  }
  for (const path of ['healthz', 'readyz'])
    assert.deepEqual(await ask(`${relay.admin}/${path}`), [200, null]);
});

test('a taken admin port: one line that names it, and the end', async (t) => {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const relay = spawnRelay(t, {
    env: { CONVEX_URL: NOWHERE, ADMIN_PORT: String(server.address().port) },
  });
  assert.deepEqual(await relay.exited, { code: 1, signal: null });
  assert.match(
    relay.stderr(),
    /^convex-relay: ADMIN_HOST, ADMIN_PORT: cannot listen .*Address already in use\n$/,
  );
});

// ---- the sum ----

test('nothing is lost from the sum: at every moment of a mixed load, over replays, discards and restarts', async (t) => {
  let n = 0;
  const answers = [SUCCESS, SUCCESS, REJECTION, OVERLOAD, SUCCESS, { then: 'reset' }];
  const world = await makeAdminWorld(t, {
    answer: () => answers[n++ % answers.length],
    env: { SYNC_WAIT_MS: '20', CONVEX_CONCURRENCY: '4' },
  });
  const all = { OUTBOX: world.file };
  let last = null;
  const look = async () => {
    const metrics = await scrape(world.relay);
    assertBalanced(metrics);
    const counters = metrics.samples.filter(({ name }) => /_(total|bucket|count)$/.test(name));
    counters.forEach(({ value }, i) =>
      assert.ok(!last || value >= last[i], `${counters[i].name} went back`),
    );
    last = counters.map(({ value }) => value);
    return metrics;
  };
  let sent = 0;
  const load = async (events) => {
    for (let i = 0; i < events; i += 10) {
      const batch = Array.from({ length: 10 }, () => {
        const id = sent++;
        return world.send({
          ...userEvent(`acc_${id % 17}`, id),
          model: ['users', 'posts', 'teams'][id % 3],
        });
      });
      await Promise.all([...batch, look()]);
    }
  };
  const agree = () =>
    waitFor('the metrics and the outbox to agree', async () => {
      const { pending, dead } = termsOf(await look());
      const stats = await world.stats();
      return pending === stats.pending && dead === stats.dead;
    });

  await load(200);
  await waitFor('dead letters', async () => (await world.stats()).dead >= 80);
  await outbox(all, 'replay', '--all', '--model', 'posts');
  await load(50);
  await outbox(
    all,
    'discard',
    ...(await world.dead())
      .filter(({ model }) => model === 'teams')
      .slice(0, 10)
      .map(({ id }) => String(id)),
  );
  await load(50);
  await agree();
  await waitFor(
    'the discards to be seen',
    async () => (await look()).value('events_discarded_total', { model: 'other' }) >= 10,
  );
  const before = await look();
  assert.equal(before.value('events_discarded_total', { model: 'other' }), 10);
  assert.ok(
    before.sum('events_dead_total') >= before.value('outbox_events', { state: 'dead' }) + 10,
  );
  // What Convex has taken counts at once, and in the outbox with the next commit.
  const known = await waitFor('the outbox to know of all', async () => {
    const { accepted } = await world.stats();
    return accepted >= before.sum('events_accepted_total') && accepted;
  });
  assert.equal(before.sum('events_accepted_total'), known);

  answers.splice(0, answers.length, { hang: true }); // so that something is pending at the stop
  await load(40);
  await waitFor('pending events', async () => (await world.stats()).pending > 0);
  await world.relay.kill();
  last = null;
  await world.start();
  await agree();
  const after = await look();
  const { accepted, delivered, discarded, pending, dead } = await world.stats();
  assert.deepEqual(termsOf(after), { accepted, delivered, discarded, pending, dead });
  assert.equal(after.value('events_discarded_total', { model: 'other' }), 10);
  await world.relay.kill();
});

test('a model that loses its route keeps its counts, one that gains it takes its events along', async (t) => {
  const folder = makeFolder(t);
  const ROUTES = folder.write('routes.json', { users: { mutation: 'a:b' } });
  const world = await makeAdminWorld(t, { folder: folder.folder, env: { ...PATIENT, ROUTES } });
  const reload = async (routes) => {
    folder.write('routes.json', routes);
    await world.relay.reload();
  };
  const count = async (what, model) =>
    (await scrape(world.relay)).value(`events_${what}_total`, { model });

  await world.send(userEvent('acc_1'));
  await world.send({ ...userEvent('acc_1'), model: 'teams' });
  assert.equal(await count('accepted', 'other'), 1);
  await reload({ teams: { mutation: 'a:b' } });
  await world.send(userEvent('acc_1'));
  assert.equal(await count('delivered', 'users'), 1);
  await outbox({ OUTBOX: world.file }, 'replay', '--all', '--model', 'teams');
  await waitFor('the replay', async () => (await count('delivered', 'teams')) === 1);
  const metrics = await scrape(world.relay);
  assertBalanced(metrics);
  assert.equal(metrics.sum('events_discarded_total'), 0);
  assert.equal(metrics.value('outbox_events', { state: 'dead' }), 1);
});

test('without an outbox what Convex refuses is discarded', async (t) => {
  const upstream = await startUpstream(t, [SUCCESS, REJECTION]);
  const relay = await startRelay(t, { env: { ...ADMIN, CONVEX_URL: upstream.url } });
  await sync(relay, userEvent('acc_1'));
  await sync(relay, userEvent('acc_1'));
  await sync(relay, { ...userEvent('acc_1'), model: 'teams' });
  assert.deepEqual(termsOf(await scrape(relay)), {
    accepted: 3,
    delivered: 1,
    discarded: 2,
    pending: 0,
    dead: 0,
  });
  const { outbox: shown } = await statusOf(relay);
  assert.equal(shown.state, 'off');
});

// ---- status ----

test('the status page shows what is held, and why, and nothing of a record', async (t) => {
  const begunMs = Date.now();
  const world = await makeAdminWorld(t, {
    answer: ({ text }) => (text.includes('users:') ? NO_FUNCTION : REJECTION),
    env: HASTY,
  });
  await world.send(userEvent('acc_1'));
  await world.send({ ...userEvent('acc_2'), model: 'posts' });
  await waitFor('both to be judged', async () =>
    (await statusOf(world.relay)).routes.every((route) => route.last_error),
  );
  await waitFor('the dead letter', async () => (await statusOf(world.relay)).outbox.dead === 1);
  const text = await waitFor('a moment without a probe', async () => {
    const page = await (await fetch(`${world.relay.admin}/status`)).text();
    return JSON.parse(page).convex.in_flight === 0 && page;
  });
  assert.doesNotMatch(text, /no such thing|example\.com|acc_/);
  const {
    started,
    uptime_seconds: uptime,
    version,
    routes,
    outbox: shown,
    ...rest
  } = JSON.parse(text);
  assert.ok(Date.parse(started) >= begunMs - 1000 && Date.parse(started) <= Date.now(), started);
  assert.ok(uptime >= 0 && uptime <= (Date.now() - begunMs) / 1000 + 1, uptime);
  assert.match(version, /^\d+\.\d+\.\d+$/);
  assert.deepEqual(rest, {
    ready: true,
    not_ready_reason: null,
    convex: { state: 'open', held_reason: null, held_since: null, in_flight: 0 },
  });
  const {
    held_since: since,
    oldest,
    last_error: usersError,
    limit,
    ...users
  } = routes.find(({ model }) => model === 'users');
  assert.ok(limit >= 1 && Date.parse(since) >= Date.parse(oldest));
  assert.deepEqual(users, {
    model: 'users',
    mutation: 'users:syncFromBlade',
    state: 'held',
    held_reason: usersError.cause,
    in_flight: 0,
    batch: null,
    sequence: null,
    pending: 1,
    dead: 0,
  });
  assert.equal(usersError.outcome, 'held');
  const posts = routes.find(({ model }) => model === 'posts');
  assert.deepEqual(
    [posts.state, posts.dead, posts.last_error.outcome, posts.last_error.cause],
    ['open', 1, 'rejected', 'function error'],
  );
  const { bytes, max_bytes: max, oldest: first, ...counts } = shown;
  assert.deepEqual(counts, { state: 'ok', pending: 1, dead: 1, pinned_bytes: 0, spoilt: 0 });
  assert.ok(bytes > 0 && max === 1024 * 1024 * 1024);
  assert.equal(first, oldest);
  const metrics = await scrape(world.relay);
  assert.equal(metrics.value('route_held', { model: 'users' }), 1);
  assert.equal(metrics.value('route_held', { model: 'posts' }), 0);
});

test('while Convex is away every route is held', async (t) => {
  const begunMs = Date.now();
  const world = await makeAdminWorld(t, { env: { ...HASTY, CONVEX_URL: NOWHERE } });
  await world.send(userEvent('acc_1'));
  await waitFor(
    'the outage to be noticed',
    async () => (await statusOf(world.relay)).convex.state === 'held',
  );
  const metrics = await scrape(world.relay);
  assert.equal(metrics.sum('route_held'), 2);
  const { convex } = await statusOf(world.relay);
  assert.match(convex.held_reason, /\S/);
  assert.ok(
    Date.parse(convex.held_since) >= begunMs - 1000 && Date.parse(convex.held_since) <= Date.now(),
    convex.held_since,
  );
});

test('calls in flight are counted, and a stop is told', async (t) => {
  const held = hold();
  const upstream = await startUpstream(t, held.answer);
  const relay = await startRelay(t, { env: { ...ADMIN, CONVEX_URL: upstream.url } });
  const answers = [1, 2, 3].map((i) => sync(relay, userEvent(`acc_${i}`)));
  await waitFor('three calls', () => held.waiting() === 3);
  assert.equal((await scrape(relay)).value('convex_in_flight'), 3);
  assert.equal((await statusOf(relay)).routes.find(({ model }) => model === 'users').in_flight, 3);
  relay.signal('SIGTERM');
  await waitFor('the stop to be told', async () => !(await statusOf(relay)).ready);
  assert.equal((await statusOf(relay)).not_ready_reason, 'The relay is stopping');
  held.open();
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
});

// ---- Prometheus ----

test('a real Prometheus scrapes it, and takes the alerts', async (t) => {
  const world = await makeAdminWorld(t);
  await world.send(userEvent('acc_1'));
  const [port] = await freePorts(1);
  const files = makeFolder(t);
  const config = files.write(
    'prometheus.yml',
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '200ms' },
      rule_files: [new URL('../../docker/alerts.yml', import.meta.url).pathname],
      scrape_configs: [
        {
          job_name: 'convex-relay',
          static_configs: [{ targets: [new URL(world.relay.admin).host] }],
        },
      ],
    }),
  );
  const prometheus = startChild(
    t,
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${files.path('data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { env: { PATH: process.env.PATH } },
  );
  const ask = async (path) => {
    if (!prometheus.isRunning()) throw new Error(`Prometheus ended:\n${prometheus.stderr()}`);
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => null);
    return response?.ok ? (await response.json()).data : null;
  };
  const query = async (text) =>
    (await ask(`query?query=${encodeURIComponent(text)}`))?.result?.[0]?.value[1];
  await waitFor('a scrape', async () => (await query('up{job="convex-relay"}')) === '1');
  await waitFor(
    'the event',
    async () => (await query('convex_relay_events_delivered_total{model="users"}')) === '1',
  );
  await waitFor('a target that is well', async () => {
    // a scrape may be late once
    const target = (await ask('targets'))?.activeTargets[0];
    return target?.health === 'up' && target.lastError === '';
  });
  await waitFor(
    'all samples',
    async () =>
      (await query('scrape_samples_scraped')) ===
      String((await scrape(world.relay)).samples.length),
  );
  await waitFor('the rules to be evaluated', async () => {
    const rules = (await ask('rules'))?.groups.flatMap((group) => group.rules) ?? [];
    return rules.length > 5 && rules.every(({ health }) => health === 'ok');
  });
});
