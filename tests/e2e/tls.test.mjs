// SPDX-License-Identifier: MIT
// TLS to Convex: a real nginx with a certificate of the test's own stands in front of an upstream.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { makeAuthority, makeSelfSigned } from '../lib/certificates.mjs';
import { DELIVERED, eventOfSize, userEvent } from '../lib/events.mjs';
import { startTlsProxy } from '../lib/nginx.mjs';
import { spawnRelay, startRelay, sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const CONVEX = { json: { status: 'success', value: null } };
const LOCAL = 'DNS:localhost,IP:127.0.0.1';

async function startTls(t, leaf) {
  const upstream = await startUpstream(t, CONVEX);
  const proxy = await startTlsProxy(t, { ...leaf, upstreamPort: upstream.port });
  return { upstream, proxy };
}

const CASES = [
  { what: 'a certificate of the right authority', issue: (ca) => ca.issue(LOCAL), trusts: true },
  { what: 'by name', issue: (ca) => ca.issue('DNS:localhost'), host: 'localhost', trusts: true },
  {
    what: 'of another authority',
    issue: (_, t) => makeAuthority(t, 'another').issue(LOCAL),
    reason: /unable to get local issuer certificate|self-signed/,
  },
  {
    what: 'that has expired',
    issue: (ca) => ca.issue(LOCAL, { fromDays: -3, toDays: -1 }),
    reason: /expired/,
  },
  {
    what: 'that is not valid yet',
    issue: (ca) => ca.issue(LOCAL, { fromDays: 1, toDays: 3 }),
    reason: /not yet valid/,
  },
  {
    what: 'for another name',
    issue: (ca) => ca.issue('DNS:convex.example.com'),
    host: 'localhost',
    reason: /no alternative certificate subject name matches/,
  },
  {
    what: 'for another address',
    issue: (ca) => ca.issue('IP:127.0.0.2'),
    reason: /no alternative certificate subject name matches/,
  },
  {
    what: 'that vouches for itself',
    issue: (_, t) => makeSelfSigned(t, LOCAL),
    reason: /self-signed certificate/,
  },
  {
    what: 'of an authority that only the file knows',
    issue: (ca) => ca.issue(LOCAL),
    withoutFile: true,
    reason: /unable to get local issuer certificate/,
  },
];

for (const { what, issue, host = '127.0.0.1', withoutFile, trusts = false, reason } of CASES) {
  test(`${trusts ? 'trusted' : 'refused'}: ${what}`, async (t) => {
    const authority = makeAuthority(t, 'convex-relay test authority');
    const { upstream, proxy } = await startTls(t, issue(authority, t));
    const env = {
      CONVEX_URL: `https://${host}:${proxy.port}`,
      CONVEX_CA_FILE: withoutFile ? undefined : authority.file,
    };

    const relay = await startRelay(t, { env });
    const response = await sync(relay, userEvent('acc_1'));
    const check = spawnRelay(t, { env, args: ['check'] });
    const { code } = await check.exited;
    if (trusts) {
      assert.deepEqual([response.status, await response.text()], [200, DELIVERED]);
      assert.deepEqual(
        upstream.requests.map(({ target }) => target),
        ['/api/mutation', '/api/query'],
      );
      assert.equal(code, 0, check.stderr());
      return;
    }
    assert.deepEqual([response.status, await response.text()], [500, '{"error":"fetch failed"}']);
    assert.equal(upstream.requests.length, 0, 'the mutation has not run');
    assert.match(relay.stderr(), reason, 'the log has the reason');
    assert.equal(code, 1);
    assert.match(check.stderr(), reason);
    assert.match(check.stderr(), /^convex-relay: CONVEX_URL .* is not trusted .*CONVEX_CA_FILE\n$/);
  });
}

test('one connection serves many events, large ones, too', async (t) => {
  const authority = makeAuthority(t, 'convex-relay test authority');
  const { upstream, proxy } = await startTls(t, authority.issue(LOCAL));
  const relay = await startRelay(t, {
    env: { CONVEX_URL: `https://127.0.0.1:${proxy.port}`, CONVEX_CA_FILE: authority.file },
  });
  for (let n = 0; n < 20; n++) assert.equal((await sync(relay, userEvent('acc_1', n))).status, 200);
  const body = eventOfSize(1_000_000);
  assert.equal((await sync(relay, body)).status, 200);
  assert.deepEqual(JSON.parse(upstream.requests.at(-1).text).args[0], JSON.parse(body).data);
  assert.equal(
    proxy.stderr().match(/client 127\.0\.0\.1 closed/g),
    null,
    'no connection was given up',
  );
});

test('an https address where plain HTTP is spoken', async (t) => {
  const server = http.createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const relay = await startRelay(t, {
    env: { CONVEX_URL: `https://127.0.0.1:${server.address().port}` },
  });
  const response = await sync(relay, userEvent('acc_1'));
  assert.deepEqual([response.status, await response.text()], [500, '{"error":"fetch failed"}']);
});

test('an http address where TLS is spoken', async (t) => {
  const { upstream, proxy } = await startTls(t, makeSelfSigned(t, LOCAL));
  const relay = await startRelay(t, { env: { CONVEX_URL: `http://127.0.0.1:${proxy.port}` } });
  const response = await sync(relay, userEvent('acc_1'));
  assert.equal(response.status, 500);
  assert.match(await response.text(), /The plain HTTP request was sent to HTTPS port/);
  assert.equal(upstream.requests.length, 0);
});
