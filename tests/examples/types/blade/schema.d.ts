// SPDX-License-Identifier: MIT
// blade/schema as of blade 3.29: the part that the examples use. The whole package brings 120 MB.

interface TriggerOptions<Record> {
  multipleRecords: boolean;
  waitUntil?: (promise: Promise<unknown>) => void;
  previousRecords: Array<Record>;
  records: Array<Record>;
}

type FollowingTrigger<Record> = (options: TriggerOptions<Record>) => void | Promise<void>;

interface Triggers<Record> {
  followingAdd?: FollowingTrigger<Record>;
  followingSet?: FollowingTrigger<Record>;
  followingRemove?: FollowingTrigger<Record>;
}

export declare const triggers: <Record>(...list: Array<Triggers<Record>>) => Triggers<Record>;
