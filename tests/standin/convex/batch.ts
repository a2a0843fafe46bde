// What the guide's `users:syncBatch` may look like: an entry for each, in their order. What ends
// the whole transaction is thrown on.
import { mutation } from './_generated/server';
import { v } from 'convex/values';

export const batchOf = (model: string, single) =>
  mutation({
    args: { [model]: v.array(v.any()) },
    handler: async (ctx, args) => {
      const results = [];
      for (const item of args[model]) {
        try {
          await ctx.runMutation(single, item);
          results.push(null);
        } catch (error) {
          if (error.message.includes('in a single function execution')) throw error;
          results.push({ error: error.message });
        }
      }
      return results;
    },
  });
