// SPDX-License-Identifier: MIT
// The misbehaving Convex knows whether its last answer was read.

import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { rawRequest } from '../lib/rawhttp.mjs';
import { waitFor } from '../lib/wait.mjs';
import { Convex } from './convex.mjs';

const REQUEST = rawRequest({
  headers: [['Host', 'convex']],
  body: '{"path":"users:sync","args":[{}]}',
});

for (const [what, { leavesWhen, isUnread }] of Object.entries({
  'left before it': { leavesWhen: 'arrived', isUnread: true },
  'left without reading it': { leavesWhen: 'answered', isUnread: true },
  'read it and left': { leavesWhen: 'read', isUnread: false },
})) {
  test(`a caller that ${what}`, async (t) => {
    const moment = (name) => {
      if (name === leavesWhen) caller.destroy();
    };
    const plan = { itemsOf: (_, args) => [args], eventOf: () => ({ n: 1 }) };
    const convex = await Convex.start({
      plan,
      dice: { weighted: () => 'well' },
      stamp: () => 1,
      onMoment: moment,
    });
    t.after(() => convex.shut());
    const caller = net.connect(convex.port, '127.0.0.1', () => caller.write(REQUEST));
    caller.on('data', () => moment('read'));
    await waitFor('its end', () => convex.attempts.length && !convex.sockets.size);
    const [{ said, unread = false, tookMs }] = convex.attempts;
    assert.deepEqual({ said, unread }, { said: 'success', unread: isUnread });
    assert.ok(tookMs >= 0);
  });
}
