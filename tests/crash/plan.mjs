// SPDX-License-Identifier: MIT
// What is sent: numbered events of many records, some of them with many events, and every other
// kind of request that senders make.

import { createHash } from 'node:crypto';

export const SEQUENCE = 'seq';
export const ROUTES = {
  users: {
    mutation: 'users:syncFromBlade',
    batch: { mutation: 'users:syncBatch', max: 6, argument: 'items' },
    sequence: SEQUENCE,
  },
  posts: {
    mutation: 'posts:syncFromBlade',
    remove: 'posts:deleteByBladeId',
    batch: 'posts:syncBatch',
  },
  things: { mutation: 'things:sync', concurrency: 2 },
};
const MODELS = Object.keys(ROUTES);
const RECORDS = 40;
const HOT = 4; // records that get half of all events

const KINDS = {
  set: 840,
  withoutHiveId: 40,
  withoutRecord: 30,
  remove: 20,
  removeWithData: 10,
  poison: 15,
  stray: 12,
  refused: 12,
  large: 8,
  huge: 1,
};
const REFUSED = [
  () => null,
  () => [1, 2],
  (n) => ({ bladeId: 'x', [`$bad${n}`]: 1 }),
  () => 'text',
];

export const digest = (value) => createHash('sha1').update(JSON.stringify(value)).digest('base64');

export class Plan {
  constructor(dice, stamp) {
    this.dice = dice;
    this.stamp = stamp;
    this.events = []; // all events that were sent, by their number
    this.removals = new Map(); // bladeId of a removed record: the event that removes it
    this.busy = new Map(); // lanes with an event under way
    this.records = Array.from({ length: RECORDS }, (_, i) => ({
      model: MODELS[i % MODELS.length],
      id: `rec_${i}`,
    }));
    this.gone = []; // events that end a record's life, to be sent in this order
  }

  // Makes the next event to send: {event, body}. Most are of a record without an event under way,
  // so that the order of the record's events is certain.
  next() {
    const n = this.events.length;
    const { kind, lane, message } = this.#make(n);
    const event = {
      n,
      kind,
      lane,
      sentAt: 0,
      endedAt: Infinity,
      status: null,
      body: null,
      left: false,
      excused: false,
      digest: message.args === undefined ? null : digest(message.args),
      poison: message.data?.poison === true,
    };
    delete message.args;
    this.events.push(event);
    if (lane !== null) this.busy.set(lane, (this.busy.get(lane) ?? 0) + 1);
    return { event, body: JSON.stringify(message) };
  }

  begin(event) {
    event.sentAt = this.stamp();
  }

  end(event, answer) {
    Object.assign(event, answer, { endedAt: answer.left ? Infinity : this.stamp() });
    if (event.lane === null) return;
    const count = this.busy.get(event.lane) - 1;
    if (count) this.busy.set(event.lane, count);
    else this.busy.delete(event.lane);
  }

  // The arguments of the events that a call is about; of a batch, several.
  itemsOf(path, args) {
    return path.endsWith('Batch') ? Object.values(args)[0] : [args];
  }

  // The event that a call of a mutation, or an item of a batch, is about.
  eventOf(path, args) {
    return this.events[path === ROUTES.posts.remove ? this.removals.get(args.bladeId) : args.n];
  }

  #make(n) {
    const { dice } = this;
    const next = this.gone.findIndex(({ lane }) => !this.busy.has(lane));
    if (next >= 0) {
      const [{ lane, make }] = this.gone.splice(next, 1);
      return { kind: 'deliver', lane, message: make(n) };
    }
    const { model, id } = this.#record();
    const lane = `${model}/${id}`;
    const data = { bladeId: id, n, name: `change ${n}` };
    const set = (more) => ({
      kind: 'deliver',
      lane,
      message: { model, operation: 'set', hiveId: id, data, args: data, ...more },
    });
    const withData = (more) => set({ data: { ...data, ...more }, args: { ...data, ...more } });
    switch (dice.weighted(KINDS)) {
      case 'withoutHiveId':
        return set({ hiveId: undefined });
      case 'withoutRecord': {
        const bare = { n, name: 'of nobody' };
        return { ...set({ hiveId: undefined, data: bare, args: bare }), lane: null };
      }
      case 'remove':
        return this.#shortLife(n);
      case 'removeWithData':
        return model === 'posts' ? set() : set({ operation: 'remove' });
      case 'poison':
        return withData({ poison: true });
      case 'large':
        return withData({ text: 'x'.repeat(dice.int(50_000, 500_000)) });
      case 'huge':
        return withData({ text: 'x'.repeat(dice.int(1_000_000, 4_000_000)) });
      case 'stray':
        return {
          kind: 'stray',
          lane: null,
          message: { model: 'invoices', hiveId: `stray_${n}`, data },
        };
      case 'refused':
        return {
          kind: 'refused',
          lane: null,
          message: { model, hiveId: `refused_${n}`, data: dice.pick(REFUSED)(n) },
        };
      default:
        return set();
    }
  }

  #record() {
    const { dice, records } = this;
    for (let tries = 0; tries < 20; tries++) {
      const record = records[dice.chance(0.5) ? dice.int(0, HOT - 1) : dice.int(0, RECORDS - 1)];
      if (!this.busy.has(`${record.model}/${record.id}`) || dice.chance(0.03)) return record;
    }
    return dice.pick(records);
  }

  // A record that is made, removed and made again. The mutation for removals gets the record's id
  // and nothing else.
  #shortLife(n) {
    const id = `gone_${n}`;
    const lane = `posts/${id}`;
    const made = (number) => {
      const data = { bladeId: id, n: number };
      return { model: 'posts', operation: 'add', hiveId: id, data, args: data };
    };
    const removed = (number) => {
      this.removals.set(id, number);
      return { model: 'posts', operation: 'remove', hiveId: id, args: { bladeId: id } };
    };
    this.gone.push({ lane, make: removed }, { lane, make: made });
    return { kind: 'deliver', lane, message: made(n) };
  }
}
