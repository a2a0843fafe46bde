// SPDX-License-Identifier: MIT
// A Convex that misbehaves on purpose, and writes down what it ran.
//
// Like the real Convex, this one takes the end of a connection as a cancel: a call that has not run
// by then never runs.

import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../lib/ports.mjs';
import { waitFor } from '../lib/wait.mjs';
import { ROUTES, digest } from './plan.mjs';

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
  if (socket.lastAttempt) socket.lastAttempt.unheard = true;
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

// Notes on the last attempt that the relay has not read the answer. The relay's kernel resets a
// connection that is closed with unread bytes, or on which bytes arrive after its closing. Once the
// end of the stream has arrived here, only writing shows such a reset.
function watchForUnread(socket) {
  const told = (error) => {
    if (error && socket.lastAttempt?.said) socket.lastAttempt.unread = true;
  };
  socket.on('error', told); // a killed relay ends its connections like this, too
  socket.prependListener('end', () => {
    if (socket.lastAttempt?.said && socket.writable) socket.write(' ', told);
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
    const {
      path,
      args: [args],
    } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const call = new Call(this, request.socket, response, path, args, cameMs);
    this.onMoment('arrived');
    // An event of nobody has no number; the oracle reports that.
    if (!call.event) return call.answer(400, { code: 'BadRequest', message: 'of nobody' });
    const fault =
      this.missing && path.startsWith(`${this.missing}:`)
        ? 'missing'
        : dice.weighted(WEATHERS[this.weather]);
    await FAULTS[fault](call, dice);
  }
}

// One attempt, as it goes into the record.
class Call {
  constructor(convex, socket, response, path, args, cameMs) {
    const { plan, stamp, life } = convex;
    this.convex = convex;
    this.socket = socket;
    this.response = response;
    this.path = path;
    this.cameMs = cameMs;
    this.event = plan.eventOf(path, args);
    this.attempt = {
      n: this.event?.n ?? null,
      life,
      beganAt: stamp(),
      endedAt: Infinity,
      ranAt: null,
      said: null,
      intact: this.event?.digest === digest(args),
    };
    convex.attempts.push(this.attempt);
    socket.lastAttempt = this.attempt;
    this.cut = () => {
      this.attempt.cut = true;
      this.#end();
    };
    socket.once('close', this.cut);
  }

  isOpen() {
    return !this.socket.destroyed && this.socket.readable;
  }

  // Runs the mutation. Returns what Convex answers then.
  run() {
    if (this.event.poison) return this.reject();
    this.attempt.ranAt = this.convex.stamp();
    this.event.settled = true;
    this.convex.onMoment('ran');
    return SUCCESS;
  }

  reject() {
    return { status: 'error', errorMessage: `${REJECTION}, event ${this.event.n}`, logLines: [] };
  }

  answer(status, content, headers = {}) {
    if (!this.isOpen()) return;
    if (content === SUCCESS && status === 200) this.attempt.said = 'success';
    if (content.errorMessage?.startsWith(REJECTION)) this.#reject();
    this.attempt.tookMs = Math.round(performance.now() - this.cameMs);
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
    if (content === SUCCESS && half.includes('"status":"success"')) this.attempt.said = 'success';
    if (content !== SUCCESS && half.includes(JSON.stringify(content.errorMessage))) this.#reject();
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

  #reject() {
    this.attempt.said = 'rejected';
    this.event.settled = true;
  }

  #end() {
    this.socket.off('close', this.cut);
    if (this.attempt.endedAt === Infinity) this.attempt.endedAt = this.convex.stamp();
  }
}
