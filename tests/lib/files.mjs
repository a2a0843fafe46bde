// SPDX-License-Identifier: MIT
// Files of a test, which go when it ends.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

// Whoever writes into it may still run: what is after() ends in the order in which it began.
function remove(folder) {
  for (let left = 1000; ; left--) {
    try {
      return rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      // its maxRetries would not look for new files
      if (error.code !== 'ENOTEMPTY' || left === 0) throw error;
    }
  }
}

// A folder with these files: {name: content}, an object being written as JSON. Gives {path(name),
// write(name, content)}.
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
