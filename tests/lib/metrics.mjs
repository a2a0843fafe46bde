// SPDX-License-Identifier: MIT
// The metrics of the admin port, parsed.

import assert from 'node:assert/strict';

export async function scrape(relay) {
  const response = await fetch(`${relay.admin}/metrics`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  return parseMetrics(await response.text());
}

export async function statusOf(relay) {
  const response = await fetch(`${relay.admin}/status`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/json');
  return response.json();
}

// Returns {text, families: Map of name to type, samples: [{name, labels, value}], value(name,
// labels), sum(name, labels)}.
export function parseMetrics(text) {
  const families = new Map();
  const samples = [];
  for (const line of text.trimEnd().split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type) families.set(type[1], type[2]);
    if (line.startsWith('#')) continue;
    const [, name, inner, value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(line);
    const labels = Object.fromEntries(
      [...(inner ?? '').matchAll(/([a-z]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text_]) => [
        key,
        unescaped(text_),
      ]),
    );
    samples.push({ name, labels, value: Number(value) });
  }
  const find = (name, wanted = {}) =>
    samples.filter(
      (sample) =>
        sample.name === `convex_relay_${name}` &&
        Object.entries(wanted).every(([key, label]) => sample.labels[key] === label),
    );
  return {
    text,
    families,
    samples,
    sum: (name, labels) => find(name, labels).reduce((total, { value }) => total + value, 0),
    value(name, labels) {
      const found = find(name, labels);
      assert.equal(
        found.length,
        1,
        `${name} ${JSON.stringify(labels)} is there ${found.length} times`,
      );
      return found[0].value;
    },
  };
}

const unescaped = (text) => text.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));

// The terms of accepted = delivered + discarded + dead + pending: {accepted, delivered, discarded,
// pending, dead}.
export const termsOf = (metrics) => ({
  accepted: metrics.sum('events_accepted_total'),
  delivered: metrics.sum('events_delivered_total'),
  discarded: metrics.sum('events_discarded_total'),
  pending: metrics.value('outbox_events', { state: 'pending' }),
  dead: metrics.value('outbox_events', { state: 'dead' }),
});

export function assertBalanced(metrics) {
  const { accepted, delivered, discarded, pending, dead } = termsOf(metrics);
  assert.equal(accepted, delivered + discarded + pending + dead, JSON.stringify(termsOf(metrics)));
}
