// SPDX-License-Identifier: MIT
// Senders that never rest, a relay whose outbox is in PostgreSQL, and a Convex that writes down
// what it ran: whatever befalls the database meanwhile, the relay is never restarted, and judge()
// says whether each promise was kept.

import assert from 'node:assert/strict';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { callOf, userEvent } from './events.mjs';
import { scrape, statusOf, termsOf } from './metrics.mjs';
import { startRelay, SECRET } from './relay.mjs';
import { startUpstream, SUCCESS } from './upstream.mjs';
import { waitFor } from './wait.mjs';

const RECORDS = 8;
const PAUSE_MS = 10; // between two events of a record

// Starts all of that. env: has OUTBOX at least. The relay ends with the test.
export async function startLoad(t, { env }) {
  const ran = new Set(); // "record/number" of each event that Convex has run
  const upstream = await startUpstream(t, (request) => {
    const { id, n } = callOf(request);
    ran.add(`${id}/${n}`);
    return SUCCESS;
  });
  const all = { CONVEX_URL: upstream.url, ADMIN_PORT: '0', ...env };
  const relay = await startRelay(t, { env: all });
  const answers = []; // {id, n, status, retryAfter, waitedMs}
  const agent = new http.Agent({ keepAlive: true });
  let isOver = false;
  t.after(() => agent.destroy());

  async function send(id, n) {
    const sentMs = performance.now();
    const { status, headers } = await post(agent, relay, userEvent(id, n));
    const waitedMs = performance.now() - sentMs;
    answers.push({ id, n, status, retryAfter: headers['retry-after'], waitedMs });
    if (status === 200) assert.ok(ran.has(`${id}/${n}`), `${id}/${n}: 200 before Convex has it`);
  }
  async function work(id) {
    for (let n = 1; !isOver && relay.isRunning(); n++) {
      await send(id, n).catch((error) => {
        if (relay.isRunning() && error.code !== 'ECONNREFUSED') throw error;
      });
      await sleep(PAUSE_MS);
    }
  }
  const workers = Promise.all(Array.from({ length: RECORDS }, (_, i) => work(`acc_${i}`)));
  workers.catch(() => {}); // stop() tells

  const accepted = () => answers.filter(({ status }) => status === 200 || status === 202);
  const self = {
    env: all,
    relay,
    upstream,
    answers,
    accepted,
    refused: () => answers.filter(({ status }) => status === 503),
    // Waits until each record has so many more events accepted.
    progress: async (more = 3) => {
      const countOf = (id) => accepted().filter((answer) => answer.id === id).length;
      const ids = Array.from({ length: RECORDS }, (_, i) => `acc_${i}`);
      const before = new Map(ids.map((id) => [id, countOf(id)]));
      await waitFor('events to be accepted', () =>
        ids.every((id) => countOf(id) >= before.get(id) + more),
      );
    },
    awayLines: () =>
      relay.stderr().match(/ warn the outbox is away: events wait error=.*$/gm) ?? [],
    backLines: () =>
      relay.stderr().match(/ info the outbox is back: events are stored after_s=\d+/g) ?? [],
    isAway: (times = 1) =>
      waitFor('the line that it is away', () => self.awayLines().length >= times),
    isBack: (times = 1) =>
      waitFor('the line that it is back', () => self.backLines().length >= times),
    // Each time that it went, it is said to be back; what is said comes by a pipe.
    isBackEachTime: () =>
      waitFor(
        'as many lines that it is back as that it is away',
        () => self.backLines().length === self.awayLines().length,
      ),
    stop: async () => {
      isOver = true;
      await workers;
      await waitFor(
        'everything to be settled',
        async () => (await stateOf(relay)) === 'ok' && (await termsNow(relay)).pending === 0,
      );
    },
    // Ends the senders, and holds all against all: nothing lost, nothing twice, in order, counted.
    // may503: some may have waited in vain; of these the commit may turn out to be made.
    judge: async ({ may503 = false } = {}) => {
      await self.stop();
      const calls = upstream.requests.map(callOf);
      for (let i = 0; i < RECORDS; i++) judgeRecord(`acc_${i}`, calls, answers, { may503 });
      const { accepted: counted, delivered, pending, dead } = await termsNow(relay);
      assert.deepEqual([counted, delivered, pending, dead], [calls.length, calls.length, 0, 0]);
    },
  };
  return self;
}

export const stateOf = async (relay) => (await statusOf(relay)).outbox.state;
const termsNow = async (relay) => termsOf(await scrape(relay));

function judgeRecord(id, calls, answers, { may503 }) {
  const ran = calls.filter((call) => call.id === id).map(({ n }) => n);
  const rising = [...new Set(ran)].sort((a, b) => a - b);
  assert.deepEqual(ran, rising, `${id}: each event once, in order`);
  for (const { n, status } of answers.filter((answer) => answer.id === id)) {
    if (status === 503 && may503) continue;
    assert.ok(status === 200 || status === 202, `${id}/${n} was answered ${status}`);
    assert.ok(rising.includes(n), `${id}/${n} was answered ${status}, and is lost`);
  }
}

// One event on a connection that may be used again.
function post(agent, { host, port }, event) {
  return new Promise((resolve, reject) => {
    const headers = { 'X-Sync-Secret': SECRET };
    const options = { host, port, method: 'POST', path: '/convex/sync', headers, agent };
    const request = http.request(options, (response) => {
      response
        .resume()
        .on('end', () => resolve({ status: response.statusCode, headers: response.headers }));
    });
    request.on('error', reject).end(JSON.stringify(event));
  });
}
