// SPDX-License-Identifier: MIT
// Posts; see account.ts.
import { triggers } from 'blade/schema';
import type { Post } from 'blade/types';
import { millis, syncToConvex, type SyncEvent } from '../lib/convex-sync';

const changed =
  (operation: 'add' | 'set') =>
  (post: Post): SyncEvent => ({
    model: 'posts',
    operation,
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

const removed = ({ id }: Post): SyncEvent => ({
  model: 'posts',
  operation: 'remove',
  hiveId: id,
  data: {},
});

export default triggers<Post>({
  followingAdd: ({ records }) => syncToConvex(records.map(changed('add'))),
  followingSet: ({ records }) => syncToConvex(records.map(changed('set'))),
  followingRemove: ({ previousRecords }) => syncToConvex(previousRecords.map(removed)),
});
