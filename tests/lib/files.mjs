// SPDX-License-Identifier: MIT
// Files of a test, which go when it ends.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

// A folder with these files: {name: content}, an object being written as JSON. Gives {path(name),
// write(name, content)}.
export function makeFolder(t, files = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'convex-relay-test-'));
  // Whoever writes into it may still run: what is after() ends in the order in which it began.
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
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
