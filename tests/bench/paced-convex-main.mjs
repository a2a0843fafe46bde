// SPDX-License-Identifier: MIT
// A Convex that takes a time for each call and for each item of a batch, and runs so many calls at
// once; those beyond wait their turn. Arguments: port (0: any free one), ms a call, ms an item,
// calls at once. GET / tells what has been answered: {"calls", "events"}.

import http from 'node:http';

const [port, callMs, itemMs, atOnce] = process.argv.slice(2).map(Number);
const SUCCESS = '{"status":"success","value":null}';
const ITEM = '"bladeId":'; // each event of the load has it once

const answered = { calls: 0, events: 0 };
const waiting = [];
let running = 0;

const isBatch = (body) => body.subarray(0, 100).includes('Batch"'); // the path comes first

function itemsIn(body) {
  let count = 0;
  for (let at = 0; (at = body.indexOf(ITEM, at)) !== -1; at += ITEM.length) count += 1;
  return count;
}

function reply(response, text) {
  const length = Buffer.byteLength(text);
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': length });
  response.end(text);
}

function runNext() {
  if (running >= atOnce || waiting.length === 0) return;
  const { events, ms, response } = waiting.shift();
  running += 1;
  setTimeout(() => {
    running -= 1;
    answered.calls += 1;
    answered.events += events;
    reply(response, SUCCESS);
    runNext();
  }, ms);
}

const server = http.createServer((request, response) => {
  if (request.method === 'GET') return reply(response, JSON.stringify(answered));
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const items = isBatch(body) ? itemsIn(body) : null;
    waiting.push({
      events: items ?? 1,
      ms: Math.round(callMs + (items ?? 0) * itemMs), // a single has no item's time
      response,
    });
    runNext();
  });
});
server.keepAliveTimeout = 600_000;
server.listen(port, '127.0.0.1', () =>
  process.stdout.write(`convex listening on ${server.address().port}\n`),
);
