// SPDX-License-Identifier: MIT
// Many events in one call, for a route with `batch`: half a hundred records cost one mutation of
// those that Convex bills and runs at once.
import type { FunctionReference } from 'convex/server';
import { v, type Infer } from 'convex/values';
import type { MutationCtx } from './_generated/server';

/**
 * What the relay reads of each item, in the same order: done; or why the item never will be, as if
 * the single mutation had thrown; or why to try the item again later.
 */
export const outcomes = v.array(
  v.union(v.null(), v.object({ error: v.string() }), v.object({ again: v.string() })),
);

export type Outcomes = Infer<typeof outcomes>;

/** The events as they come: the single mutation checks each, so that a bad one fails alone. */
export const items = v.array(v.any());

/**
 * Runs the single mutation for one item after the other. What an item throws undoes the item alone:
 * ctx.runMutation() is a transaction within the transaction. Conflicts, timeouts and Convex's own
 * trouble never arrive here; they end the whole call, and the relay calls again.
 */
export async function eachAlone(
  ctx: MutationCtx,
  mutation: FunctionReference<'mutation', 'internal'>,
  list: Infer<typeof items>,
) {
  const results: Outcomes = [];
  for (const item of list) {
    try {
      await ctx.runMutation(mutation, item);
      results.push(null);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (OVER_LIMIT.test(reason)) throw error;
      results.push({ error: reason });
    }
  }
  return results;
}

// How much a transaction may read, write and schedule is for all items together. An item that meets
// the end of it is not at fault: thrown on, the error makes the relay send half as many.
const OVER_LIMIT = /(in a single function execution|(by|from) this mutation) \(limit: /;
