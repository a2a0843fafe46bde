// SPDX-License-Identifier: MIT
// Posts; see account.ts.
import { triggers } from 'blade/schema';
import type { Post } from 'blade/types';
import { millis, syncToConvex, type SyncRecord } from '../lib/convex-sync';

const changed = (post: Post): SyncRecord => ({
  hiveId: post.id,
  data: {
    bladeId: post.id,
    title: post.title,
    content: post.content,
    authorBladeId: post.accountId,
    published: post.published,
    createdAt: millis(post.ronin?.createdAt),
    updatedAt: millis(post.ronin?.updatedAt),
  },
});

const removed = ({ id }: Post): SyncRecord => ({ hiveId: id, data: {} });

export default triggers<Post>({
  followingAdd: ({ records }) => syncToConvex('posts', 'add', records.map(changed)),
  followingSet: ({ records }) => syncToConvex('posts', 'set', records.map(changed)),
  followingRemove: ({ previousRecords }) =>
    syncToConvex('posts', 'remove', previousRecords.map(removed)),
});
