// SPDX-License-Identifier: MIT
// Blade's accounts as users. Internal: only a caller with a deploy key reaches them, which the
// relay has (CONVEX_DEPLOY_KEY). A public mutation is open to everybody who knows CONVEX_URL.
import { v } from 'convex/values';
import { internal } from './_generated/api';
import { internalMutation, query, type QueryCtx } from './_generated/server';
import { eachAlone, items, outcomes, type Outcomes } from './batch';
import { differs, fieldsOf, incomplete, isStale, noteRemoval, sequence, text, time } from './sync';

// By the id, not by the e-mail as in the guide: an e-mail may change, and would make a second row.
const find = (ctx: QueryCtx, bladeId: string) =>
  ctx.db
    .query('users')
    .withIndex('by_bladeId', (q) => q.eq('bladeId', bladeId))
    .unique();

export const syncFromBlade = internalMutation({
  args: {
    bladeId: v.string(),
    email: v.optional(v.string()),
    name: text,
    handle: text,
    createdAt: time,
    updatedAt: time,
    syncSeq: sequence,
  },
  returns: v.null(),
  handler: async (ctx, args) => {
    const user = await find(ctx, args.bladeId);
    if (await isStale(ctx, 'users', args, user)) return null;
    const fields = fieldsOf(args);
    if (user !== null) {
      if (differs(user, fields)) await ctx.db.patch(user._id, fields);
      return null;
    }
    const { email } = fields;
    if (email === undefined) throw incomplete('users', args.bladeId, 'email');
    await ctx.db.insert('users', { ...fields, email });
    return null;
  },
});

export const deleteByBladeId = internalMutation({
  args: { bladeId: v.string(), syncSeq: sequence },
  returns: v.null(),
  handler: async (ctx, args) => {
    const user = await find(ctx, args.bladeId);
    if (await isStale(ctx, 'users', args, user)) return null;
    await noteRemoval(ctx, 'users', args);
    if (user !== null) await ctx.db.delete(user._id);
    return null;
  },
});

export const syncBatch = internalMutation({
  args: { users: items },
  returns: outcomes,
  handler: (ctx, { users }): Promise<Outcomes> =>
    eachAlone(ctx, internal.users.syncFromBlade, users),
});

// What the app reads, by an index as well. A query is public to all: no e-mail addresses here.
export const profileOf = query({
  args: { bladeId: v.string() },
  handler: async (ctx, { bladeId }) => {
    const user = await find(ctx, bladeId);
    return user && { name: user.name, handle: user.handle };
  },
});
