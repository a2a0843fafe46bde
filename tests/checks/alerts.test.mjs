// SPDX-License-Identifier: MIT
// docker/alerts.yml: valid, with metrics that the relay has, and each alert fires when it should.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const file = (path) => new URL(`../../${path}`, import.meta.url).pathname;
const alerts = readFileSync(file('docker/alerts.yml'), 'utf8');
const rows = readFileSync(file('tests/checks/alerts.yml'), 'utf8');
const names = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);

function promtool(...args) {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
}

test('the alerts are valid', () => promtool('check', 'rules', file('docker/alerts.yml')));

test('each fires when it should, and not before', () =>
  promtool('test', 'rules', file('tests/checks/alerts.yml')));

test('each is tested, silent and firing', () => {
  assert.ok(names.length > 5);
  for (const name of names) {
    const fires = [
      ...rows.matchAll(new RegExp(`alertname: ${name}\\s+exp_alerts:\\s+- exp_labels`, 'g')),
    ].length;
    assert.ok(fires > 0, `${name} fires in no test`);
    assert.match(
      rows,
      new RegExp(`alertname: ${name}, exp_alerts: \\[\\]`),
      `${name} is silent in no test`,
    );
  }
});

test('they use metrics that the relay has', () => {
  const promised = readFileSync(file('tests/e2e/admin.test.mjs'), 'utf8');
  const used = new Set(
    [...alerts.matchAll(/convex_relay_\w+/g)].map(([name]) => name.replace(/_bucket$/, '')),
  );
  assert.deepEqual(
    [...used].filter((name) => !promised.includes(`  ${name}: '`)),
    [],
  );
});
