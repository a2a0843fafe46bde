// SPDX-License-Identifier: MIT
// The command line: help, version, usage and configuration errors, `check`, and that no output ever
// holds a secret or what a record contains.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { runRelay, startRelay, sync } from '../lib/relay.mjs';
import { startStandin } from '../lib/standin.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const NOTHING_SET = { SYNC_SECRET: undefined };
const FINE = { CONVEX_URL: 'https://happy-animal-123.convex.cloud' };

for (const word of ['--help', '-h']) {
  test(`${word} fits a screen, and needs no settings`, async (t) => {
    const { code, out, err } = await runRelay(t, { args: [word], env: NOTHING_SET });
    assert.deepEqual([code, err], [0, '']);
    const lines = out.trimEnd().split('\n');
    assert.ok(lines.length <= 50, `${lines.length} lines`);
    for (const line of lines) assert.ok(line.length <= 80, line);
    for (const expected of ['check', 'backup', '--version', 'SIGHUP', 'CONVEX_URL', 'LOG_FORMAT'])
      assert.ok(out.includes(expected), expected);
  });
}

test('outbox --help fits 80 columns', async (t) => {
  const { code, out, err } = await runRelay(t, { args: ['outbox', '--help'], env: NOTHING_SET });
  assert.deepEqual([code, err], [0, '']);
  for (const line of out.split('\n')) assert.ok(line.length <= 80, line);
  assert.match(out, /^ {2}convex-relay outbox adopt$/m);
});

test('--version', async (t) => {
  const { code, out, err } = await runRelay(t, { args: ['--version'], env: NOTHING_SET });
  assert.deepEqual([code, err], [0, '']);
  assert.match(
    out,
    /^convex-relay \d+\.\d+\.\d+\noutbox: SQLite(, PostgreSQL|; built without PostgreSQL)\n$/,
  );
});

for (const args of [['serve'], ['--verbose'], [''], ['check', 'twice'], ['--help', '--version']]) {
  test(`usage: "${args.join(' ')}"`, async (t) => {
    const { code, out, err } = await runRelay(t, { args, env: FINE });
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, /^convex-relay: [^\n]*--help\n$/);
  });
}

// Each wrong setting, and what the line says besides its name.
const WRONG = [
  ['CONVEX_URL', undefined],
  ['CONVEX_URL', ''],
  ['CONVEX_URL', 'happy-animal-123.convex.cloud'],
  ['CONVEX_URL', 'ftp://example.com'],
  ['CONVEX_URL', 'https://happy-animal-123.convex.site', /convex\.cloud/],
  ['SYNC_SECRET', undefined],
  ['SYNC_SECRET', '', /openssl rand/],
  ['SYNC_SECRET', 's'.repeat(513)],
  ['SYNC_SECRET', 'two\nlines'],
  ['SYNC_SECRET_PREVIOUS', ' blank'],
  ['CONVEX_DEPLOY_KEY', 'two\nlines'],
  ['CONVEX_DEPLOY_KEY', 'prod:ké', /outside ASCII/],
  ['CONVEX_CA_FILE', '/nonexistent/ca.pem', /No such file/],
  ['CONVEX_CA_FILE', '/etc/passwd', /no certificate in PEM form/],
  ['PORT', '65536'],
  ['PORT', 'http'],
  ['PORT', '-1'],
  ['ADMIN_PORT', 'none', /off/],
  ['SYNC_WAIT_MS', '1.5'],
  ['CONVEX_TIMEOUT_MS', '0'],
  ['CONVEX_CONCURRENCY', '0'],
  ['CONVEX_CONCURRENCY', '99999999999999999999'],
  ['RETRY_MAX_AGE_HOURS', '1h'],
  ['OUTBOX_MAX_MB', '0'],
  ['MAX_BODY_BYTES', '16M'],
  ['REQUEST_TIMEOUT_MS', '0x10'],
  ['DRAIN_MS', ' 5'],
  ['LOG_LEVEL', 'verbose', /debug, info, warn, error/],
  ['LOG_FORMAT', 'xml', /text, json/],
  ['ROUTES', '/nonexistent/routes.json', /No such file/],
  ['ROUTES', '/nonexistent\nconvex-relay: all is well', /nonexistent\?convex-relay/],
  ['CONVEX_CA_FILE', '/nonexistent/\r\u202ecod\u2066.mep', /nonexistent\/\?\?cod\?/],
  ['OUTBOX', 'OFF', /off, in small letters, keeps nothing/],
  ['OUTBOX', 'none', /off, in small letters, keeps nothing/],
  ['OUTBOX', 'false', /off, in small letters, keeps nothing/],
  ['OUTBOX', 'mysql://relay:PLANTED-1@db/relay', /is a URI of another kind/],
  ['OUTBOX', '"postgresql://relay:PLANTED-1@db/relay"', /wanted as a URI without quotes/],
  ['OUTBOX', 'host=db password=PLANTED-1', /wanted as a URI without quotes/],
  ['OUTBOX', 'postgresql://relay:PLANTED-1@PLANTED-2@db/relay', /%40 for @/],
  ['OUTBOX', 'postgresql://relay:PLANTED-1%ZZ@db/relay', /invalid percent-encoded token/],
  ['OUTBOX_SCHEMA', 'Relay', /small letters/],
  ['RELAY_NAME', 'relay one', /without blanks/],
  ['LEASE_MS', '1000', /2000 to 60000/],
];
for (const [name, value, says = /./] of WRONG) {
  test(`${name}=${value === undefined ? '(unset)' : JSON.stringify(value).slice(0, 50)}`, async (t) => {
    const { code, out, err } = await runRelay(t, { env: { ...FINE, [name]: value } });
    assert.deepEqual([code, out], [2, ''], err);
    assert.match(err, new RegExp(`^convex-relay: ${name}\\b[^\\n]*\\n$`));
    assert.match(err, says);
    const check = await runRelay(t, { args: ['check'], env: { ...FINE, [name]: value } });
    assert.deepEqual([check.code, check.out, check.err], [1, '', err], '`check` says the same');
  });
}

const WRONG_ROUTES = [
  ['not JSON', '{'],
  ['no object', '[]'],
  ['no mutation', { users: {} }, /users/],
  ['an unknown key', { users: { mutation: 'users:sync', retries: 3 } }, /users.*retries/],
  ['a mutation without a name', { users: { mutation: '' } }, /users/],
  [
    'another value of nulls',
    { users: { mutation: 'users:sync', nulls: 'remove' } },
    /users.*nulls/,
  ],
  [
    'a concurrency of 0',
    { users: { mutation: 'users:sync', concurrency: 0 } },
    /users.*concurrency/,
  ],
  [
    'a remove that is no string',
    { users: { mutation: 'users:sync', remove: true } },
    /users.*remove/,
  ],
];
for (const [what, content, says = /./] of WRONG_ROUTES) {
  test(`a routes file with ${what}`, async (t) => {
    const files = makeFolder(t, { 'routes.json': content });
    const { code, err } = await runRelay(t, {
      env: { ...FINE, ROUTES: files.path('routes.json') },
    });
    assert.equal(code, 2);
    assert.match(err, /^convex-relay: ROUTES\b[^\n]*\n$/);
    assert.match(err, says);
  });
}

// ---- secrets with more about them than is meant ----

const PLAIN = 'k3y-of-somebody';
const QUOTED = 'it stands in quotes, which count as part of it';
const UNSEEN =
  'a character that is not seen stands at its beginning or end, and counts as part of it';
const DOUBTS = [
  ['in double quotes', `"${PLAIN}"`, QUOTED],
  ['in single quotes', `'${PLAIN}'`, QUOTED],
  ['in backticks', `\`${PLAIN}\``, QUOTED],
  ['with a no-break space behind it', `${PLAIN}\u00a0`, UNSEEN],
  ['with a no-break space before it', `\u00a0${PLAIN}`, UNSEEN],
  ['with a soft hyphen behind it', `${PLAIN}\u00ad`, UNSEEN],
  ['plain', PLAIN, null],
  ['with a quote at one end', `"${PLAIN}`, null],
  ['with a no-break space in it', `a\u00a0${PLAIN}`, null],
  ['that is a quote', '"', null],
];
const doubted = (log) =>
  [
    ...log.matchAll(
      / warn a secret may hold more than is meant: check how it was set setting=(\S+) reason="([^"]*)"\n/g,
    ),
  ].map(([, ...found]) => found);

for (const [what, secret, reason] of DOUBTS) {
  test(`a secret ${what}: ${reason ? 'warned of by its name, and it counts as it is' : 'nothing is said'}`, async (t) => {
    const upstream = await startUpstream(t);
    const files = makeFolder(t, { secret });
    const isAscii = /^[ -~]*$/.test(secret);
    const env = {
      CONVEX_URL: upstream.url,
      SYNC_SECRET: secret,
      SYNC_SECRET_PREVIOUS_FILE: files.path('secret'),
      ...(isAscii ? { CONVEX_DEPLOY_KEY: secret } : {}),
    };
    const expected = reason
      ? ['SYNC_SECRET', 'SYNC_SECRET_PREVIOUS_FILE', ...(isAscii ? ['CONVEX_DEPLOY_KEY'] : [])].map(
          (name) => [name, reason],
        )
      : [];
    const relay = await startRelay(t, { env });
    assert.deepEqual(doubted(relay.stderr()), expected);
    assert.equal((await sync(relay, userEvent('acc_1'), { secret })).status, 200);
    await relay.reload();
    assert.deepEqual(doubted(relay.stderr()), [...expected, ...expected]);
    const check = await runRelay(t, { args: ['check'], env });
    assert.deepEqual(doubted(check.err), expected);
  });
}

// What no header can carry could never be shown by a sender.
for (const [what, secret] of [
  ['a carriage return', `${PLAIN}\r`],
  ['a byte order mark', `\ufeff${PLAIN}`],
  ['a zero-width space', `${PLAIN}\u200b`],
  ['curly quotes', `\u201c${PLAIN}\u201d`],
]) {
  test(`a secret with ${what}: refused by its name`, async (t) => {
    for (const name of ['SYNC_SECRET', 'SYNC_SECRET_PREVIOUS', 'CONVEX_DEPLOY_KEY']) {
      const { code, err } = await runRelay(t, { env: { ...FINE, [name]: secret } });
      assert.equal(code, 2);
      assert.match(
        err,
        new RegExp(`^convex-relay: ${name}: holds a [^\\n]*no header can carry\\n$`),
      );
    }
  });
}

// ---- check ----

const failing = (text) => ({
  json: { status: 'error', errorMessage: `[Request ID: 0123456789abcdef] Server Error\n${text}\n` },
});
const MISSING = failing(
  "Could not find public function for 'a:b'. Did you forget to run `npx convex dev` or `npx convex deploy`?",
);
const PAUSED = failing(
  'Cannot run functions while this deployment is paused. Resume the deployment in the dashboard settings to allow functions to run.',
);
const refuse = (status, code) => ({ status, json: { code, message: code } });
const CHECKS = [
  ['Convex', MISSING, 0, /Convex answers at http.* and takes the deploy key$/m],
  ['a deployment that is paused', PAUSED, 1, /runs no functions \(deployment not running\)/],
  ['a key that is refused', refuse(401, 'InvalidAdminKey'), 1, /CONVEX_DEPLOY_KEY is refused/],
  ["another deployment's key", refuse(403, 'BadDeployKey'), 1, /CONVEX_DEPLOY_KEY is refused/],
  [
    'something that is not Convex',
    { body: '<html>', headers: { 'Content-Type': 'text/html' } },
    1,
    /does not answer as Convex/,
  ],
  ['nothing at that path', { status: 404, body: '' }, 1, /does not answer as Convex.*404/],
  ['a redirect', { status: 302, body: '', headers: { Location: 'http://127.0.0.1:9/' } }, 1, /302/],
  ['trouble', { status: 503, body: '' }, 1, /in trouble.*503/],
  [
    'a proxy that compresses',
    { body: 'abcd', headers: { 'Content-Encoding': 'br' } },
    1,
    /does not answer as Convex does: the answer is compressed \(br\), [^:]*: see to what stands before Convex$/m,
  ],
  [
    'what never ends',
    { body: ' '.repeat(2 ** 20 + 1) },
    1,
    /does not answer as Convex does: the answer is longer than 1 MiB/,
  ],
  ['no answer in time', { hang: true }, 1, /cannot be reached.*time/i],
  ['a reset', { then: 'reset' }, 1, /cannot be reached/],
];
for (const [what, answer, expected, says] of CHECKS) {
  test(`check meets ${what}`, async (t) => {
    const upstream = await startUpstream(t, answer);
    const env = {
      CONVEX_URL: upstream.url,
      CONVEX_DEPLOY_KEY: 'planted-key',
      CONVEX_TIMEOUT_MS: answer.hang ? '1000' : '100000',
    };
    const { code, out, err } = await runRelay(t, { args: ['check'], env });
    assert.equal(code, expected, err);
    const [line, nothing] = expected === 0 ? [out, err] : [err, out];
    assert.match(line, /^[^\n]+\n$/);
    assert.match(line, says);
    assert.equal(nothing, '');
    assert.doesNotMatch(out + err, /planted-key/);
    assert.equal(upstream.requests[0].target, '/api/query');
  });
}

test('check meets nobody, and a name that does not exist', async (t) => {
  const upstream = await startUpstream(t);
  await upstream.close();
  for (const url of [upstream.url, 'http://no-such-host.invalid']) {
    const { code, err } = await runRelay(t, { args: ['check'], env: { CONVEX_URL: url } });
    assert.equal(code, 1);
    assert.match(err, /^convex-relay: CONVEX_URL [^\n]* cannot be reached [^\n]*\n$/);
  }
});

test('check that cannot write what it found', async (t) => {
  const standin = await startStandin(t);
  const under = ['sh', '-c', 'exec "$0" "$@" >/dev/full'];
  const { code, err } = await runRelay(t, {
    args: ['check'],
    env: { CONVEX_URL: standin.url },
    under,
  });
  assert.deepEqual([code, err], [1, 'convex-relay: cannot write: No space left on device\n']);
});

test('check meets the stand-in, with its key, with another and without: nothing runs', async (t) => {
  const standin = await startStandin(t, { args: ['--deploy-key', 'the-key'] });
  for (const [key, expected] of [
    ['the-key', 0],
    ['another-key', 1],
    [undefined, 0],
  ]) {
    const env = { CONVEX_URL: standin.url, CONVEX_DEPLOY_KEY: key };
    const { code, out, err } = await runRelay(t, { args: ['check'], env });
    assert.equal(code, expected, err);
    assert.equal(/takes the deploy key/.test(out), key === 'the-key');
  }
  assert.deepEqual(
    (await standin.log()).requests.map(({ path }) => path),
    ['/api/query', '/api/query', '/api/query'],
  );
});

// ---- what no output may hold ----

for (const format of ['text', 'json']) {
  test(`the log (${format}) holds no secret and nothing of a record`, async (t) => {
    const planted = ['secret', 'previous', 'key', 'presented', 'email', 'echoed', 'broken'].map(
      (what) => `planted-${what}`,
    );
    const [secret, previous, key, presented, email, echoed, broken] = planted;
    const upstream = await startUpstream(t);
    const relay = await startRelay(t, {
      env: {
        CONVEX_URL: upstream.url,
        LOG_LEVEL: 'debug',
        LOG_FORMAT: format,
        SYNC_SECRET: secret,
        SYNC_SECRET_PREVIOUS: previous,
        CONVEX_DEPLOY_KEY: key,
      },
    });
    const event = { ...userEvent('acc_1'), data: { bladeId: 'acc_1', email } };
    upstream.answer = [
      { json: { status: 'success', value: echoed } },
      {
        json: {
          status: 'error',
          errorMessage: `[Request ID: 1] Server Error\nArgumentValidationError\nObject: {email: "${echoed}"}`,
        },
      },
      { status: 400, json: { code: 'BadJsonBody', message: echoed } },
      { status: 502, body: `<html>${echoed}` },
      { body: echoed },
      { then: 'reset' },
    ];
    for (const _ of upstream.answer) await sync(relay, event, { secret });
    await sync(relay, event, { secret: previous });
    await sync(relay, event, { secret: presented });
    await sync(relay, `{"model": "users", "data": {"email": "${broken}`, { secret });
    await sync(relay, { ...event, data: [email] }, { secret });
    await sync(relay, { ...event, data: { [`$${broken}`]: 1 } }, { secret });
    await sync(relay, { ...event, model: 'comments' }, { secret });
    await relay.reload();
    await relay.stop();
    const lines = relay.stderr().trimEnd().split('\n');
    assert.ok(lines.length > 8, 'it does log');
    if (format === 'json') lines.forEach((line) => JSON.parse(line));
    for (const word of planted)
      assert.ok(!(relay.stderr() + relay.stdout()).includes(word), `${word}:\n${relay.stderr()}`);
  });
}
