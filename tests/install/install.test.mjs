// SPDX-License-Identifier: MIT
// What `meson install` puts where, and that it is fit for use: the units by systemd's own
// judgement, the manual by mandoc's, the completions by bash.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeFolder } from '../lib/files.mjs';
import { installInto } from '../lib/install.mjs';
import { RELAY_BIN } from '../lib/relay.mjs';

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    ...options,
  });
  assert.equal(error, undefined, `${command}: ${error?.message}`);
  return { status, out: stdout, err: stderr };
}

// Installs into a folder of the test. Gives path(name), and read(name).
function install(t) {
  const { folder } = makeFolder(t);
  execFileSync('meson', installInto(folder));
  const inside = (name) => path.join(folder, name);
  return { folder, path: inside, read: (name) => readFileSync(inside(name), 'utf8') };
}

// The units with the binary where it was installed for the test.
function unitsOf(t, installed) {
  const files = makeFolder(t);
  const unit = installed.read('usr/local/lib/systemd/system/convex-relay.service');
  const real = installed.path('usr/local/bin/convex-relay');
  const mended = unit.replace('ExecStart=/usr/local/bin/convex-relay\n', `ExecStart=${real}\n`);
  assert.notEqual(mended, unit, 'the unit starts what was installed');
  return [
    files.write('convex-relay.service', mended),
    files.write(
      'convex-relay.socket',
      installed.read('usr/local/lib/systemd/system/convex-relay.socket'),
    ),
  ];
}

test('everything is in its place', (t) => {
  const installed = install(t);
  const expected = [
    'bin/convex-relay',
    'lib/systemd/system/convex-relay.service',
    'lib/systemd/system/convex-relay.socket',
    'lib/sysusers.d/convex-relay.conf',
    'share/bash-completion/completions/convex-relay',
    'share/doc/convex-relay/README.md',
    'share/doc/convex-relay/SECURITY.md',
    'share/doc/convex-relay/docs/README.md',
    'share/doc/convex-relay/convex-relay.env.sample',
    'share/doc/convex-relay/nginx.conf',
    'share/doc/convex-relay/alerts.yml',
    'share/man/man8/convex-relay.8',
    'share/zsh/site-functions/_convex-relay',
  ];
  const missing = expected.filter((name) => !existsSync(installed.path(`usr/local/${name}`)));
  assert.deepEqual(missing, []);
  assert.match(
    run(installed.path('usr/local/bin/convex-relay'), ['--version']).out,
    /^convex-relay \d/,
  );
});

// ---- systemd ----

test('systemd-analyze verify finds nothing wrong with the units', (t) => {
  const units = unitsOf(t, install(t));
  const found = run('systemd-analyze', ['verify', '--man=no', ...units]);
  assert.deepEqual([found.status, found.out, found.err], [0, '', '']);
});

test('systemd-analyze verify would find something', (t) => {
  const [service, socket] = unitsOf(t, install(t));
  writeFileSync(
    service,
    readFileSync(service, 'utf8').replace('ProtectHome=yes', 'ProtectHouse=yes'),
  );
  assert.match(run('systemd-analyze', ['verify', '--man=no', service, socket]).err, /ProtectHouse/);
});

test('systemd-analyze security gives the score that the page has, or a better one', (t) => {
  const page = readFileSync(new URL('../../docs/production.md', import.meta.url), 'utf8');
  const [, claimed] =
    /`systemd-analyze security` gives it ([\d.]+)/.exec(page) ??
    assert.fail('no score in docs/production.md');
  const [service] = unitsOf(t, install(t));
  const { out, err } = run('systemd-analyze', [
    'security',
    '--offline=true',
    '--no-pager',
    service,
  ]);
  const [, score] =
    /exposure level for convex-relay\.service: ([\d.]+) OK/.exec(out) ?? assert.fail(out + err);
  t.diagnostic(`exposure ${score}`);
  assert.ok(Number(score) <= Number(claimed), `${score}, and docs/production.md says ${claimed}`);
});

test('the user that the unit runs as is made', (t) => {
  const installed = install(t);
  const { folder, path: inside } = makeFolder(t);
  mkdirSync(inside('etc'));
  const conf = installed.path('usr/local/lib/sysusers.d/convex-relay.conf');
  const { status, err } = run('systemd-sysusers', [`--root=${folder}`, conf]);
  assert.equal(status, 0, err);
  assert.match(readFileSync(inside('etc/passwd'), 'utf8'), /^convex-relay:/m);
  assert.match(readFileSync(inside('etc/group'), 'utf8'), /^convex-relay:/m);
  const unit = installed.read('usr/local/lib/systemd/system/convex-relay.service');
  assert.match(unit, /^User=convex-relay\nGroup=convex-relay$/m);
});

// ---- the manual and the completions know what the program knows ----

const help = run(RELAY_BIN, ['--help']).out;
const outboxHelp = run(RELAY_BIN, ['outbox', '--help']).out.replace(
  /\n +\[/g, // a usage that goes on in the next line
  ' [',
);
const commands = [...help.matchAll(/^ {2}convex-relay ([a-z]+) {2,}/gm)].map(([, name]) => name);
const outboxCommands = [...outboxHelp.matchAll(/^ {2}convex-relay outbox ([a-z]+)/gm)].map(
  ([, name]) => name,
);
const outboxOptions = [...new Set(outboxHelp.match(/--[a-z-]+/g))];
const settings = [...help.matchAll(/^ {2}([A-Z_]+) {2,}(\S+) {2,}.*?( \(_FILE\))?$/gm)].map(
  ([, name, fallback, secret]) => ({ name, fallback, secret: Boolean(secret) }),
);

test('the help is understood', () => {
  assert.ok(commands.includes('check') && commands.includes('health'), commands.join());
  assert.ok(outboxCommands.includes('list') && outboxCommands.length >= 6, outboxCommands.join());
  assert.ok(outboxOptions.includes('--dry-run'));
  assert.ok(settings.length >= 20);
});

test('mandoc finds nothing wrong with the manual', (t) => {
  const page = install(t).path('usr/local/share/man/man8/convex-relay.8');
  // Style would want pages that it refers to, such as nginx(8), to be installed.
  const { status, out, err } = run('mandoc', ['-T', 'lint', '-W', 'warning', page]);
  assert.deepEqual([status, out, err], [0, '', '']);
});

test('the manual has every command, option and setting', (t) => {
  const page = install(t).path('usr/local/share/man/man8/convex-relay.8');
  const text = run('mandoc', ['-T', 'utf8', '-O', 'width=200', page]).out.replace(/.\x08/g, '');
  for (const name of commands) assert.match(text, new RegExp(`\\b${name}\\b`), name);
  for (const name of outboxCommands)
    assert.match(text, new RegExp(`^ +outbox ${name}\\b`, 'm'), name);
  for (const name of outboxOptions) assert.ok(text.includes(name), name);
  const source = readFileSync(page, 'utf8');
  const listed = [...source.matchAll(/^\.It Ev ([A-Z_]+)(?: Pq (.*))?$/gm)].map(
    ([, name, notes = '']) => ({ name, notes: notes.split(', ').filter(Boolean) }),
  );
  assert.deepEqual(
    listed,
    settings.map(({ name, fallback, secret }) => ({
      name,
      notes: [...(fallback === '-' ? [] : [fallback]), ...(secret ? ['secret'] : [])],
    })),
  );
});

// What bash would offer behind these words, the last one being unfinished.
function completed(script, words) {
  const line = words.map((word) => `'${word}'`).join(' ');
  const { out, err } = run('bash', [
    '-c',
    `
    . '${script}'
    COMP_WORDS=(convex-relay ${line}); COMP_CWORD=${words.length}
    _convex_relay && printf '%s\\n' "\${COMPREPLY[@]}"`,
  ]);
  assert.equal(err, '');
  return out.split('\n').filter(Boolean);
}

test('bash completes every command and option', (t) => {
  const script = install(t).path('usr/local/share/bash-completion/completions/convex-relay');
  const complete = (...words) => completed(script, words);
  assert.deepEqual(
    complete('')
      .filter((word) => !word.startsWith('-'))
      .sort(),
    [...commands, 'outbox'].sort(),
  );
  assert.deepEqual(
    complete('outbox', '').filter((word) => !word.startsWith('-')),
    outboxCommands,
  );
  assert.deepEqual(complete('outbox', 're'), ['replay']);
  assert.deepEqual(complete('outbox', 'list', '--state', ''), ['pending', 'dead']);
  for (const name of ['--model', '--reason', '--before'])
    assert.deepEqual(complete('outbox', 'replay', name, ''), []);
  for (const name of outboxCommands) {
    const usage = new RegExp(`^ {2}convex-relay outbox ${name}\\b(.*)$`, 'm').exec(outboxHelp)[1];
    assert.deepEqual(
      complete('outbox', name, '-').sort(),
      (usage.match(/--[a-z-]+/g) ?? []).sort(),
      name,
    );
  }
});

test('zsh is told of every command and option', (t) => {
  const script = install(t).read('usr/local/share/zsh/site-functions/_convex-relay');
  for (const word of [...commands, ...outboxCommands, ...outboxOptions])
    assert.ok(script.includes(word), word);
});
