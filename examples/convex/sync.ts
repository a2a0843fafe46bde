// SPDX-License-Identifier: MIT
// What users.ts and posts.ts share: how an event meets the row that is there.
//
// The relay may call a mutation twice with the same event, and Blade's triggers send an `add` and
// the `set` behind it at the same moment, on two connections: they can arrive swapped. Nothing on
// the way can tell, but Blade's own `updatedAt` can, so it travels with the data, and what is older
// than the row changes nothing. One thing no row can tell: a `set` that arrives after the `remove`
// of its record brings the record back. Where that matters, keep the ids of what was removed.
import { ConvexError, v } from 'convex/values';

/** A field that may be left out (it stays as it is) or null (unset in Blade: it goes). */
export const text = v.optional(v.nullable(v.string()));
export const flag = v.optional(v.nullable(v.boolean()));
export const time = v.optional(v.number());

type Timed = { updatedAt?: number };

/** Whether the row is newer than the event. Without a time in both, what arrives last counts. */
export const isStale = (event: Timed, row: Timed) =>
  event.updatedAt !== undefined && row.updatedAt !== undefined && event.updatedAt < row.updatedAt;

type Fields<Args> = { [Name in keyof Args]: Exclude<Args[Name], null> | NullAs<Args[Name]> };
type NullAs<Value> = null extends Value ? undefined : never;

/** The fields to insert or patch: null becomes undefined, which leaves out or removes a field. */
export const fieldsOf = <Args extends object>(args: Args) =>
  Object.fromEntries(
    Object.entries(args).map(([name, value]) => [name, value ?? undefined]),
  ) as Fields<Args>;

/** An update in part cannot create a row. The event becomes a dead letter, with this reason. */
export const incomplete = (model: string, bladeId: string, missing: string) =>
  new ConvexError(`${model} ${bladeId} is not here yet, and this event has no ${missing}`);
