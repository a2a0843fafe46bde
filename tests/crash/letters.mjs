// SPDX-License-Identifier: MIT
// Dead letters, and which events they are of.

import { outbox, outboxRows } from '../lib/outbox.mjs';

// {id, n}: the event's number stands in the reason, in the record of an event that cannot be
// delivered, or, where the relay itself has turned a replay down, in the body alone, or nowhere:
// the plan knows who removes a record.
export async function readLetters(env, plan) {
  const rows = await outboxRows(env, '--state', 'dead');
  const letters = [];
  for (const { id, record, reason } of rows) {
    const said = /\bevent (\d+)/.exec(reason) ?? /^(?:refused|stray)_(\d+)$/.exec(record);
    letters.push({ id, n: said ? Number(said[1]) : await readNumber(env, plan, id) });
  }
  return letters;
}

// null: it has none, or is there no more.
async function readNumber(env, plan, id) {
  const shown = await outbox(env, 'show', String(id), '--json');
  if (!shown) return null;
  const { data, hiveId } = JSON.parse(JSON.parse(shown).body);
  return data?.n ?? plan.removals.get(hiveId) ?? null;
}

export const replayLetters = (env, letters) => change(env, 'replay', letters);
export const discardLetters = (env, letters) => change(env, 'discard', letters);

async function change(env, command, letters) {
  if (letters.length) await outbox(env, command, ...letters.map(({ id }) => String(id)));
}
