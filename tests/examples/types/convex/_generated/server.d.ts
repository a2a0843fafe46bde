// SPDX-License-Identifier: MIT
// What `npx convex codegen`, which needs a deployment, writes for the examples: the part they use.
import type {
  GenericMutationCtx,
  GenericQueryCtx,
  MutationBuilder,
  QueryBuilder,
} from 'convex/server';
import type { DataModel } from './dataModel';

export declare const query: QueryBuilder<DataModel, 'public'>;
export declare const internalMutation: MutationBuilder<DataModel, 'internal'>;
export type QueryCtx = GenericQueryCtx<DataModel>;
export type MutationCtx = GenericMutationCtx<DataModel>;
