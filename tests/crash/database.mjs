// SPDX-License-Identifier: MIT
// A PostgreSQL that the outbox of a run is in, and that goes away again and again meanwhile.

import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres } from '../lib/postgres.mjs';
import { startTcpProxy } from '../lib/tcp-proxy.mjs';

// How long an event waits for a database that is away: the relay's own figure.
export const PATIENCE_MS = 5000;

// What may happen to it, and how often. Each takes less time than an event waits, if the machine is
// not too busy; the oracle knows what that makes of an answer.
const TROUBLES = {
  fast: 3,
  immediate: 3,
  kill: 3,
  sessions: 5,
  cut: 5,
  unheard: 5,
  hang: 2,
  slow: 2,
  frozen: 2,
};

export class Database {
  static async start(dice) {
    const self = new Database();
    const hooks = [];
    const t = { after: (hook) => hooks.unshift(hook) };
    const postgres = await startPostgres(t, { settings: { max_connections: 40 } });
    const proxy = await startTcpProxy(t, postgres.port);
    Object.assign(self, { dice, hooks, postgres, proxy, troubles: {} });
    self.uri = postgres.uri({ parameters: { connect_timeout: 2 } }); // for commands
    self.relayEnv = { OUTBOX: self.uri.replace(`:${postgres.port}/`, `:${proxy.port}/`) };
    return self;
  }

  // Troubles it until isOver(); it is well in the end.
  async trouble(isOver) {
    while (!isOver()) {
      await sleep(this.dice.int(100, 1500));
      if (isOver()) break;
      const what = this.dice.weighted(TROUBLES);
      this.troubles[what] = (this.troubles[what] ?? 0) + 1;
      await this.#befall(what);
    }
  }

  async #befall(what) {
    const { postgres, proxy, dice } = this;
    if (what === 'fast' || what === 'immediate' || what === 'kill') {
      await (what === 'kill' ? postgres.kill() : postgres.stop(what));
      await sleep(dice.int(0, 500));
      await postgres.start();
    } else if (what === 'sessions') {
      await postgres.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'relay'",
      );
    } else if (what === 'cut') {
      proxy.cut();
    } else if (what === 'frozen') {
      process.kill(postgres.pid(), 'SIGSTOP'); // no new session, while the old ones go on
      await sleep(dice.int(50, 800));
      process.kill(postgres.pid(), 'SIGCONT');
    } else {
      if (what === 'unheard') proxy.eat();
      if (what === 'hang') proxy.hang();
      if (what === 'slow') proxy.delayMs = dice.int(1, 100);
      await sleep(dice.int(20, 800));
      proxy.heal();
    }
  }

  async end() {
    for (const hook of this.hooks) await hook();
  }
}
