// SPDX-License-Identifier: MIT
// What is sent: numbered events of many records, some of them with many events, and every other
// kind of request that senders make.

import { createHash } from 'node:crypto';
import { answersOf } from './parcels.mjs';

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
// What a reload may bring: batches and numbers come and go.
export const OTHER_ROUTES = {
  users: { mutation: 'users:syncFromBlade' },
  posts: { mutation: 'posts:syncFromBlade', remove: 'posts:deleteByBladeId', sequence: SEQUENCE },
  things: { mutation: 'things:sync', concurrency: 6, batch: 'things:syncBatch' },
  teams: { mutation: 'teams:sync' },
};
const MODELS = Object.keys(ROUTES);
const RECORDS = 40;
const HOT = 4; // records that get half of all events
const STRAY = 'invoices'; // has no route
const PARCELS = 0.04; // of all requests
const PARCEL_SHORT = 8; // events of most parcels at most
const PARCEL_LONG = 60;

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
    this.parcels = 0; // how many there were
    this.removals = new Map(); // bladeId of a removed record: the event that removes it
    this.busy = new Map(); // lanes with an event under way
    this.records = Array.from({ length: RECORDS }, (_, i) => ({
      model: MODELS[i % MODELS.length],
      id: `rec_${i}`,
    }));
    this.gone = []; // events that end a record's life, to be sent in this order
  }

  // Makes the next request: {path, body, events}, of an event or of a parcel. Most events are of a
  // record without an event under way, so that the order of the record's events is certain.
  next() {
    return this.dice.chance(PARCELS) ? this.#nextParcel() : this.#nextAlone();
  }

  #nextAlone() {
    const { event, message } = this.#note(this.#make(this.events.length));
    return { path: '/convex/sync', body: JSON.stringify(message), events: [event] };
  }

  // A record may have several events in a parcel, in their order.
  #nextParcel() {
    const { dice } = this;
    const parcel = (this.parcels += 1);
    const size = dice.int(1, dice.chance(0.15) ? PARCEL_LONG : PARCEL_SHORT);
    const model = dice.chance(0.02) ? STRAY : dice.pick(MODELS);
    const notes = Array.from({ length: size }, (_, place) => {
      const n = this.events.length;
      const made = model === STRAY ? this.#stray(n) : this.#make(n, model);
      return this.#note(made, { parcel, place });
    });
    const records = notes.map(({ message: { model: _, operation, ...rest } }) =>
      operation === 'set' ? rest : { ...rest, operation },
    );
    return {
      path: '/convex/sync/batch',
      body: JSON.stringify({ model, operation: 'set', records }),
      events: notes.map(({ event }) => event),
    };
  }

  #note({ kind, lane, message: { args, ...message } }, more = { parcel: null, place: 0 }) {
    const event = {
      n: this.events.length,
      kind,
      lane,
      ...more,
      sentAt: 0,
      endedAt: Infinity,
      status: null,
      body: null,
      left: false,
      excused: false,
      digest: args === undefined ? null : digest(args),
      poison: message.data?.poison === true,
    };
    this.events.push(event);
    if (lane !== null) this.busy.set(lane, (this.busy.get(lane) ?? 0) + 1);
    return { event, message };
  }

  // The events of a request are sent in their order.
  begin(events) {
    for (const event of events) event.sentAt = this.stamp();
    events[0].sentMs = performance.now();
  }

  end(events, answer) {
    const { parcel } = events[0];
    const answers = parcel === null ? [answer] : answersOf(events, answer);
    const endedAt = answer.left ? Infinity : this.stamp();
    const waitedMs = performance.now() - events[0].sentMs;
    for (const [i, event] of events.entries())
      this.#end(event, { ...answer, ...answers[i], endedAt, waitedMs });
  }

  #end(event, answer) {
    Object.assign(event, answer);
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

  // only: the model; null: any.
  #make(n, only = null) {
    const { dice } = this;
    const next = this.gone.findIndex(({ lane }) => !this.busy.has(lane));
    if (next >= 0 && [null, 'posts'].includes(only)) {
      const [{ lane, make }] = this.gone.splice(next, 1);
      return { kind: 'deliver', lane, message: make(n) };
    }
    const { model, id } = this.#record(only);
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
        return [null, 'posts'].includes(only) ? this.#shortLife(n) : set();
      case 'removeWithData':
        return model === 'posts' ? set() : set({ operation: 'remove' });
      case 'poison':
        return withData({ poison: true });
      case 'large':
        return withData({ text: 'x'.repeat(dice.int(50_000, 500_000)) });
      case 'huge':
        return withData({ text: 'x'.repeat(dice.int(1_000_000, 4_000_000)) });
      case 'stray':
        return only === null ? this.#stray(n) : set();
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

  #stray(n) {
    const message = { model: STRAY, hiveId: `stray_${n}`, data: { bladeId: `stray_${n}`, n } };
    return { kind: 'stray', lane: null, message };
  }

  #record(only) {
    const { dice } = this;
    const records = this.records.filter(({ model }) => only === null || model === only);
    const hot = Math.ceil((HOT * records.length) / RECORDS);
    for (let tries = 0; tries < 20; tries++) {
      const record = records[dice.int(0, (dice.chance(0.5) ? hot : records.length) - 1)];
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
