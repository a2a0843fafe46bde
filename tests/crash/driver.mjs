// SPDX-License-Identifier: MIT
// The crash driver: senders on one side, a Convex that misbehaves on the other, and a relay between
// them that is killed and started again all the time, on the same outbox. Where that is in
// PostgreSQL, the database is troubled, too. A seed decides what happens; when exactly, the machine
// decides as well.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { outboxStats } from '../lib/outbox.mjs';
import { waitFor } from '../lib/wait.mjs';
import { Convex, TIMEOUT_MS } from './convex.mjs';
import { Database, PATIENCE_MS } from './database.mjs';
import { Dice } from './dice.mjs';
import { runAndJudge, makeRunFolder } from './history.mjs';
import { discardLetters, readLetters, replayLetters } from './letters.mjs';
import { judge } from './oracle.mjs';
import { OTHER_ROUTES, Plan, ROUTES } from './plan.mjs';
import { Processes } from './processes.mjs';
import { startSenders } from './senders.mjs';

const SENDERS = 24;
const EVENTS_PER_LIFE = 350;
const BACKLOG = 600; // events acknowledged and not delivered: senders pause, so that a run ends
const FLOOD = 5000; // the budget and the backlog of some lives: more than the relay holds in memory
const LIFE_MS = 1500;
const DRAIN_MS = 180_000;

// How often a process ends at which moment: during its start, after a time, or at the n-th call
// that arrives at Convex, runs, is answered, or the n-th event that is acknowledged.
const ENDS = { early: 15, time: 20, arrived: 20, ran: 15, answered: 15, acknowledged: 15 };

// Runs that many lives, each a process of the relay. onPostgres: the outbox is in a PostgreSQL.
// Returns {violations, figures, folder}; the folder stays if there are violations.
export async function crash({ seed, lives, onPostgres = false, onProgress = () => {} }) {
  const folder = makeRunFolder();
  const world = await World.start({ seed, folder, onPostgres, onProgress });
  return runAndJudge({ folder, seed, world, judge, run: () => world.live(lives) });
}

class World {
  static async start({ seed, folder, onPostgres, onProgress }) {
    const self = new World();
    const dice = new Dice(seed);
    let now = 0;
    const stamp = () => ++now;
    const plan = new Plan(dice.fork('plan'), stamp);
    const onMoment = (name) => self.#moment(name);
    Object.assign(self, {
      onProgress,
      plan,
      dice,
      trap: null,
      budget: 0,
      backlogMax: BACKLOG,
      backlog: new Set(),
      meddled: new Set(),
      isOver: false,
    });
    self.convex = await Convex.start({ plan, dice: dice.fork('convex'), stamp, onMoment });
    const routes = path.join(folder, 'routes.json');
    self.setRoutes = (wanted) => writeFileSync(routes, JSON.stringify(wanted));
    self.setRoutes(ROUTES);
    self.env = {
      CONVEX_URL: self.convex.url,
      CONVEX_TIMEOUT_MS: String(TIMEOUT_MS),
      ROUTES: routes,
      OUTBOX: path.join(folder, 'outbox.db'),
      LOG_LEVEL: 'info',
    };
    if (onPostgres) {
      self.database = await Database.start(dice.fork('database'));
      self.env.OUTBOX = self.database.uri;
    }
    const env = { ...self.env, ...self.database?.relayEnv };
    self.processes = new Processes({ env, convex: self.convex });
    return self;
  }

  // The whole run; returns its history.
  async live(lives) {
    const senders = startSenders(SENDERS, {
      plan: this.plan,
      dice: this.dice.fork('senders'),
      target: () => this.processes.target,
      mayGo: () => this.#mayGo(),
      onAnswer: (event) => this.#answered(event),
    });
    const weather = this.convex.changeWeather(this.dice.fork('weather'), () => this.isOver);
    const trouble = this.database?.trouble(() => this.isOver);
    const dice = this.dice.fork('lives');
    for (let i = 0; i < lives; i++) {
      await this.#liveOnce(dice);
      this.onProgress({
        life: i + 1,
        lives,
        events: this.plan.events.length,
        backlog: this.#backlog(),
      });
    }
    this.budget = 0;
    this.isOver = true;
    await senders.stop();
    await weather;
    await trouble;
    return this.#settle();
  }

  async end() {
    this.isOver = true;
    await this.processes.relay?.end();
    await this.convex.shut();
    await this.database?.end();
  }

  // ---- one process ----

  async #liveOnce(dice) {
    const wish = dice.weighted(ENDS);
    const kill = wish === 'early' || dice.chance(0.8);
    const isFlood = dice.chance(0.08);
    this.budget = isFlood ? FLOOD : EVENTS_PER_LIFE;
    this.backlogMax = isFlood ? FLOOD : BACKLOG;
    const relay = this.processes.spawn({
      SYNC_WAIT_MS: String(isFlood ? 0 : dice.pick([0, 20, 200, 200])),
      CONVEX_CONCURRENCY: String(dice.pick([4, 16, 16])),
      DRAIN_MS: String(dice.pick([0, 50, 300])),
    });
    if (wish === 'early') {
      await Promise.race([sleep(dice.int(0, 40)), relay.exited]);
    } else if (await relay.listening) {
      await this.#liveOn(relay, dice, { wish, isFlood, signal: kill ? 'SIGKILL' : 'SIGTERM' });
    }
    await (kill ? this.processes.kill() : this.#stop(dice));
  }

  // Lets the process live until the wished moment, at which it gets the signal; or until the time
  // is over, if that moment does not come. On the way a reload or an operator may come in between.
  async #liveOn(relay, dice, { wish, isFlood, signal }) {
    const times = dice.int(1, 150);
    const limit = new AbortController();
    const ms = wish === 'time' ? dice.int(0, LIFE_MS) : LIFE_MS * (isFlood ? 2 : 1);
    const over = sleep(ms, null, { signal: limit.signal }).catch(() => {});
    const caught =
      wish === 'time'
        ? []
        : [
            new Promise((resolve) => {
              this.trap = {
                name: wish,
                times,
                spring: () => {
                  this.processes.signal(signal);
                  resolve();
                },
              };
            }),
          ];
    if (dice.chance(0.3))
      this.#soon(relay, dice.int(0, 400), () => this.#reload(dice.pick([ROUTES, OTHER_ROUTES])));
    if (dice.chance(0.3))
      this.#soon(relay, dice.int(0, 400), () =>
        this.#meddle(dice.fork(`meddle ${this.processes.life}`)),
      );
    if (this.database && dice.chance(0.3))
      this.#soon(relay, dice.int(0, 400), () => this.#freeze(relay, dice.int(20, 700)));
    await Promise.race([over, relay.exited, ...caught]);
    limit.abort();
    this.trap = null;
    await this.meddling;
  }

  // A process that is frozen for a while. It is woken up before a signal that is to be heard.
  #freeze(relay, ms) {
    relay.child.signal('SIGSTOP');
    setTimeout(() => relay.child.isRunning() && relay.child.signal('SIGCONT'), ms);
  }

  #soon(relay, ms, act) {
    const isThere = () =>
      this.processes.relay === relay && relay.child.isRunning() && !this.processes.target?.isEnding;
    setTimeout(() => {
      if (isThere()) act();
    }, ms).unref();
  }

  #reload(routes) {
    this.setRoutes(routes);
    this.processes.signal('SIGHUP');
  }

  // Stops the process, now and then with a second signal, or with a kill in the middle of the stop.
  #stop(dice) {
    const second = dice.weighted({ none: 70, SIGTERM: 15, SIGKILL: 15 });
    return second === 'none'
      ? this.processes.stop()
      : this.processes.stop({ second, afterMs: dice.int(0, 100) });
  }

  // ---- around the process ----

  #mayGo() {
    if (this.budget <= 0 || this.processes.target.isEnding || this.#backlog() >= this.backlogMax)
      return false;
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

  // An operator who replays and discards dead letters during the run.
  #meddle(dice) {
    this.meddling = (async () => {
      const letters = await readLetters(this.env, this.plan);
      const some = letters.filter(() => dice.chance(0.3));
      for (const { n } of some) this.meddled.add(n);
      const discarded = some.slice(0, 2);
      await replayLetters(this.env, some.slice(2));
      await discardLetters(this.env, discarded);
    })();
    // A database that is away refuses commands.
    if (this.database) this.meddling = this.meddling.catch(() => {});
    this.meddling.catch(() => {});
  }

  // Gives the last process all the time that it needs; then everything is counted.
  async #settle() {
    const relay = this.processes.spawn({ SYNC_WAIT_MS: '200' });
    await relay.listening;
    await waitFor(
      'everything to be delivered',
      async () => {
        if (!relay.child.isRunning())
          throw new Error(`the last process ended:\n${relay.child.stderr()}`);
        const { pending } = await outboxStats(this.env);
        this.onProgress({ draining: true, events: this.plan.events.length, backlog: pending });
        return pending === 0 || sleep(100);
      },
      DRAIN_MS,
      // the oracle reports what is left
    ).catch((error) => this.processes.logs.push(`${error.message}\n`));
    await this.processes.stop();
    const { plan, convex, processes, meddled } = this;
    return {
      events: plan.events,
      attempts: convex.attempts,
      ends: processes.ends,
      meddled,
      timeoutMs: TIMEOUT_MS,
      patienceMs: this.database ? PATIENCE_MS : Infinity,
      troubles: this.database?.troubles,
      letters: await readLetters(this.env, this.plan),
      stats: await outboxStats(this.env),
    };
  }
}
