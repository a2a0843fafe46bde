// SPDX-License-Identifier: MIT
// Files of a test, which are removed when the test ends.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

// Retries, since a process that writes into the folder may still run: after() functions run in the
// order in which they were added.
function remove(folder) {
  for (let left = 1000; ; left--) {
    try {
      return rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      // with its maxRetries, rm would not see files that are new
      if (error.code !== 'ENOTEMPTY' || left === 0) throw error;
    }
  }
}

// A folder with the given files: {name: content}; an object is written as JSON. Returns
// {path(name), write(name, content)}.
export function makeFolder(t, files = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'convex-relay-test-'));
  t.after(() => remove(folder));
  const self = {
    folder,
    path: (name) => path.join(folder, name),
    write(name, content) {
      const isText = typeof content === 'string' || Buffer.isBuffer(content);
      writeFileSync(self.path(name), isText ? content : JSON.stringify(content));
      return self.path(name);
    },
  };
  for (const [name, content] of Object.entries(files)) self.write(name, content);
  return self;
}
