// The guide's posts, found by an index instead of a scan, and with the other half of `remove`. As
// in the guide, `authorBladeId` is required although the trigger for `set` leaves it out.
import { api } from './_generated/api';
import { internalMutation, mutation, query } from './_generated/server';
import { batchOf } from './batch';
import { v } from 'convex/values';

const sync = {
  args: {
    bladeId: v.string(),
    title: v.string(),
    content: v.string(),
    authorBladeId: v.string(),
    published: v.boolean(),
    createdAt: v.optional(v.number()),
  },
  handler: async (ctx, args) => {
    const existingPost = await ctx.db
      .query('posts')
      .withIndex('by_bladeId', (q) => q.eq('bladeId', args.bladeId))
      .first();

    if (existingPost) {
      await ctx.db.patch(existingPost._id, {
        title: args.title,
        content: args.content,
        published: args.published,
      });
      return { postId: existingPost._id, action: 'updated' };
    }
    const postId = await ctx.db.insert('posts', {
      bladeId: args.bladeId,
      title: args.title,
      content: args.content,
      authorBladeId: args.authorBladeId,
      published: args.published,
      createdAt: args.createdAt || Date.now(),
    });
    return { postId, action: 'created' };
  },
};

export const syncFromBlade = mutation(sync);

// The same for a relay that holds a deploy key: nobody else can call it.
export const syncInternal = internalMutation(sync);

export const syncBatch = batchOf('posts', api.posts.syncFromBlade);

export const deleteByBladeId = mutation({
  args: { bladeId: v.string() },
  handler: async (ctx, args) => {
    const post = await ctx.db
      .query('posts')
      .withIndex('by_bladeId', (q) => q.eq('bladeId', args.bladeId))
      .first();
    if (!post) return { action: 'absent' };
    await ctx.db.delete(post._id);
    return { action: 'deleted' };
  },
});

export const getByBladeId = query({
  args: { bladeId: v.string() },
  handler: async (ctx, args) =>
    await ctx.db
      .query('posts')
      .withIndex('by_bladeId', (q) => q.eq('bladeId', args.bladeId))
      .first(),
});
