// SPDX-License-Identifier: MIT
// Dead letters, and which events they are of.

import { outbox, outboxRows } from '../lib/outbox.mjs';

// {id, n}: the event's number stands in the reason, in the record of an event that cannot be delivered, or,
// where the relay itself has turned a replay down, in the body alone.
export async function readLetters(env) {
  const rows = await outboxRows(env, '--state', 'dead');
  const letters = [];
  for (const { id, record, reason } of rows) {
    const said = /\bevent (\d+)/.exec(reason) ?? /^(?:refused|stray)_(\d+)$/.exec(record);
    letters.push({ id, n: said ? Number(said[1]) : await readNumber(env, id) });
  }
  return letters;
}

// null: it has none, or is there no more.
async function readNumber(env, id) {
  const shown = await outbox(env, 'show', String(id), '--json');
  return shown ? (JSON.parse(JSON.parse(shown).body).data?.n ?? null) : null;
}

export const replayLetters = (env, letters) => change(env, 'replay', letters);
export const discardLetters = (env, letters) => change(env, 'discard', letters);

async function change(env, command, letters) {
  if (letters.length) await outbox(env, command, ...letters.map(({ id }) => String(id)));
}
