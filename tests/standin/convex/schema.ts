// The guide's schema, with the `bladeId` that posts lack there although the mutation writes it.
import { defineSchema, defineTable } from 'convex/server';
import { v } from 'convex/values';

export default defineSchema({
  users: defineTable({
    email: v.string(),
    name: v.string(),
    handle: v.optional(v.string()),
    bladeId: v.string(), // Links to Hive Account.id
    createdAt: v.number(),
  })
    .index('by_email', ['email'])
    .index('by_bladeId', ['bladeId']),

  posts: defineTable({
    bladeId: v.string(), // Links to Hive Post.id
    title: v.string(),
    content: v.string(),
    authorBladeId: v.string(),
    published: v.boolean(),
    createdAt: v.number(),
  })
    .index('by_bladeId', ['bladeId'])
    .index('by_author', ['authorBladeId'])
    .index('by_published', ['published']),
});
