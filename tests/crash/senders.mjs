// SPDX-License-Identifier: MIT
// Senders like Blade: many connections, each of which sends one event or parcel after the other,
// and waits for each answer.

import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECRET } from '../lib/relay.mjs';
import { PATIENCE_MS } from '../lib/wait.mjs';

// target: {port, life, isEnding} of the process that listens now, or null. Before each request a
// sender waits for mayGo(). onAnswer(event) is called at once for each answer. secret(): the secret
// to send now.
export function startSenders(
  count,
  { plan, dice, target, mayGo, onAnswer, secret = () => SECRET, patienceMs = PATIENCE_MS },
) {
  let isOver = false;

  async function send(agent, leaves) {
    const to = target();
    const { path, body, events } = plan.next();
    plan.begin(events);
    const options = { path, body, secret: secret(), leaves, patienceMs };
    const answer = await post(agent, to.port, options);
    // The process was being ended, or another one serves by now.
    const excused = to.isEnding || target() !== to;
    plan.end(events, { left: false, status: null, body: null, ...answer, excused });
    events.forEach(onAnswer);
    if (answer === null && !excused) await sleep(5); // the process has ended
  }

  async function work(seed) {
    const own = dice.fork(`sender ${seed}`);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!isOver) {
      if (target() && mayGo()) await send(agent, own.chance(0.005) ? own.int(0, 20) : null);
      else await sleep(2);
    }
    agent.destroy();
  }

  // One event on a connection of its own.
  async function sendOne() {
    const agent = new http.Agent({ maxSockets: 1 });
    if (target()) await send(agent, null);
    agent.destroy();
  }

  const workers = Array.from({ length: count }, (_, seed) => work(seed));
  return {
    // That many events at the same moment.
    burst: (size) => Promise.all(Array.from({ length: size }, sendOne)),
    async stop() {
      isOver = true;
      await Promise.all(workers);
    },
  };
}

// Resolves to {status, body}, {left: true}, or null if there is no answer. leaves: after how many
// ms the sender closes the connection without waiting further; null: never.
function post(agent, port, { path, body, secret, leaves, patienceMs }) {
  return new Promise((resolve) => {
    const headers = {
      'Content-Type': 'application/json',
      'X-Sync-Secret': secret,
      'Content-Length': Buffer.byteLength(body),
    };
    const options = {
      host: '127.0.0.1',
      port,
      agent,
      method: 'POST',
      path,
      headers,
    };
    const request = http.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      response.on('end', () => finish({ status: response.statusCode, body: text }));
      response.on('error', () => finish(null));
      response.on('close', () => finish(null));
    });
    const patience = setTimeout(() => request.destroy(), patienceMs);
    const leave =
      leaves === null
        ? undefined
        : setTimeout(() => {
            finish({ left: true });
            request.destroy();
          }, leaves);
    const finish = (answer) => {
      clearTimeout(patience);
      clearTimeout(leave);
      resolve(answer);
    };
    request.on('error', () => finish(null));
    request.end(body);
  });
}
