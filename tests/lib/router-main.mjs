// SPDX-License-Identifier: MIT
// The guide's router.ts without the types, served as by Blade.

import { serve } from '@hono/node-server';
import { ConvexHttpClient } from 'convex/browser';
import { Hono } from 'hono';

const app = new Hono();
const convex = new ConvexHttpClient(process.env.CONVEX_URL);

app.post('/convex/sync', async (c) => {
  const syncSecret = c.req.header('x-sync-secret');

  if (syncSecret !== process.env.SYNC_SECRET) {
    return c.json({ error: 'Unauthorized' }, 401);
  }

  const { model, operation, data, hiveId } = await c.req.json();

  try {
    switch (model) {
      case 'users':
        await convex.mutation('users:syncFromBlade', data);
        break;

      case 'posts':
        await convex.mutation('posts:syncFromBlade', data);
        break;
    }

    return c.json({ success: true });
  } catch (error) {
    return c.json({ error: error.message }, 500);
  }
});

const tell = ({ port }) => process.stdout.write(`router listening on ${port}\n`);

// Each runtime gets a native server: Bun's is cheaper than what Bun offers for Node.
const address = { fetch: app.fetch, hostname: '127.0.0.1', port: 0 };
if (globalThis.Bun)
  tell(globalThis.Bun.serve({ ...address, idleTimeout: 0 })); // a sender may wait long
else serve(address, tell);
