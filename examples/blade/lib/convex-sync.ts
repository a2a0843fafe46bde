// SPDX-License-Identifier: MIT
// Tells convex-relay what has changed in Hive.
//
// Two settings of the app, to be read at run time: the name of neither starts with BLADE_, because
// Blade writes those values into its bundles when it builds.
//   CONVEX_RELAY_URL   where the relay is, e.g. https://relay.example.com
//   SYNC_SECRET        the relay's, too

export interface SyncRecord {
  /** The record's id. The relay keeps the order of events that have the same one. */
  hiveId: string;
  data: Record<string, unknown>;
}

interface Change {
  model: string;
  operation: 'add' | 'set' | 'remove';
}

type Answer = { ok: boolean; status: number; text: string };
type Post = (path: string, body: object) => Promise<Answer>;

// For all tries of a request. The relay answers within its SYNC_WAIT_MS (10 s), and Cloudflare ends
// what still runs 30 s after the response.
const LIMIT_MS = 25_000;

// For a relay that is being restarted, or a proxy that has not found it yet. A later event of the
// record may overtake the one that waits here: the mutations compare `updatedAt`.
const PAUSES_MS = [250, 1_000, 4_000];
const TRY_AGAIN = new Set([429, 502, 503, 504]);

// Of one request: the relay's MAX_BODY_BYTES less what stands around the records.
const MAX_BYTES = 16 * 1024 * 1024 - 1024;
const MAX_RECORDS = 10_000;

// An older relay has no batches (404), and another limit may be lower (413). Then each goes alone,
// and there are not as many sockets as records that one `set` may touch.
const NO_BATCH = new Set([404, 413]);
const AT_ONCE = 100;

// So many ids stand in a line of the log that is about a whole request.
const NAMED = 10;

/** Sends a change. Never throws: the write in Hive has happened, and nobody waits for an error. */
export async function syncToConvex(
  model: string,
  operation: Change['operation'],
  records: SyncRecord[],
): Promise<void> {
  const url = process.env['CONVEX_RELAY_URL'];
  const secret = process.env['SYNC_SECRET'];
  if (!url || !secret) {
    console.error('[convex-sync] CONVEX_RELAY_URL and SYNC_SECRET must be set: nothing is synced');
    return;
  }
  const post: Post = (path, body) =>
    send(`${url.replace(/\/+$/, '')}${path}`, secret, JSON.stringify(body));
  const change = { model, operation };
  const chunks = [...chunksOf(records)].map((chunk) => sendTogether(post, change, chunk));
  const left = (await Promise.all(chunks)).flat().values(); // the workers take turns
  const work = async () => {
    for (const record of left) await sendAlone(post, change, record);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, records.length) }, work));
}

/** A time of Blade's as Convex compares it. A query that selects fields may lack the time. */
export const millis = (time: string | Date | undefined) =>
  time === undefined ? undefined : new Date(time).getTime();

function* chunksOf(records: SyncRecord[]) {
  let chunk: SyncRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const more = new TextEncoder().encode(JSON.stringify(record)).length + 1;
    if (chunk.length === MAX_RECORDS || (chunk.length > 0 && bytes + more > MAX_BYTES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(record);
    bytes += more;
  }
  if (chunk.length > 0) yield chunk;
}

/** Sends records in one request. Gives back those that have to go alone. */
async function sendTogether(post: Post, change: Change, records: SyncRecord[]) {
  if (records.length === 1) return records;
  try {
    const answer = await post('/convex/sync/batch', { ...change, records });
    if (NO_BATCH.has(answer.status)) return records;
    if (answer.ok) logRefused(change, records, answer);
    else log(change, records, failureOf(answer));
  } catch (error) {
    log(change, records, error);
  }
  return [];
}

async function sendAlone(post: Post, change: Change, record: SyncRecord) {
  try {
    const answer = await post('/convex/sync', { ...change, ...record });
    if (!answer.ok) log(change, [record], failureOf(answer));
  } catch (error) {
    log(change, [record], error);
  }
}

/** What the relay, or a proxy in front of it, answers in the end. */
async function send(endpoint: string, secret: string, body: string): Promise<Answer> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  for (let tries = 0; ; tries++) {
    const pause = PAUSES_MS[tries];
    try {
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Sync-Secret': secret },
        body,
        signal: limit,
      });
      const text = await response.text(); // or the connection could not be used again
      const { ok, status } = response;
      if (pause === undefined || !TRY_AGAIN.has(status)) return { ok, status, text };
    } catch (error) {
      if (pause === undefined || limit.aborted) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** The relay has an entry for each record, in the same order, with an error where one failed. */
function logRefused(change: Change, records: SyncRecord[], { text }: Answer) {
  const { results } = JSON.parse(text) as { results: { error?: string }[] };
  for (const [i, { error }] of results.entries()) {
    if (error !== undefined) log(change, records.slice(i, i + 1), reasonOf(error));
  }
}

function failureOf({ status, text }: Answer) {
  const { error = text } = parsed(text) ?? {};
  return `${status} ${reasonOf(error)}`;
}

/** The relay's {error}; undefined where it is a proxy's page. */
function parsed(text: string): { error?: string } | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The beginning of what Convex says, and the name of the field: the lines behind show the record. */
const reasonOf = (error: string) =>
  /^(?:\[Request ID: .*\] Server Error\n)?(.*(?:\nPath: .*)?)/.exec(error)?.[1];

function log({ operation, model }: Change, records: SyncRecord[], why: unknown) {
  const names = records.slice(0, NAMED).map(({ hiveId }) => hiveId);
  const more = records.length > NAMED ? ` and ${records.length - NAMED} more` : '';
  console.error(`[convex-sync] ${operation} ${model} ${names.join(', ')}${more}:`, why);
}
