// SPDX-License-Identifier: MIT
// What Blade's records look like in Convex. Rows that the guide's functions wrote fit, too.
import { defineSchema, defineTable } from 'convex/server';
import { v } from 'convex/values';

export default defineSchema({
  users: defineTable({
    bladeId: v.string(), // the id of the record in Hive
    email: v.string(),
    name: v.optional(v.string()),
    handle: v.optional(v.string()),
    createdAt: v.optional(v.number()), // by Blade's clock, in ms
    updatedAt: v.optional(v.number()),
    syncSeq: v.optional(v.number()), // the relay's number of the event that wrote the row
  }).index('by_bladeId', ['bladeId']),

  posts: defineTable({
    bladeId: v.string(),
    title: v.string(),
    content: v.optional(v.string()),
    authorBladeId: v.string(),
    published: v.optional(v.boolean()),
    createdAt: v.optional(v.number()),
    updatedAt: v.optional(v.number()),
    syncSeq: v.optional(v.number()),
  })
    .index('by_bladeId', ['bladeId'])
    .index('by_author', ['authorBladeId', 'published']),

  // What was removed, apart from the rows of the app, whose queries so never meet it.
  syncRemovals: defineTable({
    table: v.string(),
    bladeId: v.string(),
    syncSeq: v.number(),
  }).index('by_record', ['table', 'bladeId']),
});
