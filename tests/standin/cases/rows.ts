// SPDX-License-Identifier: MIT
// Mutations that run others and tell what they have caught.
import { ConvexError, v } from 'convex/values';
import { internal } from './_generated/api';
import { internalMutation, mutation, query } from './_generated/server';

const row = { bladeId: v.string(), n: v.number() };

const thrown = {
  Error: () => new Error('thrown'),
  TypeError: () => new TypeError('thrown'),
  ConvexError: () => new ConvexError({ code: 7 }),
};

// Writes, reads that back, and throws if told to.
export const put = internalMutation({
  args: { ...row, throws: v.optional(v.string()) },
  returns: v.null(),
  handler: async (ctx, { throws, ...fields }) => {
    await ctx.db.insert('rows', fields);
    if (throws) throw thrown[throws]();
    return null;
  },
});

const caught = (error) => ({
  name: error.name,
  isConvexError: error instanceof ConvexError,
  message: error.message,
  data: error.data,
});

// Runs them one after the other, or all at once; gives what each has come to.
export const each = mutation({
  args: { items: v.array(v.any()), together: v.optional(v.boolean()) },
  handler: async (ctx, { items, together }) => {
    const one = (item) => ctx.runMutation(internal.rows[item.of ?? 'put'], item.args).catch(caught);
    if (together) return Promise.all(items.map(one));
    const results = [];
    for (const item of items) results.push(await one(item));
    return results;
  },
});

// Writes, runs another, and throws: nothing of it all stays.
export const all = mutation({
  args: { items: v.array(v.any()) },
  handler: async (ctx, { items }) => {
    for (const item of items) await ctx.runMutation(internal.rows.put, item);
    throw new Error('after all');
  },
});

// What the others have left is seen while it lasts.
export const seen = mutation({
  args: { items: v.array(v.any()) },
  handler: async (ctx, { items }) => {
    const counts = [];
    for (const item of items) {
      await ctx.runMutation(internal.rows.put, item).catch(() => {});
      counts.push((await ctx.db.query('rows').collect()).length);
    }
    return counts;
  },
});

// Reads so many different keys, each of them twice.
export const lookUp = mutation({
  args: { count: v.number() },
  handler: async (ctx, { count }) => {
    for (let i = 0; i < 2 * count; i++) {
      await ctx.db
        .query('rows')
        .withIndex('by_bladeId', (q) => q.eq('bladeId', `${i % count}`))
        .unique();
    }
    return null;
  },
});

export const insert = mutation({
  args: { count: v.number() },
  handler: async (ctx, { count }) => {
    for (let i = 0; i < count; i++) await ctx.db.insert('rows', { bladeId: `${i}`, n: i });
    return null;
  },
});

// Reads so many of the documents that insert() has made. Their ids are not read, but known.
const idOf = (i) => `${`${10_000 + i}`.padStart(28, '0')}rows`;
const reads = {
  collect: (ctx, count) =>
    Promise.all(Array.from({ length: count }, (_, i) => rowOf(ctx, i).collect())),
  take: (ctx, count) => ctx.db.query('rows').order('desc').take(count),
  iterate: async (ctx, count) => {
    for await (const _ of ctx.db.query('rows')) if (--count === 0) break;
  },
  first: (ctx, count) =>
    Promise.all(Array.from({ length: count }, (_, i) => rowOf(ctx, i).first())),
  get: (ctx, count) => Promise.all(Array.from({ length: count }, (_, i) => ctx.db.get(idOf(i)))),
  patch: (ctx, count) =>
    Promise.all(Array.from({ length: count }, (_, i) => ctx.db.patch(idOf(i), { n: -1 }))),
};
const rowOf = (ctx, i) =>
  ctx.db.query('rows').withIndex('by_bladeId', (q) => q.eq('bladeId', `${i}`));

const read = {
  args: { how: v.string(), count: v.number() },
  handler: async (ctx, { how, count }) => {
    await reads[how](ctx, count);
    return null;
  },
};
const readMutation = mutation(read);
export { readMutation as read };

// The same, one document in a transaction within, whose end takes nothing back.
export const readWithin = mutation({
  ...read,
  handler: async (ctx, { how, count }) => {
    await ctx.runMutation(internal.rows.read, { how, count: 1 });
    await ctx.runMutation(internal.rows.read, { how, count: count - 1 });
    return null;
  },
});

// Writes, and returns what it has not promised.
const liar = {
  args: row,
  returns: v.number(),
  handler: async (ctx, fields) => {
    await ctx.db.insert('rows', fields);
    return 'no number';
  },
};
export const lies = mutation(liar);
export const liesWithin = internalMutation(liar);

export const many = query({ args: {}, handler: async () => [] });
