// SPDX-License-Identifier: MIT
// Blade's posts; what users.ts says holds here, too. The lookup reads one key of an index. The
// guide's reads the whole table, so that any two posts conflict, and from 32,000 posts on it fails.
import { v } from 'convex/values';
import { internalMutation, query, type QueryCtx } from './_generated/server';
import { fieldsOf, flag, incomplete, isStale, text, time } from './sync';

const find = (ctx: QueryCtx, bladeId: string) =>
  ctx.db
    .query('posts')
    .withIndex('by_bladeId', (q) => q.eq('bladeId', bladeId))
    .unique();

export const syncFromBlade = internalMutation({
  args: {
    bladeId: v.string(),
    title: v.optional(v.string()),
    content: text,
    authorBladeId: v.optional(v.string()), // the guide's updates leave it out
    published: flag,
    createdAt: time,
    updatedAt: time,
  },
  returns: v.null(),
  handler: async (ctx, args) => {
    const post = await find(ctx, args.bladeId);
    const fields = fieldsOf(args);
    if (post !== null) {
      if (!isStale(args, post)) await ctx.db.patch(post._id, fields);
      return null;
    }
    const { title, authorBladeId } = fields;
    if (title === undefined) throw incomplete('posts', args.bladeId, 'title');
    if (authorBladeId === undefined) throw incomplete('posts', args.bladeId, 'authorBladeId');
    await ctx.db.insert('posts', { ...fields, title, authorBladeId });
    return null;
  },
});

export const deleteByBladeId = internalMutation({
  args: { bladeId: v.string() },
  returns: v.null(),
  handler: async (ctx, { bladeId }) => {
    const post = await find(ctx, bladeId);
    if (post !== null) await ctx.db.delete(post._id);
    return null;
  },
});

export const publishedBy = query({
  args: { authorBladeId: v.string() },
  handler: async (ctx, { authorBladeId }) =>
    ctx.db
      .query('posts')
      .withIndex('by_author', (q) => q.eq('authorBladeId', authorBladeId).eq('published', true))
      .order('desc')
      .take(100),
});
