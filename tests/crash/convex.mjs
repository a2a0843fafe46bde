// SPDX-License-Identifier: MIT
// A Convex that misbehaves on purpose, and writes down what it ran.
//
// Like the real Convex, this one takes the end of a connection as a cancel: a call that has not run
// by then never runs.

import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../lib/ports.mjs';
import { waitFor } from '../lib/wait.mjs';
import { ROUTES, SEQUENCE, digest } from './plan.mjs';

export const TIMEOUT_MS = 3000; // the relay's CONVEX_TIMEOUT_MS
const BEAT_MS = 20;

const SUCCESS = { status: 'success', value: null, logLines: [] };
const REJECTION = 'Uncaught ConvexError: nothing of the kind'; // with the event's number
const CONFLICT = {
  code: 'OptimisticConcurrencyControlFailure',
  message: 'Documents changed while this mutation was being run',
};
const OVERLOAD = { code: 'TooManyConcurrentRequests', message: 'Too many concurrent requests' };
const BUSY = { code: 'ServiceUnavailable', message: 'Service temporarily unavailable' };

// What may happen to a call. Each function gets the call, which can run() and answer(); see Call.
const FAULTS = {
  well: (call) => call.answer(200, call.run()),
  async slow(call, dice) {
    await sleep(dice.int(5, 300));
    if (!call.isOpen()) return;
    const result = call.run();
    await sleep(dice.int(0, 100));
    call.answer(200, result);
  },
  reject: (call) => call.answer(200, call.reject()),
  // Older servers answer this with 560.
  reject560: (call) => call.answer(560, call.reject()),
  conflict: (call) => call.answer(503, CONFLICT),
  overload: (call) => call.answer(429, OVERLOAD),
  busy: (call) => call.answer(503, BUSY),
  comeLater: (call) => call.answer(503, BUSY, { 'Retry-After': '1' }),
  // These do not tell whether the call has run.
  gateway(call, dice) {
    if (dice.chance(0.5)) call.run();
    call.answer(dice.pick([500, 502, 504]), '<html>Bad Gateway</html>');
  },
  reset: (call) => call.reset(),
  close: (call) => call.close(),
  async lost(call, dice) {
    call.run();
    await sleep(dice.int(0, 30));
    if (dice.chance(0.5)) call.reset();
    else call.close();
  },
  half(call, dice) {
    const result = call.run();
    call.answerHalf(result, dice.next());
  },
  garbled(call) {
    call.run();
    call.answer(200, '{"status":"succ');
  },
  // No answer, until the relay gives up.
  hang(call, dice) {
    if (dice.chance(0.5)) call.run();
  },
  missing: (call) =>
    call.answer(200, {
      status: 'error',
      errorMessage: `Could not find public function for '${call.path}'. Did you forget to run \`npx convex dev\`?`,
    }),
};

// What only a batch function may say.
const BATCH_FAULTS = {
  nonsense(call) {
    call.run();
    call.answer(200, { status: 'success', value: 7, logLines: [] });
  },
  limit: (call) =>
    call.answer(200, {
      status: 'error',
      errorMessage: 'Uncaught Error: Too many writes in a single function execution (limit: 16000)',
    }),
  again: (call) => call.answer(200, call.run({ again: 1 })),
  missing: FAULTS.missing,
};
const BATCH_TROUBLE = 0.15; // how often

const SMALL_TROUBLE = {
  slow: 4,
  reject: 1,
  reject560: 0.3,
  conflict: 2,
  overload: 0.5,
  busy: 0.5,
  gateway: 1,
  reset: 1,
  close: 1,
  lost: 1.5,
  half: 1,
  garbled: 0.3,
};
const times = (factor) =>
  Object.fromEntries(
    Object.entries(SMALL_TROUBLE).map(([name, weight]) => [name, weight * factor]),
  );

// How likely each of these is, by the weather.
const WEATHERS = {
  calm: { well: 1 },
  fair: { well: 100, ...times(0.5) },
  rough: { well: 60, ...times(2.5), hang: 0.2, comeLater: 0.3 },
  conflicts: { well: 50, conflict: 50 },
  overload: { well: 20, overload: 50, busy: 30 },
  slow: { well: 10, slow: 80, lost: 5 },
  down: { reset: 30, close: 20, gateway: 50 },
};

const CLIMATE = {
  calm: 15,
  fair: 40,
  rough: 20,
  conflicts: 6,
  overload: 3,
  slow: 6,
  down: 4,
  away: 8,
  missing: 8,
};

// A reset may overtake the last answer. libuv refuses to reset a connection that this side has
// ended, and Node then forgets to close it.
function reset(socket) {
  for (const attempt of socket.lastAttempts ?? []) attempt.unheard = true;
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

// Notes on the last attempt that the relay has not read the answer. The relay's kernel resets a
// connection that is closed with unread bytes, or on which bytes arrive after its closing. Once the
// end of the stream has arrived here, only writing shows such a reset.
function watchForUnread(socket) {
  const told = (error) => {
    for (const attempt of socket.lastAttempts ?? [])
      if (error && attempt.said) attempt.unread = true;
  };
  socket.on('error', told); // a killed relay ends connections like this, too
  socket.prependListener('end', () => {
    if (socket.lastAttempts?.some(({ said }) => said) && socket.writable) socket.write(' ', told);
  });
}

export class Convex {
  // onMoment(name) is called at once when a call has "arrived", "ran" or was "answered".
  static async start({ plan, dice, stamp, onMoment }) {
    const self = new Convex();
    Object.assign(self, {
      plan,
      dice,
      stamp,
      onMoment,
      attempts: [],
      life: 0,
      weather: 'fair',
      missing: null,
      sockets: new Set(),
      beats: [performance.now()],
    });
    setInterval(() => {
      self.beats = [...self.beats.slice(-2), performance.now()];
    }, BEAT_MS).unref();
    self.server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
      self.#take(request, response),
    );
    self.server.on('connection', (socket) => {
      self.sockets.add(socket);
      socket.cameMs = self.beats[0]; // the relay only connects when it has a call
      watchForUnread(socket);
      socket.on('end', () => socket.destroy());
      socket.on('close', () => self.sockets.delete(socket));
    });
    self.server.on('clientError', (_, socket) => socket.destroy());
    [self.port] = await freePorts(1); // no other program gets the port while Convex is away
    await self.open();
    self.url = `http://127.0.0.1:${self.port}`;
    return self;
  }

  // Accepts connections, again on the same port.
  async open() {
    await waitFor(
      'the port of the misbehaving Convex',
      () =>
        new Promise((resolve) => {
          const fail = () => resolve(false); // another program has taken the port for a moment
          this.server.once('error', fail);
          this.server.listen(this.port, '127.0.0.1', () => {
            this.server.off('error', fail);
            resolve(true);
          });
        }),
    );
  }

  // Refuses new connections, and resets those that are open.
  async shut() {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) reset(socket);
    await closed;
  }

  // Waits until all that a dead process has sent is read, and its connections are gone.
  async idle() {
    let quiet = 0;
    await waitFor(
      'the connections of a dead process to be gone',
      () => (quiet = this.sockets.size ? 0 : quiet + 1) > 3,
    );
  }

  // Changes the weather again and again: also to "away", and to a missing function. In the end it
  // is calm.
  async changeWeather(dice, isOver) {
    while (!isOver()) {
      const weather = dice.weighted(CLIMATE);
      if (weather === 'away') await this.shut();
      else if (weather === 'missing') this.missing = dice.pick(Object.keys(ROUTES));
      else this.weather = weather;
      await sleep(dice.int(100, weather === 'away' || weather === 'missing' ? 400 : 800));
      if (weather === 'away') await this.open();
      this.missing = null;
    }
    this.weather = 'calm';
  }

  async #take(request, response) {
    const { dice } = this;
    // The request came after the oldest of the last beats, or an earlier turn of the event loop
    // would have read it.
    const cameMs = request.socket.cameMs ?? this.beats[0];
    request.socket.cameMs = null; // only the first request of a connection has this time
    if (this.weather === 'rough' && dice.chance(0.02)) {
      reset(request.socket); // before the body is read
      return;
    }
    const chunks = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return; // the relay has left
    }
    // Asked for the time alone (crates/local_backend/src/public_api.rs: public_get_query_ts): a
    // relay that numbers events looks at the answer's Date before the first of them.
    if (request.url === '/api/query_ts') {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ ts: 'AAAAAAAAAAA=' }));
      return;
    }
    const {
      path,
      args: [args],
    } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const call = new Call(this, request.socket, response, path, args, cameMs);
    this.onMoment('arrived');
    // The oracle reports an attempt of no event.
    if (!call.isOfEvents()) return call.answer(400, { code: 'BadRequest', message: 'of nobody' });
    if (this.missing && path.startsWith(`${this.missing}:`)) return FAULTS.missing(call);
    if (call.isBatch && this.weather !== 'calm' && dice.chance(BATCH_TROUBLE))
      return BATCH_FAULTS[dice.pick(Object.keys(BATCH_FAULTS))](call);
    await FAULTS[dice.weighted(WEATHERS[this.weather])](call, dice);
  }
}

// One call: an attempt of one event, or of each event of a batch, as it goes into the record.
class Call {
  constructor(convex, socket, response, path, args, cameMs) {
    this.convex = convex;
    this.socket = socket;
    this.response = response;
    this.path = path;
    this.cameMs = cameMs;
    const items = convex.plan.itemsOf(path, args);
    this.isBatch = items.length > 1;
    const beganAt = convex.stamp();
    this.items = items.map((item) => this.#begin(item, beganAt));
    socket.lastAttempts = this.items.map(({ attempt }) => attempt);
    convex.attempts.push(...socket.lastAttempts);
    this.cut = () => {
      for (const { attempt } of this.items) attempt.cut = true;
      this.#end();
    };
    socket.once('close', this.cut);
  }

  #begin({ [SEQUENCE]: seq = null, ...args }, beganAt) {
    const event = this.convex.plan.eventOf(this.path, args);
    const attempt = {
      n: event?.n ?? null,
      life: this.convex.life,
      beganAt,
      endedAt: Infinity,
      ranAt: null,
      said: null,
      intact: event?.digest === digest(args),
      seq,
    };
    return { event, attempt };
  }

  isOfEvents() {
    return this.items.every(({ event }) => event);
  }

  isOpen() {
    return !this.socket.destroyed && this.socket.readable;
  }

  // Runs the mutation, or that of each item but the last `again`. Returns what Convex answers then.
  run({ again = 0 } = {}) {
    const entries = this.items.map((item, i) =>
      i < this.items.length - again ? this.#run(item) : { again: 'not yet' },
    );
    this.convex.onMoment('ran');
    if (this.isBatch) return { status: 'success', value: entries, logLines: [] };
    return entries[0] ? this.reject() : SUCCESS;
  }

  #run({ event, attempt }) {
    if (event.poison) return { error: `${REJECTION}, event ${event.n}` };
    attempt.ranAt = this.convex.stamp();
    event.settled = true;
    return null;
  }

  // A batch that is refused as a whole is no judgement of any event.
  reject() {
    const errorMessage = this.isBatch
      ? 'Uncaught Error: the batch is refused'
      : `${REJECTION}, event ${this.items[0].event.n}`;
    return { status: 'error', errorMessage, logLines: [] };
  }

  answer(status, content, headers = {}) {
    if (!this.isOpen()) return;
    if (status === 200 || status === 560) this.#say(content);
    const tookMs = Math.round(performance.now() - this.cameMs);
    for (const { attempt } of this.items) attempt.tookMs = tookMs;
    this.#end();
    const body = typeof content === 'string' ? content : JSON.stringify(content);
    this.response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      ...headers,
    });
    this.response.end(body, () => this.convex.onMoment('answered'));
  }

  // Breaks off somewhere in the head or the body of the answer. The part that was sent may already
  // tell the relay everything (convex/beginning.h).
  answerHalf(content, where) {
    if (!this.isOpen()) return;
    const body = JSON.stringify(content);
    const whole = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const half = whole.slice(0, Math.floor(where * whole.length));
    if (this.isBatch ? half.includes(JSON.stringify(content.value)) : this.#isSaid(content, half))
      this.#say(content);
    this.#end();
    this.socket.end(half);
  }

  reset() {
    this.#end();
    reset(this.socket);
  }

  close() {
    this.#end();
    this.socket.end();
    this.socket.destroySoon();
  }

  #isSaid(content, half) {
    return content === SUCCESS
      ? half.includes('"status":"success"')
      : half.includes(JSON.stringify(content.errorMessage));
  }

  // What the answer says of each event.
  #say({ status, value, errorMessage }) {
    for (const [i, { event, attempt }] of this.items.entries()) {
      const entry = Array.isArray(value) ? value[i] : value;
      if (status === 'success' && entry === null) attempt.said = 'success';
      if (!(entry?.error ?? errorMessage)?.startsWith(REJECTION)) continue;
      attempt.said = 'rejected';
      event.settled = true;
    }
  }

  #end() {
    this.socket.off('close', this.cut);
    const endedAt = this.convex.stamp();
    for (const { attempt } of this.items)
      if (attempt.endedAt === Infinity) attempt.endedAt = endedAt;
  }
}
