// SPDX-License-Identifier: MIT
// Dead letters, and the events that they are of.

import { outbox, outboxRows } from '../lib/outbox.mjs';

// Returns a list of {id, n}: a letter, and the number of its event. Convex's rejections name the
// number, so most reasons have it; so has the record of an event that cannot be delivered. All
// other bodies have the number, but for removals, whose events the plan knows.
export async function readLetters(env, plan) {
  const rows = await outboxRows(env, '--state', 'dead');
  const letters = [];
  for (const { id, record, reason } of rows) {
    const said = /\bevent (\d+)/.exec(reason) ?? /^(?:refused|stray)_(\d+)$/.exec(record);
    letters.push({ id, n: said ? Number(said[1]) : await readNumber(env, plan, id) });
  }
  return letters;
}

// The number by the letter's body. null: the letter has no body, or is gone.
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
