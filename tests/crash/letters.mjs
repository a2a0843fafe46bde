// SPDX-License-Identifier: MIT
// Dead letters, and which events they are of.

import { outbox, outboxRows } from '../lib/outbox.mjs';

// {id, n}: the event's number stands in the reason or in the record.
export async function readLetters(env) {
  const rows = await outboxRows(env, '--state', 'dead');
  return rows.map(({ id, record, reason }) => {
    const n = /\bevent (\d+)/.exec(reason)?.[1] ?? /_(\d+)$/.exec(record)?.[1];
    return { id, n: n === undefined ? null : Number(n) };
  });
}

export const replayLetters = (env, letters) => change(env, 'replay', letters);
export const discardLetters = (env, letters) => change(env, 'discard', letters);

async function change(env, command, letters) {
  if (letters.length) await outbox(env, command, ...letters.map(({ id }) => String(id)));
}
