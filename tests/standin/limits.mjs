// SPDX-License-Identifier: MIT
// How much one transaction may read and write. Sources below get-convex/convex-backend crates/:
// common/src/knobs.rs (TRANSACTION_MAX_*), database/src/{reads,writes}.rs. convex-test counts what
// is written. What is read is counted here: to Convex two reads of one range of an index are one
// range, and convex-test would count the stand-in's own reads, too. Kinder than Convex: what a
// filter leaves out is not counted, nor what a query reads.

import { transaction } from './transaction.mjs';
import { sizeOf } from './values.mjs';

const READS = { documentsRead: 32_000, bytesRead: 16 * 2 ** 20, databaseQueries: 4096 };
const UNITS = [
  [2 ** 30, 'GiB'],
  [1e9, 'GB'],
  [2 ** 20, 'MiB'],
  [1e6, 'MB'],
  [2 ** 10, 'KiB'],
  [1e3, 'KB'],
];

const IN_ONE = 'in a single function execution';
const HELP =
  'Consider using smaller limits in your queries, paginating your queries, or using indexed queries with a selective index range expressions.';
export const TEXTS = {
  documentsRead: (n) => `Too many documents read ${IN_ONE} (limit: ${n}). ${HELP}`,
  bytesRead: (n) => `Too many bytes read ${IN_ONE} (limit: ${n} bytes). ${HELP}`,
  databaseQueries: (n) => `Too many reads ${IN_ONE} (limit: ${n}). ${HELP}`,
  documentsWritten: (n) => `Too many writes ${IN_ONE} (limit: ${n})`,
  bytesWritten: (n) => `Too many bytes written ${IN_ONE} (limit: ${formatBytes(n)})`,
};

const CONVEX_TESTS = [
  [/^Wrote too many documents .*\(limit: (\d+)\)/, TEXTS.documentsWritten],
  [/^Wrote too much data .*\(limit: (\d+) bytes\)/, TEXTS.bytesWritten],
];

// What Convex says where convex-test has said this.
export function limitText(message) {
  for (const [pattern, text] of CONVEX_TESTS) {
    const found = pattern.exec(message);
    if (found) return text(Number(found[1]));
  }
  return message;
}

// common/src/fmt.rs: format_bytes.
function formatBytes(n) {
  for (const [size, name] of UNITS) {
    if (n >= size && (n * 10) % size === 0) return `${n / size} ${name}`;
  }
  return `${n} bytes`;
}

// Limits by the names of TEXTS, those that are given instead of Convex's: for convex-test's
// transactionLimits, and for countedDb(). Throws an Error that names one that there is not.
export function takeLimits(limits) {
  const unknown = Object.keys(limits).find((name) => !Object.hasOwn(TEXTS, name));
  if (unknown !== undefined) throw new Error(`unknown limit ${unknown}`);
  const endless = Object.fromEntries(Object.keys(READS).map((name) => [name, Infinity]));
  return { readLimits: { ...READS, ...limits }, transactionLimits: { ...limits, ...endless } };
}

// A database that counts what is read. The reads of an inner transaction count, too, and are not
// taken back with the transaction.
export function countedDb(db, limits) {
  const check = (name, count) => {
    if (count > limits[name]) throw new Error(TEXTS[name](limits[name]));
  };
  const noteRange = (...range) => {
    const { reads } = transaction();
    reads.ranges.add(JSON.stringify(range));
    check('databaseQueries', reads.ranges.size);
  };
  const noteDocument = (document) => {
    const { reads } = transaction();
    check('documentsRead', (reads.documents += 1));
    check('bytesRead', (reads.bytes += sizeOf(document)));
  };

  const counted = Object.create(db);
  counted.query = (table) =>
    countedQuery(db.query(table), (...range) => noteRange(table, ...range), noteDocument);
  // May be called with the table's name in front of the id. What is written is read before.
  for (const [method, operands] of Object.entries({ get: 1, patch: 2, replace: 2, delete: 1 })) {
    counted[method] = async (...args) => {
      const id = args[args.length - operands];
      noteRange(id);
      const document = await db.get(id);
      if (document !== null) noteDocument(document);
      return method === 'get' ? document : db[method](...args);
    };
  }
  return counted;
}

// Without withIndex() a query goes through the whole table.
const countedQuery = (query, noteRange, noteDocument) =>
  new Proxy(query, {
    get: (_, method) =>
      method === 'withIndex'
        ? (index, range) => {
            noteRange(index, boundsOf(range));
            return countedResults(query.withIndex(index, range), noteDocument);
          }
        : (...args) => {
            noteRange();
            return countedResults(query, noteDocument)[method](...args);
          },
  });

// A query whose documents are counted as they come, by whatever method.
const countedResults = (query, note) =>
  new Proxy(query, {
    get: (_, method) =>
      typeof query[method] === 'function'
        ? (...args) => {
            const result = query[method](...args);
            if (method === Symbol.asyncIterator) return countedResults(result, note);
            if (typeof result.then !== 'function') return countedResults(result, note);
            return result.then((found) => {
              documentsOf(method, found).forEach(note);
              return found;
            });
          }
        : query[method],
  });

function documentsOf(method, found) {
  if (method === 'next' || method === 'return') return found.done ? [] : [found.value];
  if (method === 'paginate') return found.page;
  if (Array.isArray(found)) return found;
  return found === null ? [] : [found];
}

function boundsOf(range) {
  const bounds = [];
  const builder = new Proxy(
    {},
    {
      get: (_, comparison) => (field, value) => {
        bounds.push([comparison, field, typeof value === 'bigint' ? `${value}n` : value]);
        return builder;
      },
    },
  );
  range?.(builder);
  return bounds;
}
