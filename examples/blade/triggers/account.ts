// SPDX-License-Identifier: MIT
// Accounts go to Convex as users.
//
// Blade hands the promise of a following trigger to the platform's waitUntil(), so returning the
// promise is enough: the response is sent meanwhile, and nothing is cut off when the response ends.
import { triggers } from 'blade/schema';
import type { Account } from 'blade/types';
import { millis, syncToConvex, type SyncRecord } from '../lib/convex-sync';

// Null means "unset" and must stay null: a field that is left out stays as it is in Convex.
const changed = (account: Account): SyncRecord => ({
  hiveId: account.id,
  data: {
    bladeId: account.id,
    email: account.email,
    name: account.name,
    handle: account.handle,
    createdAt: millis(account.ronin?.createdAt),
    updatedAt: millis(account.ronin?.updatedAt),
  },
});

// The relay gives the id to the mutation that the route has for `remove`. A route without one sends
// the data to the other mutation, which refuses: better than to take a removal for a change of
// nothing.
const removed = ({ id }: Account): SyncRecord => ({ hiveId: id, data: {} });

export default triggers<Account>({
  followingAdd: ({ records }) => syncToConvex('users', 'add', records.map(changed)),
  followingSet: ({ records }) => syncToConvex('users', 'set', records.map(changed)),
  // What was removed is in previousRecords; records is empty here.
  followingRemove: ({ previousRecords }) =>
    syncToConvex('users', 'remove', previousRecords.map(removed)),
});
