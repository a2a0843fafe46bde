// SPDX-License-Identifier: MIT
// Tells convex-relay what has changed in Hive.
//
// Two settings of the app, to be read when it runs: the name of neither starts with BLADE_, because
// Blade writes those values into its bundles when it builds.
//   CONVEX_RELAY_URL   where the relay is, e.g. https://relay.example.com
//   SYNC_SECRET        the relay's, too

export interface SyncEvent {
  model: string;
  operation: 'add' | 'set' | 'remove';
  /** The record's id. The relay keeps the order of events that have the same one. */
  hiveId: string;
  data: Record<string, unknown>;
}

// For all tries of an event. The relay answers within its SYNC_WAIT_MS (10 s), and Cloudflare ends
// what still runs 30 s after the response.
const LIMIT_MS = 25_000;

// For a relay that is being restarted, or a proxy that has not found it yet. A later event of the
// record may overtake the one that waits here: the mutations compare `updatedAt`.
const PAUSES_MS = [250, 1_000, 4_000];
const TRY_AGAIN = new Set([429, 502, 503, 504]);

// One `set` may touch thousands of records, and there are not as many sockets.
const AT_ONCE = 100;

/** Sends events. Never throws: the write in Hive has happened, and nobody waits for an error. */
export async function syncToConvex(events: SyncEvent[]): Promise<void> {
  const url = process.env['CONVEX_RELAY_URL'];
  const secret = process.env['SYNC_SECRET'];
  if (!url || !secret) {
    console.error('[convex-sync] CONVEX_RELAY_URL and SYNC_SECRET must be set: nothing is synced');
    return;
  }
  const endpoint = `${url.replace(/\/+$/, '')}/convex/sync`;
  const left = events.values(); // the workers take turns
  const work = async () => {
    for (const event of left) await sendOrLog(endpoint, secret, event);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, events.length) }, work));
}

/** A time of Blade's as Convex compares it. A query that selects fields may have left it out. */
export const millis = (time: string | Date | undefined) =>
  time === undefined ? undefined : new Date(time).getTime();

async function sendOrLog(endpoint: string, secret: string, event: SyncEvent) {
  const { model, operation, hiveId } = event;
  try {
    const failure = await send(endpoint, secret, JSON.stringify(event));
    if (failure) console.error(`[convex-sync] ${operation} ${model} ${hiveId}: ${failure}`);
  } catch (error) {
    console.error(`[convex-sync] ${operation} ${model} ${hiveId}:`, error);
  }
}

/** What the relay or the network said against the event; undefined if the relay has taken it. */
async function send(endpoint: string, secret: string, body: string) {
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
      const answer = await response.text(); // or the connection could not be used again
      if (response.ok) return undefined;
      if (pause === undefined || !TRY_AGAIN.has(response.status))
        return `${response.status} ${answer}`;
    } catch (error) {
      if (pause === undefined || limit.aborted) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
