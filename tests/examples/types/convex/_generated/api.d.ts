// SPDX-License-Identifier: MIT
// As `npx convex codegen` writes it for the modules of the examples.
import type { ApiFromModules, FilterApi, FunctionReference } from 'convex/server';
import type * as batch from '../batch';
import type * as posts from '../posts';
import type * as sync from '../sync';
import type * as users from '../users';

declare const fullApi: ApiFromModules<{
  batch: typeof batch;
  posts: typeof posts;
  sync: typeof sync;
  users: typeof users;
}>;
export declare const internal: FilterApi<typeof fullApi, FunctionReference<any, 'internal'>>;
