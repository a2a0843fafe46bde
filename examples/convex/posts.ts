// SPDX-License-Identifier: MIT
// Blade's posts; what users.ts says holds here, too. The lookup reads one key of an index. The
// guide's reads the whole table, so that any two posts conflict, and from 32,000 posts on it fails.
import { v } from 'convex/values';
import { internal } from './_generated/api';
import { internalMutation, query, type QueryCtx } from './_generated/server';
import { eachAlone, items, outcomes, type Outcomes } from './batch';
import {
  differs,
  fieldsOf,
  flag,
  incomplete,
  isStale,
  noteRemoval,
  sequence,
  text,
  time,
} from './sync';

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
    syncSeq: sequence,
  },
  returns: v.null(),
  handler: async (ctx, args) => {
    const post = await find(ctx, args.bladeId);
    if (await isStale(ctx, 'posts', args, post)) return null;
    const fields = fieldsOf(args);
    if (post !== null) {
      if (differs(post, fields)) await ctx.db.patch(post._id, fields);
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
  args: { bladeId: v.string(), syncSeq: sequence },
  returns: v.null(),
  handler: async (ctx, args) => {
    const post = await find(ctx, args.bladeId);
    if (await isStale(ctx, 'posts', args, post)) return null;
    await noteRemoval(ctx, 'posts', args);
    if (post !== null) await ctx.db.delete(post._id);
    return null;
  },
});

export const syncBatch = internalMutation({
  args: { posts: items },
  returns: outcomes,
  handler: (ctx, { posts }): Promise<Outcomes> =>
    eachAlone(ctx, internal.posts.syncFromBlade, posts),
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
