// SPDX-License-Identifier: MIT
// Side by side: the guide's router and the relay get the same bytes, each with a Convex of its own
// that answers from the same script. Both must agree in status, Content-Type, body and what reached
// Convex, but for the differences in differences.mjs.
//
// PARITY_ONLY=router prints what the router does instead, and checks that against the tables.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchange } from '../lib/rawhttp.mjs';
import { startRelay } from '../lib/relay.mjs';
import { startRouter } from '../lib/router.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import answers from './cases/answers.mjs';
import data from './cases/data.mjs';
import envelope from './cases/envelope.mjs';
import framing from './cases/framing.mjs';
import keys from './cases/keys.mjs';
import malformed from './cases/malformed.mjs';
import secrets from './cases/secrets.mjs';
import targets from './cases/targets.mjs';
import values from './cases/values.mjs';
import { differences, isCaseOf } from './differences.mjs';

const tables = { envelope, data, values, keys, secrets, targets, framing, malformed, answers };
const routerOnly = process.env.PARITY_ONLY === 'router';

// One side: what was answered to a case, and what Convex got meanwhile.
async function observe({ port, upstream }, { request, method, answer }) {
  const seen = upstream.requests.length;
  upstream.answer = answer;
  const { status, headers, body } = await exchange(port, request, { method });
  return {
    status,
    type: headers['content-type'] ?? null,
    allow: headers.allow ?? null,
    body: body.toString('utf8'),
    sent: upstream.requests
      .slice(seen)
      .map(({ method: verb, target, headers: sent, body: bytes }) => ({
        verb,
        target,
        type: sent['content-type'],
        call: meaning(bytes),
      })),
  };
}

// What the bytes of a call mean to Convex: a repeated member counts by the last value, members have
// no order, and -0 is the same in every spelling. Invalid UTF-8 throws. A redirected call may have
// lost its body: null.
function meaning(bytes) {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  if (text === '') return null;
  return JSON.parse(text, (_, value) =>
    Object.is(value, -0) ? { $float: 'AAAAAAAAAIA=' } : value,
  );
}

const comparable = ({ status, type, body, sent }) => ({ status, type, body, sent });

function assertDifference({ relay: expected }, router, relay) {
  const {
    status,
    type = 'application/json',
    body,
    bodyMatches,
    allow = null,
    sends = 0,
  } = expected;
  assert.deepEqual(
    { status: relay.status, type: relay.type, allow: relay.allow, sends: relay.sent.length },
    { status, type, allow, sends },
  );
  if (bodyMatches) assert.match(relay.body, bodyMatches);
  else assert.equal(relay.body, body);
  assert.notDeepEqual(comparable(relay), comparable(router), 'this is no difference any more');
}

test('side by side', async (t) => {
  const start = async (startServer) => {
    const upstream = await startUpstream(t);
    const { port } = await startServer(upstream.url);
    return { port, upstream };
  };
  const router = await start((convexUrl) => startRouter(t, { convexUrl }));
  const relay = routerOnly
    ? null
    : await start((url) => startRelay(t, { env: { CONVEX_URL: url } }));
  let sends = 0;

  for (const [table, rows] of Object.entries(tables)) {
    for (const one of rows) {
      await t.test(`${table}: ${one.name}`, async () => {
        const sides = [router, relay].filter(Boolean).map((side) => observe(side, one));
        const [theirs, ours] = await Promise.all(sides);
        const { status, sends: expected } = one.expected;
        assert.deepEqual(
          { status: theirs.status, sends: theirs.sent.length },
          { status, sends: expected },
          `the router did otherwise than this case says: ${theirs.body.slice(0, 300)}`,
        );
        sends += expected;
        if (routerOnly) return show(theirs);
        const difference = differences.find((entry) => isCaseOf(entry, `${table}: ${one.name}`));
        if (difference) return assertDifference(difference, theirs, ours);
        return assert.deepEqual(comparable(ours), comparable(theirs));
      });
    }
  }

  await t.test('nothing reached Convex that no case expects', () => {
    assert.equal(router.upstream.requests.length, sends);
  });
});

test('with nobody at CONVEX_URL', { skip: routerOnly && 'the relay is not asked' }, async (t) => {
  const upstream = await startUpstream(t);
  await upstream.close();
  const [{ request }] = envelope;
  const [theirs, ours] = await Promise.all([
    startRouter(t, { convexUrl: upstream.url }),
    startRelay(t, { env: { CONVEX_URL: upstream.url } }),
  ]).then((servers) => Promise.all(servers.map(({ port }) => exchange(port, request))));
  const view = ({ status, headers, body }) => [status, headers['content-type'], body.toString()];
  assert.deepEqual(view(ours), view(theirs));
  assert.deepEqual(view(ours), [500, 'application/json', '{"error":"fetch failed"}']);
});

test('every difference is about cases that exist, and no case is in two of them', () => {
  const names = Object.entries(tables).flatMap(([table, rows]) =>
    rows.map(({ name }) => `${table}: ${name}`),
  );
  assert.deepEqual(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
    'two cases of one name',
  );
  for (const entry of differences) {
    assert.ok(
      names.some((name) => isCaseOf(entry, name)),
      `no case is like this: ${entry.why}`,
    );
    const missing = [entry.cases]
      .flat()
      .filter((name) => typeof name === 'string' && !names.includes(name));
    assert.deepEqual(missing, []);
  }
  const twice = names.filter(
    (name) => differences.filter((entry) => isCaseOf(entry, name)).length > 1,
  );
  assert.deepEqual(twice, []);
});

function show({ status, type, body, sent }) {
  const calls = sent.map(({ call }) => JSON.stringify(call).slice(0, 100)).join(' ');
  process.stdout.write(`  ${status} ${type} ${JSON.stringify(body.slice(0, 150))} <- ${calls}\n`);
}
