// SPDX-License-Identifier: MIT
// The answer to a parcel, as the answers that its events would have got alone.

const RESULTS = [
  [/^\{"success":true\}$/, 200],
  [/^\{"success":true,"queued":true\}$/, 202],
  [/^\{"error":"No route for model .*"\}$/, 200], // what an event alone is told
  [/^\{"error":/, 500],
];

// Returns {status, body} for each event. A form that is wrong in any way is the body of all, with
// the status 0, which no event may get.
export function answersOf(events, { status, body }) {
  const each = (answer) => events.map(() => answer);
  if (status === null || status === 503) return each({ status, body });
  const results = resultsOf(events.length, status, body);
  return results?.map(answerOf) ?? each({ status: 0, body: `${status} ${body}` });
}

// null: not what the relay should say of so many records.
function resultsOf(total, status, body) {
  let said;
  try {
    said = JSON.parse(body);
  } catch {
    return null;
  }
  const { results = [], ...counts } = said;
  const failed = results.filter(({ error }) => error !== undefined).length;
  const wanted = { success: true, successful: total - failed, failed, total };
  const isQueued = results.every(({ queued }) => queued);
  const isWell =
    results.length === total &&
    JSON.stringify(counts) === JSON.stringify(wanted) &&
    status === (isQueued ? 202 : 200);
  return isWell ? results : null;
}

function answerOf(result) {
  const text = JSON.stringify(result);
  const [form, status] = RESULTS.find(([pattern]) => pattern.test(text)) ?? [null, 0];
  return { status, body: status === 200 && form === RESULTS[2][0] ? '{"success":true}' : text };
}
