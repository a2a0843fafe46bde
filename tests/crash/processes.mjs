// SPDX-License-Identifier: MIT
// The processes of a relay on one outbox, one after the other, and how each process ended.

import { setTimeout as sleep } from 'node:timers/promises';
import { spawnRelay } from '../lib/relay.mjs';
import { PATIENCE_MS, waitFor } from '../lib/wait.mjs';

const START_MS = PATIENCE_MS;
const LISTENING = /listening\b.*?127\.0\.0\.1:(\d+)/;

export class Processes {
  // env: the environment of each process. convex is told which process calls.
  constructor({ env, convex }) {
    Object.assign(this, {
      env,
      convex,
      life: 0,
      relay: null,
      asked: [],
      ends: [],
      logs: [],
      target: null, // {port, life, isEnding} of the process that listens now
    });
  }

  spawn(env = {}) {
    const hooks = [];
    const child = spawnRelay(
      { after: (hook) => hooks.push(hook) },
      { env: { ...this.env, ...env } },
    );
    this.life += 1;
    this.convex.life = this.life;
    this.asked = [];
    const relay = {
      child,
      exited: child.exited,
      // Resolves to true once the process listens, to false if it ends first.
      listening: waitFor(
        `process ${this.life} to listen`,
        () => LISTENING.test(child.stderr()) || !child.isRunning(),
        START_MS,
      ).then(() => {
        const port = Number(LISTENING.exec(child.stderr())?.[1]);
        if (this.relay === relay && port && child.isRunning() && !this.asked.length)
          this.target = { port, life: this.life, isEnding: false };
        return child.isRunning();
      }),
      end: async () => {
        for (const hook of hooks) await hook();
      },
    };
    relay.listening.catch(() => {}); // whoever waits for the process gets the error
    this.relay = relay;
    return relay;
  }

  signal(name) {
    if (name !== 'SIGHUP') {
      if (this.target) this.target.isEnding = true;
      if (this.relay.child.isRunning()) this.asked.push(name);
    }
    this.relay.child.signal(name);
    this.relay.child.signal('SIGCONT'); // it may be frozen
  }

  async kill() {
    if (!this.asked.length) this.signal('SIGKILL');
    await this.#ended();
  }

  // Stops the process as systemd would, perhaps with a second signal in the middle of the stop.
  async stop({ second = null, afterMs = 0 } = {}) {
    if (!this.asked.length) this.signal('SIGTERM');
    if (second) {
      await Promise.race([sleep(afterMs), this.relay.exited]);
      this.signal(second);
    }
    // A stop that takes too long ends by a kill that nobody asked for, which the oracle reports.
    const late = setTimeout(() => this.relay.child.signal('SIGKILL'), START_MS);
    await this.#ended();
    clearTimeout(late);
  }

  async #ended() {
    const { relay } = this;
    const { code, signal } = await relay.exited;
    await relay.listening.catch(() => {});
    this.target = null;
    const complaint = await relay.end().then(
      () => undefined,
      (error) => error.message,
    );
    this.ends.push({ life: this.life, asked: this.asked, code, signal, complaint });
    this.logs.push(`---- process ${this.life}\n`, relay.child.stderr());
    await this.convex.idle();
  }
}
