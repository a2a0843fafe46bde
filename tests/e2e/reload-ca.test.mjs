// SPDX-License-Identifier: MIT
// SIGHUP, and whom the relay believes: the certificates are read anew, libcurl's memory of the old
// ones counts for nothing (its store is kept for a day, CURLOPT_CA_CACHE_TIMEOUT; a resumed TLS
// session shows no certificate), and a bundle that is broken changes nothing.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { callOf, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { underEtc } from '../lib/mounts.mjs';
import { startRelay, sync } from '../lib/relay.mjs';
import { waitFor } from '../lib/wait.mjs';

const LOCAL = 'DNS:localhost,IP:127.0.0.1';
const UNTRUSTED = /unable to get local issuer certificate|self-signed/;
const contextOf = ({ certificate, key }) => ({
  cert: readFileSync(certificate),
  key: readFileSync(key),
});
const pem = (...authorities) => authorities.map(({ file }) => readFileSync(file, 'utf8')).join('');

// A Convex behind TLS that can show another certificate from now on. Every connection passes a
// front that can be held before its first byte.
async function startSecure(t, leaf) {
  const self = { ids: [], connections: 0, open: 0, hold: null, isHeld: false };
  const server = https
    .createServer({ ...contextOf(leaf), keepAliveTimeout: 0 }, (request, response) => {
      let text = '';
      request
        .on('data', (chunk) => {
          text += chunk;
        })
        .on('end', async () => {
          await self.hold;
          self.ids.push(callOf({ text }).id);
          response.end('{"status":"success","value":null}');
        });
    })
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  const waiting = [];
  const connect = (socket) => {
    const inner = net.connect(server.address().port, '127.0.0.1');
    socket.pipe(inner).pipe(socket);
    // so that its end is seen
    inner.on('error', () => socket.destroy()).on('close', () => socket.resume());
    socket.on('error', () => inner.destroy()).on('close', () => inner.destroy());
  };
  const front = net
    .createServer((socket) => {
      self.connections += 1;
      self.open += 1;
      socket
        .on('close', () => {
          self.open -= 1;
        })
        .on('error', () => {});
      if (self.isHeld) waiting.push(socket);
      else connect(socket);
    })
    .listen(0, '127.0.0.1');
  await once(front, 'listening');
  self.url = `https://127.0.0.1:${front.address().port}`;
  // Ends the upstream's connections; the relay knows when that is done.
  self.close = () => {
    server.closeAllConnections();
    return waitFor('the connections to be closed', () => self.open === 0);
  };
  self.show = (other) => {
    server.setSecureContext(contextOf(other));
    return self.close();
  };
  self.letThrough = () => {
    self.isHeld = false;
    waiting.splice(0).forEach(connect);
  };
  t.after(() => {
    self.letThrough();
    server.closeAllConnections();
    front.close();
    server.close();
  });
  return self;
}

async function start(t, { env = {}, ...options } = {}) {
  const [one, two] = ['one', 'two'].map((name) =>
    makeAuthority(t, `convex-relay test authority ${name}`),
  );
  const convex = await startSecure(t, one.issue(LOCAL));
  const files = makeFolder(t, { ca: pem(one), secret: 'a-secret-for-tests' });
  const relay = await startRelay(t, {
    ...options,
    env: {
      CONVEX_URL: convex.url,
      CONVEX_CA_FILE: files.path('ca'),
      SYNC_SECRET: undefined,
      SYNC_SECRET_FILE: files.path('secret'),
      ...env,
    },
  });
  const statusOf = async (id = 'acc_1') => (await sync(relay, userEvent(id))).status;
  return { one, two, convex, files, relay, statusOf };
}

test('an authority that is new in CONVEX_CA_FILE: believed from the reload on', async (t) => {
  const { one, two, convex, files, relay, statusOf } = await start(t);
  assert.equal(await statusOf(), 200);
  await convex.show(two.issue(LOCAL));
  assert.equal(await statusOf(), 500);
  assert.match(relay.stderr(), UNTRUSTED);
  files.write('ca', pem(one, two));
  assert.doesNotMatch(await relay.reload(), /not reloaded/);
  assert.equal(await statusOf(), 200);
});

test('one that is there no more: its connections are closed, and no session of it is resumed', async (t) => {
  const { two, convex, files, relay, statusOf } = await start(t);
  for (let n = 0; n < 2; n++) {
    // the second resumes, where the first has left a ticket
    assert.equal(await statusOf(), 200);
    if (n === 0) await convex.close();
  }
  files.write('ca', pem(two));
  await relay.reload();
  await waitFor('the idle connection to be closed', () => convex.open === 0);
  assert.equal(await statusOf(), 500);
  assert.match(relay.stderr(), UNTRUSTED);
});

test('what is in flight ends where it began, and its connection with it', async (t) => {
  const { one, two, convex, files, relay, statusOf } = await start(t);
  let open;
  convex.hold = new Promise((resolve) => {
    open = resolve;
  });
  const first = statusOf('acc_1');
  await waitFor('the connection', () => convex.connections === 1);
  files.write('ca', pem(one, two));
  await relay.reload();
  const second = statusOf('acc_2');
  await waitFor('another connection', () => convex.connections === 2);
  open();
  assert.deepEqual([await first, await second], [200, 200]);
  await waitFor('the earlier connection to be closed', () => convex.open === 1);
  assert.equal(await statusOf('acc_3'), 200);
  assert.equal(convex.connections, 2);
});

test('a handshake that is under way at the reload, and fails by the old certificates: tried by the new ones', async (t) => {
  const { one, two, convex, files, relay, statusOf } = await start(t);
  await convex.show(two.issue(LOCAL));
  convex.isHeld = true;
  const status = statusOf();
  await waitFor('the connection', () => convex.connections === 1);
  files.write('ca', pem(one, two));
  await relay.reload();
  convex.letThrough();
  assert.equal(await status, 200);
  assert.equal(convex.connections, 2);
});

test('events that wait because of a certificate go after the reload', async (t) => {
  const store = makeFolder(t);
  const { one, two, convex, files, relay } = await start(t, {
    env: { OUTBOX: store.path('outbox.db'), SYNC_WAIT_MS: '0' },
  });
  await convex.show(two.issue(LOCAL));
  for (const id of ['a', 'b', 'c']) assert.equal((await sync(relay, userEvent(id))).status, 202);
  await relay.find('stderr', UNTRUSTED);
  files.write('ca', pem(one, two));
  await relay.reload();
  await waitFor('all of them', () => ['a', 'b', 'c'].every((id) => convex.ids.includes(id)));
});

const CERTIFICATE = ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----'];
const BROKEN = [
  { what: 'no file', says: /CONVEX_CA_FILE: .*No such file/ },
  { what: 'an empty one', content: () => '', says: /CONVEX_CA_FILE: .*holds no certificate/ },
  { what: 'text', content: () => 'not yet\n', says: /CONVEX_CA_FILE: .*holds no certificate/ },
  {
    what: 'a certificate that is none',
    content: (one) => `${pem(one)}${CERTIFICATE.join('\naGVsbG8=\n')}\n`,
    says: /CONVEX_CA_FILE: .*broken or cut off/,
  },
  {
    what: 'one that is cut off',
    content: (one, two) => pem(one) + pem(two).slice(0, 200),
    says: /CONVEX_CA_FILE: .*broken or cut off/,
  },
];
for (const { what, content, says } of BROKEN) {
  test(`${what} in its place: reported by its name, and everything stays as it was`, async (t) => {
    const { one, two, convex, files, relay, statusOf } = await start(t);
    if (content) files.write('ca', content(one, two));
    else rmSync(files.path('ca'));
    files.write('secret', 'another-secret');
    const line = await relay.reload();
    assert.match(line, /not reloaded, the old configuration stays/);
    assert.match(line, says);
    assert.equal(await statusOf(), 200, 'read before any connection was made');
    await convex.close();
    assert.equal(await statusOf(), 200);
    assert.equal((await sync(relay, userEvent('acc_1'), { secret: 'another-secret' })).status, 401);
    files.write('ca', pem(one));
    assert.doesNotMatch(await relay.reload(), /not reloaded/);
    assert.equal((await sync(relay, userEvent('acc_1'), { secret: 'another-secret' })).status, 200);
  });
}

test("the system's certificates are read anew, too", async (t) => {
  const system = makeFolder(t, { crt: 'x' });
  const { command, skip } = underEtc({ 'ssl/certs/ca-certificates.crt': system.path('crt') });
  if (skip) return t.skip(skip);
  const { one, two, convex, relay, statusOf } = await start(t, {
    under: command,
    env: { CONVEX_CA_FILE: undefined },
  });
  system.write('crt', pem(one)); // in place: the mount is of the file
  assert.equal(await statusOf(), 200);
  await convex.show(two.issue(LOCAL));
  assert.equal(await statusOf(), 500);
  system.write('crt', pem(two));
  await relay.reload();
  assert.equal(await statusOf(), 200);
});
