// SPDX-License-Identifier: MIT
// What is refused for one event's sake holds that event alone; what a person has to mend holds, and
// kills nobody.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { callOf, DELIVERED, userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';
import { assertAnswer, makeWorld } from '../lib/outbox-world.mjs';
import { startStandin } from '../lib/standin.mjs';
import { SUCCESS } from '../lib/upstream.mjs';
import { waitFor } from '../lib/wait.mjs';

const count = (text, pattern) => text.split('\n').filter((line) => line.includes(pattern)).length;
const isWarning = / (warn|error) /;

// ---- one event's fault ----

const DISLIKED = 'having met.'; // "having" makes more than one firewall think of SQL
const FIREWALL = { status: 403, body: '<html><h1>403 Forbidden</h1></html>' };

for (const [name, withoutRecord] of [
  ['of records', false],
  ['without a record', true],
]) {
  test(`ten texts ${name} that a firewall dislikes hold nobody else`, async (t) => {
    const answer = ({ text }) => (text.includes(DISLIKED) ? FIREWALL : SUCCESS);
    const world = await makeWorld(t, { answer, env: { LOG_LEVEL: 'info' } });
    const disliked = [];
    for (let n = 0; n < 10; n++) {
      const data = withoutRecord ? { text: DISLIKED } : { bladeId: `pos_${n}`, text: DISLIKED };
      disliked.push(world.send({ model: 'posts', operation: 'set', data }));
    }
    await waitFor('all of them to be refused', () => world.upstream.requests.length >= 10);
    for (let n = 0; n < 40; n++)
      assertAnswer(await world.send(userEvent(`acc_${n}`)), 200, DELIVERED);
    await waitFor('the blame', () => world.log().includes('it waits by itself'));
    for (let n = 0; n < 40; n++)
      assertAnswer(await world.send(userEvent(`acc_${n}`, 1)), 200, DELIVERED);

    assert.ok(count(world.log(), 'events are held') <= 1, world.log());
    assert.ok(
      world
        .log()
        .split('\n')
        .filter((line) => isWarning.test(line)).length <= 3,
      world.log(),
    );
    await waitFor('the others to be settled', async () => (await world.stats()).pending === 10);
    assert.deepEqual(await world.dead(), []);

    world.upstream.answer = SUCCESS; // the firewall has learned
    for (const answer of disliked) assert.ok([200, 202].includes((await answer).status));
  });
}

test('a removal whose function is missing holds no other event of its route', async (t) => {
  const { folder } = makeFolder(t);
  const ROUTES = path.join(folder, 'routes.json');
  writeFileSync(
    ROUTES,
    JSON.stringify({ users: { mutation: 'users:sync', remove: 'users:remove' } }),
  );
  const missing = {
    json: { status: 'error', errorMessage: "Could not find public function for 'users:remove'." },
  };
  const answer = (request) => (callOf(request).path === 'users:remove' ? missing : SUCCESS);
  const world = await makeWorld(t, { answer, folder, env: { ROUTES, LOG_LEVEL: 'info' } });
  const removal = world.send({ ...userEvent('acc_gone'), operation: 'remove' });
  await world.upstream.arrived(1);
  for (let n = 0; n < 40; n++)
    assertAnswer(await world.send(userEvent(`acc_${n}`)), 200, DELIVERED);
  await waitFor('the blame', () => world.log().includes('it waits by itself'));
  for (let n = 0; n < 40; n++)
    assertAnswer(await world.send(userEvent(`acc_${n}`, 1)), 200, DELIVERED);
  assert.equal(count(world.log(), 'route is held'), 1);
  assert.deepEqual(await world.dead(), []);
  world.upstream.answer = SUCCESS;
  assert.ok([200, 202].includes((await removal).status));
});

// ---- what a person mends ----

const PROXY = [
  300, 302, 308, 401, 402, 403, 404, 405, 407, 409, 410, 411, 413, 414, 418, 422, 426, 428, 431,
  451, 499,
];

test('a status of a proxy that Convex has no code for kills no event', async (t) => {
  const world = await makeWorld(t, { env: { SYNC_WAIT_MS: '20' } });
  for (const status of PROXY) {
    const seen = world.upstream.requests.length;
    world.upstream.answer = { status, body: '<html>' };
    const held = await world.send(userEvent(`acc_${status}`));
    await world.upstream.arrived(seen + 1);
    assert.ok([200, 202].includes(held.status), `${status}: ${held.body}`);
    world.upstream.answer = SUCCESS;
    world.relay.signal('SIGHUP'); // whoever was held may be tried now
    await world.settled();
  }
  assert.deepEqual(await world.dead(), []);
});

for (const refuse of ['permission', 'kind', 'version', 'paused']) {
  test(`held until it is mended: ${refuse}`, async (t) => {
    const standin = await startStandin(t);
    await standin.setFaults({ next: [{ refuse, times: 0 }] });
    const world = await makeWorld(t, {
      env: { CONVEX_URL: standin.url, SYNC_WAIT_MS: '20', LOG_LEVEL: 'info' },
    });
    for (let n = 0; n < 3; n++) assert.equal((await world.send(userEvent(`acc_${n}`))).status, 202);
    await waitFor('the hold', () => world.log().includes('route is held'));
    assert.equal(count(world.log(), 'route is held'), 1);
    assert.deepEqual(await world.dead(), []);
    await standin.clearFaults();
    world.relay.signal('SIGHUP');
    await world.settled();
    assert.deepEqual(await world.dead(), []);
    assert.equal(count(world.log(), 'the route works again'), 1);
  });
}

test('a function that runs out of time is tried again before it is a dead letter', async (t) => {
  const standin = await startStandin(t);
  const world = await makeWorld(t, { env: { CONVEX_URL: standin.url, SYNC_WAIT_MS: '60000' } });
  await standin.setFaults({ next: [{ refuse: 'timeout', times: 2 }] });
  assertAnswer(await world.send(userEvent('acc_1')), 200, DELIVERED);
  await standin.setFaults({ next: [{ refuse: 'timeout', times: 0 }] });
  const { status, body } = await world.send(userEvent('acc_2'));
  assert.equal(status, 500);
  assert.match(body, /Function execution timed out/);
  assert.deepEqual(
    (await world.dead()).map(({ record }) => record),
    ['acc_2'],
  );
});
