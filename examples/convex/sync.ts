// SPDX-License-Identifier: MIT
// What users.ts and posts.ts share: how an event meets the row that is there.
//
// The relay may call a mutation twice with the same event, and an older event may come after a
// newer one: Blade's triggers send an `add` and the `set` behind it at the same moment, on two
// connections, and two relays with separate outboxes know nothing of each other. Two things tell
// which event is the newer one, and what is not newer changes nothing:
//
//   updatedAt  Blade's own time of the change. It judges first.
//   syncSeq    the relay's number of the event, on a route with `"sequence": "syncSeq"`. It judges
//              where the times are equal or one is missing. A removal has no time, only a number.
//
// A removal with a number leaves a row in syncRemovals, or an event that comes late would bring the
// record back. Such a row has done its work once nothing older can come any more.
import { ConvexError, v } from 'convex/values';
import type { MutationCtx, QueryCtx } from './_generated/server';

/** A field that may be left out (it stays) or null (unset in Blade: the field goes). */
export const text = v.optional(v.nullable(v.string()));
export const flag = v.optional(v.nullable(v.boolean()));
export const time = v.optional(v.number());

/** The relay's number of an event; missing on a route without `sequence`. */
export const sequence = v.optional(v.number());

type Version = { updatedAt?: number; syncSeq?: number };
type Event = Version & { bladeId: string };
type Table = 'users' | 'posts';

/** Whether the record has been changed or removed since. `row` is what the table has of it. */
export async function isStale(ctx: QueryCtx, table: Table, event: Event, row: Version | null) {
  const known = row ?? (await removalOf(ctx, table, event.bladeId));
  return known !== null && !isNewer(event, known);
}

// Without a time and without a number in both, what arrives last counts.
function isNewer(event: Version, known: Version) {
  const [time, knownTime] = [event.updatedAt, known.updatedAt];
  if (time !== undefined && knownTime !== undefined && time !== knownTime) return time > knownTime;
  const [number, knownNumber] = [event.syncSeq, known.syncSeq];
  return number === undefined || knownNumber === undefined || number > knownNumber;
}

const removalOf = (ctx: QueryCtx, table: Table, bladeId: string) =>
  ctx.db
    .query('syncRemovals')
    .withIndex('by_record', (q) => q.eq('table', table).eq('bladeId', bladeId))
    .unique();

/** Keeps the number of a removal. Without one there is nothing to compare later events with. */
export async function noteRemoval(ctx: MutationCtx, table: Table, event: Event) {
  const { bladeId, syncSeq } = event;
  if (syncSeq === undefined) return;
  const earlier = await removalOf(ctx, table, bladeId);
  if (earlier === null) await ctx.db.insert('syncRemovals', { table, bladeId, syncSeq });
  else if (earlier.syncSeq < syncSeq) await ctx.db.patch(earlier._id, { syncSeq });
}

type Fields<Args> = { [Name in keyof Args]: Exclude<Args[Name], null> | NullAs<Args[Name]> };
type NullAs<Value> = null extends Value ? undefined : never;

/** The fields to insert or patch: null becomes undefined, which leaves out or removes a field. */
export const fieldsOf = <Args extends object>(args: Args) =>
  Object.fromEntries(
    Object.entries(args).map(([name, value]) => [name, value ?? undefined]),
  ) as Fields<Args>;

/** Whether a patch would change the row. One that does not would still be a write of it all. */
export const differs = <Row extends object>(row: Row, fields: Partial<Row>) =>
  Object.entries(fields).some(([name, value]) => row[name as keyof Row] !== value);

/** An update in part cannot create a row. It becomes a dead letter of the relay, with this reason. */
export const incomplete = (model: string, bladeId: string, missing: string) =>
  new ConvexError(`${model} ${bladeId} is not here yet, and this event has no ${missing}`);
