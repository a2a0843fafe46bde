// SPDX-License-Identifier: MIT
// The log of what arrived, in order: for tests of order, overlap and exact bytes.

const MAX_ENTRIES = 50_000;

export class Log {
  constructor() {
    this.entries = [];
    this.inFlight = 0; // calls not answered yet
    this.perRecord = new Map(); // calls not answered yet, by record
    this.clear();
  }

  clear() {
    this.entries.length = 0;
    this.arrivals = 0;
    this.maxInFlight = 0;
    this.maxPerRecord = {};
  }

  // Notes a call. done() follows once the call is answered, or its connection gone.
  arrive({ method, path, headers, body, records = [] }) {
    const entry = {
      n: ++this.arrivals,
      method,
      path,
      headers,
      record: records.length === 1 ? records[0] : null,
      records,
      body: body.toString('utf8'),
      arrivedMs: performance.now(),
      ran: false,
      status: null, // null: no answer was given
    };
    this.entries.push(entry);
    if (this.entries.length > MAX_ENTRIES) this.entries.shift();
    this.count(records, +1);
    return entry;
  }

  done(entry, status) {
    entry.answeredMs = performance.now();
    entry.status = status;
    this.count(entry.records, -1);
  }

  count(records, by) {
    this.inFlight += by;
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight);
    for (const record of records) {
      const now = (this.perRecord.get(record) ?? 0) + by;
      if (now === 0) this.perRecord.delete(record);
      else this.perRecord.set(record, now);
      this.maxPerRecord[record] = Math.max(this.maxPerRecord[record] ?? 0, now);
    }
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

// The records of a call: ["users acc_1"], several for a list of arguments, and none where the call
// names none.
export function recordsOf(body) {
  try {
    const { path, args } = JSON.parse(body);
    const [first] = Array.isArray(args) ? args : [args];
    const list = Object.values(first).find((value) => Array.isArray(value)) ?? [];
    return [first, ...list]
      .filter((one) => typeof one?.bladeId === 'string')
      .map(({ bladeId }) => `${path.split(':')[0]} ${bladeId}`);
  } catch {
    return [];
  }
}
