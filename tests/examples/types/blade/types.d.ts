// SPDX-License-Identifier: MIT
// blade/types as the Blade CLI extends it from the models of an app with accounts and posts.

interface ResultRecord {
  id: string;
  ronin: {
    createdAt: string;
    updatedAt: string;
    createdBy: string | null;
    updatedBy: string | null;
  };
}

export type Account = ResultRecord & { email: string; name: string | null; handle: string | null };

export type Post = ResultRecord & {
  title: string;
  content: string | null;
  accountId: string;
  published: boolean | null;
};
