// SPDX-License-Identifier: MIT
// For the tests of the stand-in itself.
import { defineSchema, defineTable } from 'convex/server';
import { v } from 'convex/values';

export default defineSchema({
  rows: defineTable({ bladeId: v.string(), n: v.number() }).index('by_bladeId', ['bladeId']),
});
