// SPDX-License-Identifier: MIT
// The mixed soak: good and bad senders, bursts, a Convex with changing weather, new secrets, new
// routes and broken ones, and restarts in the first half of the time. The process of the second
// half is watched: at rest after each round, memory and open files must not grow.
// The crash driver's oracle finds what is lost or out of order.

import { writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Convex, TIMEOUT_MS } from '../crash/convex.mjs';
import { Dice } from '../crash/dice.mjs';
import { runAndJudge, makeRunFolder } from '../crash/history.mjs';
import { readLetters } from '../crash/letters.mjs';
import { judge } from '../crash/oracle.mjs';
import { OTHER_ROUTES, Plan, ROUTES } from '../crash/plan.mjs';
import { Processes } from '../crash/processes.mjs';
import { startSenders } from '../crash/senders.mjs';
import { outboxStats } from '../lib/outbox.mjs';
import { waitFor } from '../lib/wait.mjs';
import { drift, holdings } from './drift.mjs';
import { startRude } from './rude.mjs';

const CONCURRENCY = 16; // attempts at once, each with a connection
const SENDERS = 16;
const RUDE = 6;
const BURST = 120;
const EVENTS_PER_MS = 0.3; // the oracle keeps all events in memory, perhaps for an hour
const BACKLOG = 3000;
const RESTS = 4; // at least so many, since drift() compares quarters
const PAUSE_MS = 300;
const DRAIN_MS = 180_000;
const SETTLE_MS = 5000; // until freed memory is given back: see server/memory.c

const ACTS = { burst: 30, look: 25, rotate: 15, route: 15, misroute: 10 };
const RESTARTS = { stop: 15, kill: 15 };
// Runs for that many ms, in rounds of loadMs. Returns {violations, figures, folder}; the folder
// stays if something is wrong.
export async function mixed({ seed, ms, loadMs, slackKib, onProgress = () => {} }) {
  const folder = makeRunFolder();
  const world = await World.start({ seed, folder, loadMs, onProgress });
  return runAndJudge({
    folder,
    seed,
    world,
    judge: (history) => world.judge(history, slackKib),
    run: () => world.live(ms),
  });
}

class World {
  static async start({ seed, folder, loadMs, onProgress }) {
    const self = new World();
    const dice = new Dice(seed);
    let now = 0;
    const stamp = () => ++now;
    const plan = new Plan(dice.fork('plan'), stamp);
    const file = (name) => path.join(folder, name);
    Object.assign(self, {
      folder,
      loadMs,
      onProgress,
      plan,
      dice,
      file,
      acts: dice.fork('acts'),
      backlog: new Set(),
      violations: [],
      rests: [],
      secret: 'soak-secret-0',
      revoked: 'soak-secret-none',
      rounds: 0,
      done: {},
      fdsAtMost: 0,
      isLoaded: false,
    });
    self.convex = await Convex.start({
      plan,
      dice: dice.fork('convex'),
      stamp,
      onMoment: () => {},
    });
    writeFileSync(file('secret'), self.secret);
    writeFileSync(file('secret-previous'), '');
    self.#writeRoutes(ROUTES);
    self.env = {
      CONVEX_URL: self.convex.url,
      CONVEX_TIMEOUT_MS: String(TIMEOUT_MS),
      CONVEX_CONCURRENCY: String(CONCURRENCY),
      SYNC_SECRET: undefined,
      SYNC_SECRET_FILE: file('secret'),
      SYNC_SECRET_PREVIOUS_FILE: file('secret-previous'),
      ROUTES: file('routes.json'),
      OUTBOX: file('outbox.db'),
      SYNC_WAIT_MS: '200',
      DRAIN_MS: '300',
      ADMIN_PORT: '0',
      LOG_LEVEL: 'info',
    };
    self.processes = new Processes({ env: self.env, convex: self.convex });
    return self;
  }

  async live(ms) {
    const start = performance.now();
    const passed = (share) => performance.now() - start > share * ms;
    await this.#start();
    do await this.#round({ ...ACTS, ...RESTARTS });
    while (!passed(0.5));
    await this.#restart('stop');
    const watch = setInterval(() => {
      this.fdsAtMost = Math.max(this.fdsAtMost, this.#holdings().fds);
    }, 100);
    while (!passed(1) || this.rests.length < RESTS) {
      await this.#round(ACTS);
      await sleep(SETTLE_MS);
      this.rests.push(this.#holdings());
    }
    clearInterval(watch);
    const { peak } = this.#holdings();
    this.atMost = { rss: peak, fds: this.fdsAtMost };
    await this.processes.stop();
    return {
      events: this.plan.events,
      attempts: this.convex.attempts,
      ends: this.processes.ends,
      meddled: new Set(),
      timeoutMs: TIMEOUT_MS,
      letters: await readLetters(this.env, this.plan),
      stats: await outboxStats(this.env),
    };
  }

  judge(history, slackKib) {
    const { violations, figures } = judge(history);
    const held = drift(this.rests, slackKib, CONCURRENCY);
    const all = [...violations, ...this.violations, ...held.violations];
    const told = ({ rss, fds }) => ({ kib: rss, descriptors: fds });
    return {
      violations: all,
      figures: {
        ...figures,
        acts: this.done,
        rests: this.rests.length,
        atRest: told(held.first),
        atRestInTheEnd: told(held.last),
        atMost: told(this.atMost),
        violations: all.length,
      },
    };
  }

  async end() {
    this.isLoaded = false;
    await this.processes.relay?.end();
    await this.convex.shut();
  }

  // ---- one round ----

  // One round: load, and then rest.
  async #round(acts) {
    const dice = this.dice.fork(`round ${(this.rounds += 1)}`);
    const target = () => this.processes.target;
    this.isLoaded = true;
    const senders = startSenders(SENDERS, {
      plan: this.plan,
      dice,
      target,
      mayGo: () => this.#mayGo(),
      onAnswer: (event) => this.#answered(event),
      secret: () => this.secret,
    });
    const rude = startRude(RUDE, {
      dice,
      target,
      secrets: () => ({ secret: this.secret, revoked: this.revoked }),
      report: (kind, text) => this.violations.push({ kind, text }),
    });
    const weather = this.convex.changeWeather(dice.fork('weather'), () => !this.isLoaded);
    const end = performance.now() + this.loadMs;
    this.allowedAt = performance.now();
    while (performance.now() < end) {
      await sleep(this.acts.int(0, PAUSE_MS));
      await this.#act(this.acts.weighted(acts), senders);
    }
    this.isLoaded = false;
    await Promise.all([senders.stop(), rude.stop(), weather]);
    await this.#rest();
  }

  async #act(name, senders) {
    this.done[name] = (this.done[name] ?? 0) + 1;
    this.onProgress({
      rounds: this.rounds,
      events: this.plan.events.length,
      backlog: this.#backlog(),
    });
    switch (name) {
      case 'burst':
        return senders.burst(BURST);
      case 'look':
        return this.#look();
      case 'rotate':
        return this.#rotate();
      case 'route':
        return this.#reroute(this.acts.pick([ROUTES, OTHER_ROUTES]));
      case 'misroute':
        return this.#misroute();
      default:
        return this.#restart(name);
    }
  }

  // Waits until all is delivered and no client is connected.
  async #rest() {
    const { child } = this.processes.relay;
    await waitFor(
      'everything to be delivered',
      async () => {
        if (!child.isRunning()) throw new Error(`the relay ended:\n${child.stderr()}`);
        return (await outboxStats(this.env)).pending === 0 || sleep(100);
      },
      DRAIN_MS,
    );
    await waitFor(
      'the descriptors to come back',
      () => this.#holdings().fds <= this.idle.fds,
    ).catch(() => {}); // drift() reports that
  }

  #holdings() {
    return holdings(this.processes.relay.child.pid, this.convex.port);
  }

  // ---- what happens ----

  // Rotates the secret, by the steps of docs/operating.md.
  async #rotate() {
    const old = this.secret;
    const next = `soak-secret-${this.done.rotate}`;
    writeFileSync(this.file('secret-previous'), old);
    writeFileSync(this.file('secret'), next);
    await this.#reload('reloaded');
    this.secret = next;
    const shownOld = this.plan.events.filter(({ endedAt, left }) => endedAt === Infinity && !left);
    await waitFor('the old secret to fall out of use', () =>
      shownOld.every(({ endedAt, left }) => left || endedAt !== Infinity),
    );
    writeFileSync(this.file('secret-previous'), '');
    await this.#reload('reloaded');
    this.revoked = old;
  }

  async #reroute(routes) {
    this.#writeRoutes(routes);
    await this.#reload('reloaded');
  }

  // A broken file changes nothing.
  async #misroute() {
    writeFileSync(this.file('routes.json'), '{"users":');
    await this.#reload('not reloaded');
    await this.#reroute(ROUTES);
  }

  #writeRoutes(routes) {
    writeFileSync(this.file('routes.json'), JSON.stringify(routes));
  }

  async #reload(wanted) {
    const { child } = this.processes.relay;
    const from = child.stderr().length;
    this.processes.signal('SIGHUP');
    await waitFor(`"${wanted}"`, () => child.stderr().includes(` ${wanted}`, from));
  }

  // Requests of a Prometheus and of a curious person.
  async #look() {
    const [, address] = await this.processes.relay.child.find(
      'stderr',
      /admin listening\b.*?((?:\d+\.){3}\d+:\d+)/,
    );
    for (const page of ['metrics', 'status']) {
      const status = await new Promise((resolve, reject) => {
        http
          .get(`http://${address}/${page}`, { agent: false }, (response) =>
            response.resume().on('end', () => resolve(response.statusCode)),
          )
          .on('error', reject);
      });
      if (status !== 200)
        this.violations.push({ kind: 'unexpected', text: `/${page} was answered ${status}` });
    }
  }

  async #restart(how) {
    await this.processes[how]();
    await this.#start();
  }

  async #start() {
    await this.processes.spawn().listening;
    this.idle = this.#holdings();
  }

  // ---- how much ----

  #mayGo() {
    const now = performance.now();
    if (
      !this.isLoaded ||
      now < this.allowedAt ||
      this.processes.target.isEnding ||
      this.#backlog() >= BACKLOG
    )
      return false;
    this.allowedAt = Math.max(this.allowedAt, now - 20) + 1 / EVENTS_PER_MS;
    return true;
  }

  #answered(event) {
    if (event.status === 202 && event.kind === 'deliver' && !event.settled) this.backlog.add(event);
  }

  #backlog() {
    for (const event of this.backlog) if (event.settled) this.backlog.delete(event);
    return this.backlog.size;
  }
}
