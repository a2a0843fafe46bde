// SPDX-License-Identifier: MIT
// A far side whose name leads nowhere, late, or elsewhere.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { callOf, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { underEtc } from '../lib/mounts.mjs';
import { sync } from '../lib/relay.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';
import { assertOutcome, startTried, SHORT } from './rude-convex.mjs';

test('a name that does not exist', async (t) => {
  const relay = await startTried(t, { CONVEX_URL: 'http://convex.invalid' });
  assert.equal((await sync(relay, userEvent('kept'))).status, 202);
  await assertOutcome(relay, 'again');
  assert.match(relay.stderr(), /Could not resolve host|Resolving timed out/);
});

// libcurl never ends threads that are in getaddrinfo().
const LEFT_THREADS = process.env.RELAY_MEMCHECK
  ? 'what threads hold that end with the process Valgrind calls possibly lost'
  : false;
test('a nameserver that does not answer', { skip: LEFT_THREADS }, async (t) => {
  // resolv.conf names no port; on an address at random nobody else has it.
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const nameserver = dgram.createSocket('udp4');
  let asked = 0;
  nameserver.on('message', () => asked++);
  const refused = await new Promise((resolve) => {
    nameserver.on('error', resolve).bind(53, address, () => resolve(null));
  });
  if (refused) return t.skip(`nothing can listen on ${address}, port 53: ${refused.code}`);
  t.after(() => nameserver.close());
  const endless = 'options timeout:30 attempts:5'; // longer than anybody waits for the stop
  const files = makeFolder(t, {
    'resolv.conf': `nameserver ${address}\n${endless}\n`,
    'nsswitch.conf': 'hosts: dns\n',
  });
  const { command, skip } = underEtc({
    'resolv.conf': files.path('resolv.conf'),
    'nsswitch.conf': files.path('nsswitch.conf'),
  });
  if (skip) return t.skip(skip);

  const relay = await startTried(
    t,
    { CONVEX_URL: 'http://convex.example.com', ...SHORT },
    { under: command },
  );
  const threads = () =>
    Number(/^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${relay.pid}/status`, 'utf8'))[1]);
  await Promise.all(Array.from({ length: 100 }, (_, i) => sync(relay, userEvent(`acc_${i}`))));
  await assertOutcome(relay, 'again');
  assert.ok(asked > 0, 'it was asked');
  assert.ok(threads() < 40, `${threads()} threads`); // 16 at once; getaddrinfo() cannot be stopped
  await relay.stop(); // which the resolver would hold up
});

test('a name with two addresses, of which one is dead', async (t) => {
  const upstream = await startUpstream(t); // on 127.0.0.1
  const files = makeFolder(t, { hosts: '127.0.0.9 convex.test\n127.0.0.1 convex.test\n' });
  const { command, skip } = underEtc({ hosts: files.path('hosts') });
  if (skip) return t.skip(skip);
  const relay = await startTried(
    t,
    { CONVEX_URL: `http://convex.test:${upstream.port}`, SYNC_WAIT_MS: '100000' },
    { under: command },
  );
  assert.equal((await sync(relay, userEvent('acc_1'))).status, 200);
});

test('an address that changes: the next connection goes to the new one', async (t) => {
  const upstream = await startUpstream(t);
  const files = makeFolder(t, { hosts: '127.0.0.9 convex.test\n' });
  const { command, skip } = underEtc({ hosts: files.path('hosts') });
  if (skip) return t.skip(skip);
  const relay = await startTried(
    t,
    { CONVEX_URL: `http://convex.test:${upstream.port}` },
    { under: command },
  );
  assert.equal((await sync(relay, userEvent('kept'))).status, 202);
  await assertOutcome(relay, 'again');
  files.write('hosts', '127.0.0.1 convex.test\n'); // in place: the mount is of the file
  await waitFor('the event', () =>
    upstream.requests.some((request) => callOf(request).id === 'kept'),
  );
});
