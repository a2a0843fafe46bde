// SPDX-License-Identifier: MIT
// The log of what arrived, in order: for tests of order, overlap and exact bytes.

const MAX_ENTRIES = 50_000;

export class Log {
  constructor() {
    this.entries = [];
    this.inFlight = new Map(); // calls without an answer so far, by record
    this.clear();
  }

  clear() {
    this.entries.length = 0;
    this.arrivals = 0;
    this.maxInFlight = 0;
    this.maxPerRecord = {};
  }

  // Notes a call; done() is called once it is answered or its connection is gone.
  arrive({ method, path, headers, body, record }) {
    const entry = {
      n: ++this.arrivals,
      method,
      path,
      headers,
      record,
      body: body.toString('utf8'),
      arrivedMs: performance.now(),
      ran: false,
      status: null, // null: no answer was given
    };
    this.entries.push(entry);
    if (this.entries.length > MAX_ENTRIES) this.entries.shift();
    this.count(record, +1);
    return entry;
  }

  done(entry, status) {
    entry.answeredMs = performance.now();
    entry.status = status;
    this.count(entry.record, -1);
  }

  count(record, by) {
    const now = (this.inFlight.get(record) ?? 0) + by;
    if (now === 0) this.inFlight.delete(record);
    else this.inFlight.set(record, now);
    if (record !== null) {
      this.maxPerRecord[record] = Math.max(this.maxPerRecord[record] ?? 0, now);
    }
    let total = 0;
    for (const n of this.inFlight.values()) total += n;
    this.maxInFlight = Math.max(this.maxInFlight, total);
  }

  show() {
    return {
      requests: this.entries,
      maxInFlight: this.maxInFlight,
      maxInFlightPerRecord: Math.max(0, ...Object.values(this.maxPerRecord)),
      byRecord: this.maxPerRecord,
    };
  }
}

// "users acc_1" for a call about the record acc_1; null where the call names none.
export function recordOf(body) {
  try {
    const { path, args } = JSON.parse(body);
    const [first] = Array.isArray(args) ? args : [args];
    return typeof first?.bladeId === 'string' ? `${path.split(':')[0]} ${first.bladeId}` : null;
  } catch {
    return null;
  }
}
