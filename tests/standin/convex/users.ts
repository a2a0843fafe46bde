// The guide's users, with a `set` that may leave out the name, and with the other half of `remove`.
import { api } from './_generated/api';
import { internalMutation, mutation, query } from './_generated/server';
import { batchOf } from './batch';
import { v } from 'convex/values';

const sync = {
  args: {
    bladeId: v.string(),
    email: v.string(),
    name: v.optional(v.string()),
    handle: v.optional(v.string()),
  },
  handler: async (ctx, args) => {
    const existingUser = await ctx.db
      .query('users')
      .withIndex('by_email', (q) => q.eq('email', args.email))
      .first();

    if (existingUser) {
      await ctx.db.patch(existingUser._id, {
        name: args.name ?? existingUser.name,
        handle: args.handle,
        bladeId: args.bladeId,
      });
      return { userId: existingUser._id, action: 'updated' };
    }
    const userId = await ctx.db.insert('users', {
      email: args.email,
      name: args.name || 'User',
      handle: args.handle,
      bladeId: args.bladeId,
      createdAt: Date.now(),
    });
    return { userId, action: 'created' };
  },
};

export const syncFromBlade = mutation(sync);

// The same for a relay that holds a deploy key: nobody else can call it.
export const syncInternal = internalMutation(sync);

export const syncBatch = batchOf('users', api.users.syncFromBlade);

export const deleteByBladeId = mutation({
  args: { bladeId: v.string() },
  handler: async (ctx, args) => {
    const user = await ctx.db
      .query('users')
      .withIndex('by_bladeId', (q) => q.eq('bladeId', args.bladeId))
      .first();
    if (!user) return { action: 'absent' };
    await ctx.db.delete(user._id);
    return { action: 'deleted' };
  },
});

export const list = query({
  args: {},
  handler: async (ctx) => await ctx.db.query('users').order('desc').take(100),
});

export const getByBladeId = query({
  args: { bladeId: v.string() },
  handler: async (ctx, args) =>
    await ctx.db
      .query('users')
      .withIndex('by_bladeId', (q) => q.eq('bladeId', args.bladeId))
      .first(),
});
