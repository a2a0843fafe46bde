// SPDX-License-Identifier: MIT
// assertDiscreet(), which looks at every relay's log, sees a secret and a record's data in one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertDiscreet } from '../lib/discreet.mjs';
import { userEvent } from '../lib/events.mjs';
import { makeFolder } from '../lib/files.mjs';

const FINE = '2026-11-22T20:24:45.807Z info listening address=127.0.0.1:38947\n';
const SECRET = 'only-for-this-test';

test('a log that tells nothing passes', () => assertDiscreet(FINE, { SYNC_SECRET: SECRET }));

for (const name of ['SYNC_SECRET', 'SYNC_SECRET_PREVIOUS', 'CONVEX_DEPLOY_KEY']) {
  test(`${name} in a log is seen`, () => {
    assert.throws(
      () => assertDiscreet(`${FINE}x=${SECRET}y\n`, { [name]: SECRET }),
      /the log tells only-for/,
    );
  });
  test(`${name}_FILE in a log is seen`, (t) => {
    const file = makeFolder(t).write('secret', `${SECRET}\n`);
    assert.throws(
      () => assertDiscreet(`${FINE}x=${SECRET}y\n`, { [`${name}_FILE`]: file }),
      /the log tells only-for/,
    );
  });
}

for (const uri of [
  `postgresql://relay:${SECRET}@db/relay`,
  `postgresql://relay:only%2Dfor-this-test@db/relay`,
  `postgresql://db/relay?sslmode=require&password=${SECRET}`,
]) {
  test(`the password of ${uri} in a log is seen`, (t) => {
    const file = makeFolder(t).write('uri', `${uri}\n`);
    for (const env of [{ OUTBOX: uri }, { OUTBOX_FILE: file }])
      assert.throws(() => assertDiscreet(`${FINE}x=${SECRET}y\n`, env), /the log tells only-for/);
    assertDiscreet(`${FINE}postgresql://relay@db/relay\n`, { OUTBOX: uri });
  });
}

test('the data of an event in a log is seen', () => {
  assert.throws(
    () => assertDiscreet(`${FINE}debug request data=${JSON.stringify(userEvent('acc_1').data)}\n`),
    /the log tells @/,
  );
  assert.throws(
    () => assertDiscreet(`${FINE}debug request operation=PLANTED-x\n`),
    /the log tells PLANTED/,
  );
});
