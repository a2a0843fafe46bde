// SPDX-License-Identifier: MIT
// The crash driver: senders on one side, a Convex that misbehaves on the other, and a relay between
// them that is killed and started again all the time, on the same outbox. What happens is drawn from a
// seed; when exactly, the machine decides as well.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { outboxStats } from '../lib/outbox.mjs';
import { spawnRelay } from '../lib/relay.mjs';
import { waitFor } from '../lib/wait.mjs';
import { Convex } from './convex.mjs';
import { Dice } from './dice.mjs';
import { discardLetters, readLetters, replayLetters } from './letters.mjs';
import { judge } from './oracle.mjs';
import { Plan, ROUTES } from './plan.mjs';
import { startSenders } from './senders.mjs';

const SENDERS = 24;
const EVENTS_PER_LIFE = 350;
const BACKLOG = 600; // acknowledged, not delivered: where senders pause, so that the end is not far
const FLOOD = 5000; // the same, once in a while: more than the relay holds in memory
const LIFE_MS = 1500;
const START_MS = 30_000;
const DRAIN_MS = 180_000;

// How often a process ends how.
const ENDS = { early: 15, time: 20, arrived: 20, ran: 15, answered: 15, acknowledged: 15 };
const WEATHERS = { calm: 15, fair: 40, rough: 20, conflicts: 6, overload: 3, slow: 6, down: 4, away: 8, missing: 8 };
const LINES = /listening\b.*?127\.0\.0\.1:(\d+)/;

// Runs so many lives. Gives {violations, figures, folder}; the folder is left where something is wrong.
export async function crash({ seed, lives, onProgress = () => {} }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'convex-relay-crash-'));
  const world = await World.start({ seed, folder, onProgress });
  try {
    const { violations, figures } = judge(await world.live(lives));
    if (violations.length) world.keep(violations);
    else rmSync(folder, { recursive: true });
    return { violations, figures, folder };
  } catch (error) {
    world.keep([{ kind: 'driver', text: error.stack }]);
    error.message += ` (seed ${seed}, ${folder})`;
    throw error;
  } finally {
    await world.end();
  }
}

class World {
  static async start({ seed, folder, onProgress }) {
    const self = new World();
    const dice = new Dice(seed);
    let now = 0;
    const stamp = () => ++now;
    const plan = new Plan(dice.fork('plan'), stamp);
    const onMoment = (name) => self.#moment(name);
    Object.assign(self, {
      folder, onProgress, plan, dice, target: null, relay: null, life: 0, asked: [], trap: null,
      budget: 0, backlogMax: BACKLOG, backlog: new Set(), ends: [], meddled: new Set(), logs: [], isOver: false,
    });
    self.convex = await Convex.start({ plan, dice: dice.fork('convex'), stamp, onMoment });
    self.routes = path.join(folder, 'routes.json');
    writeFileSync(self.routes, JSON.stringify(ROUTES));
    return self;
  }

  // Everything, and the history of it.
  async live(lives) {
    const senders = startSenders(SENDERS, {
      plan: this.plan,
      dice: this.dice.fork('senders'),
      target: () => this.target,
      mayGo: () => this.#mayGo(),
      onAnswer: (event) => this.#answered(event),
    });
    const weather = this.#changeWeather();
    const dice = this.dice.fork('lives');
    for (let i = 0; i < lives; i++) {
      await this.#liveOnce(dice);
      this.onProgress({ life: i + 1, lives, events: this.plan.events.length, backlog: this.#backlog() });
    }
    this.budget = 0;
    this.isOver = true;
    await senders.stop();
    await weather;
    return this.#settle();
  }

  async end() {
    this.isOver = true;
    await this.relay?.end();
    await this.convex.shut();
  }

  // Leaves behind what somebody needs who looks for the reason.
  keep(violations) {
    const write = (name, content) => writeFileSync(path.join(this.folder, name), content);
    const lines = (list) => list.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    write('violations.txt', violations.map(({ kind, text }) => `${kind}: ${text}\n`).join(''));
    write('events.jsonl', lines(this.plan.events));
    write('attempts.jsonl', lines(this.convex.attempts));
    write('ends.jsonl', lines(this.ends));
    write('relay.log', this.logs.join(''));
  }

  // ---- one process ----

  async #liveOnce(dice) {
    const wish = dice.weighted(ENDS);
    const kill = wish === 'early' || dice.chance(0.8);
    const isFlood = dice.chance(0.08);
    this.budget = isFlood ? FLOOD : EVENTS_PER_LIFE;
    this.backlogMax = isFlood ? FLOOD : BACKLOG;
    const relay = this.#spawn({
      SYNC_WAIT_MS: String(isFlood ? 0 : dice.pick([0, 20, 200, 200])),
      CONVEX_CONCURRENCY: String(dice.pick([4, 16, 16])),
      DRAIN_MS: String(dice.pick([0, 50, 300])),
    });
    if (wish === 'early') {
      await Promise.race([sleep(dice.int(0, 40)), relay.exited]);
    } else if (await relay.listening) {
      await this.#liveOn(relay, dice, { wish, isFlood, signal: kill ? 'SIGKILL' : 'SIGTERM' });
    }
    await (kill ? this.#kill() : this.#stop(dice));
  }

  // Until it is to end. A moment that does not come is given up.
  async #liveOn(relay, dice, { wish, isFlood, signal }) {
    const times = dice.int(1, 150);
    const limit = new AbortController();
    const ms = wish === 'time' ? dice.int(0, LIFE_MS) : LIFE_MS * (isFlood ? 2 : 1);
    const over = sleep(ms, null, { signal: limit.signal }).catch(() => {});
    const caught = wish === 'time' ? [] : [new Promise((resolve) => {
      this.trap = { name: wish, times, spring: () => { this.#signal(signal); resolve(); } };
    })];
    if (dice.chance(0.3)) this.#soon(relay, dice.int(0, 400), () => this.#signal('SIGHUP'));
    if (dice.chance(0.3)) this.#soon(relay, dice.int(0, 400), () => this.#meddle(dice.fork(`meddle ${this.life}`)));
    await Promise.race([over, relay.exited, ...caught]);
    limit.abort();
    this.trap = null;
    await this.meddling;
  }

  #soon(relay, ms, act) {
    setTimeout(() => { if (this.relay === relay && relay.child.isRunning() && !this.target?.isEnding) act(); }, ms).unref();
  }

  #spawn(env) {
    const hooks = [];
    const child = spawnRelay({ after: (hook) => hooks.push(hook) }, { env: { ...this.#env(), ...env } });
    this.life += 1;
    this.convex.life = this.life;
    this.asked = [];
    const relay = {
      child,
      exited: child.exited,
      // True once it does, false when it has ended before.
      listening: waitFor(`process ${this.life} to listen`, () => LINES.test(child.stderr()) || !child.isRunning(), START_MS).then(() => {
        const port = Number(LINES.exec(child.stderr())?.[1]);
        if (this.relay === relay && port && child.isRunning() && !this.asked.length) this.target = { port, life: this.life, isEnding: false };
        return child.isRunning();
      }),
      end: async () => { for (const hook of hooks) await hook(); },
    };
    relay.listening.catch(() => {}); // whoever waits hears of it
    this.relay = relay;
    return relay;
  }

  #env() {
    return {
      CONVEX_URL: this.convex.url,
      CONVEX_TIMEOUT_MS: '1500',
      ROUTES: this.routes,
      OUTBOX: path.join(this.folder, 'outbox.db'),
      LOG_LEVEL: 'info',
    };
  }

  #signal(name) {
    if (name !== 'SIGHUP') {
      if (this.target) this.target.isEnding = true;
      if (this.relay.child.isRunning()) this.asked.push(name);
    }
    this.relay.child.signal(name);
  }

  async #kill() {
    if (!this.asked.length) this.#signal('SIGKILL');
    await this.#ended();
  }

  // As systemd would; now and then again, and now and then with a kill in the middle of it.
  async #stop(dice) {
    if (!this.asked.length) this.#signal('SIGTERM');
    const more = dice.weighted({ none: 70, SIGTERM: 15, SIGKILL: 15 });
    if (more !== 'none') {
      await Promise.race([sleep(dice.int(0, 100)), this.relay.exited]);
      this.#signal(more);
    }
    const late = setTimeout(() => this.relay.child.signal('SIGKILL'), START_MS); // the oracle sees it
    await this.#ended();
    clearTimeout(late);
  }

  async #ended() {
    const { relay } = this;
    const { code, signal } = await relay.exited;
    await relay.listening.catch(() => {});
    this.target = null;
    const complaint = await relay.end().then(() => undefined, (error) => error.message);
    this.ends.push({ life: this.life, asked: this.asked, code, signal, complaint });
    this.logs.push(`---- process ${this.life}\n`, relay.child.stderr());
    await this.convex.idle();
  }

  // ---- around it ----

  #mayGo() {
    if (this.budget <= 0 || this.target.isEnding || this.#backlog() >= this.backlogMax) return false;
    this.budget -= 1;
    return true;
  }

  #answered(event) {
    if (event.status === 202 && event.kind === 'deliver' && !event.settled) this.backlog.add(event);
    if (event.status === 200 || event.status === 202) this.#moment('acknowledged');
  }

  #backlog() {
    for (const event of this.backlog) if (event.settled) this.backlog.delete(event);
    return this.backlog.size;
  }

  #moment(name) {
    const { trap } = this;
    if (trap?.name !== name || --trap.times > 0) return;
    this.trap = null;
    trap.spring();
  }

  async #changeWeather() {
    const dice = this.dice.fork('weather');
    while (!this.isOver) {
      const weather = dice.weighted(WEATHERS);
      if (weather === 'away') await this.convex.shut();
      else if (weather === 'missing') this.convex.missing = dice.pick(Object.keys(ROUTES));
      else this.convex.weather = weather;
      await sleep(dice.int(100, weather === 'away' || weather === 'missing' ? 400 : 800));
      if (weather === 'away') await this.convex.open();
      this.convex.missing = null;
    }
    this.convex.weather = 'calm';
  }

  // Somebody looks after the dead letters while all this goes on.
  #meddle(dice) {
    this.meddling = (async () => {
      const letters = await readLetters(this.#env());
      const some = letters.filter(() => dice.chance(0.3));
      for (const { n } of some) this.meddled.add(n);
      const discarded = some.slice(0, 2);
      await replayLetters(this.#env(), some.slice(2));
      await discardLetters(this.#env(), discarded);
    })();
    this.meddling.catch(() => {});
  }

  // The last process has all the time it needs; then everything is counted.
  async #settle() {
    const relay = this.#spawn({ SYNC_WAIT_MS: '200' });
    await relay.listening;
    await waitFor('everything to be delivered', async () => {
      if (!relay.child.isRunning()) throw new Error(`the last process ended:\n${relay.child.stderr()}`);
      const { pending } = await outboxStats(this.#env());
      this.onProgress({ draining: true, events: this.plan.events.length, backlog: pending });
      return pending === 0 || sleep(100);
    }, DRAIN_MS).catch((error) => this.logs.push(`${error.message}\n`)); // the oracle says what is left
    this.#signal('SIGTERM');
    await this.#ended();
    const { plan, convex, ends, meddled } = this;
    return {
      events: plan.events, attempts: convex.attempts, ends, meddled,
      letters: await readLetters(this.#env()),
      stats: await outboxStats(this.#env()),
    };
  }
}
