// SPDX-License-Identifier: MIT
// The oracle: says from the records of both ends whether every promise was kept. A pure function.
//
// A history is what the sender, the far side and the relay's owner have written down. All times are
// stamps of one clock that never gives two of them the same.
//
//   events    what was sent: {n, kind, lane, sentAt, endedAt, waitedMs, status, body, left,
//             excused}
//             kind: "deliver"; "refused", whose data no mutation can take; "stray", of an unknown
//             model
//             lane: model and record; null: the event has no order
//             parcel, place: the parcel that brought the event, and its place there; null: none
//             endedAt: of the answer, or of the connection without one (status: null)
//             left: the sender did not wait; excused: the relay was being ended meanwhile
//   attempts  what Convex saw: {n, life, beganAt, endedAt, ranAt, cut, said, unheard, unread,
//             tookMs, intact}
//             life: which process of the relay; ranAt: when the mutation ran, null if it did not
//             cut: the relay ended the connection before Convex had answered
//             said: "success" or "rejected", if the whole answer left; else null
//             unheard: the relay may not have read the answer; unread: surely not
//             tookMs: from the earliest time at which the request can have come, to the answer
//             intact: the arguments were those that were sent
//             seq: the event's number in the arguments, or null. The attempts of a batch have the
//             same beganAt
//   letters   the dead letters at the end: {n}
//   meddled   a Set of n: the dead letters that the operator replayed or discarded
//   stats     {accepted, delivered, discarded, dead, pending} at the end
//   timeoutMs for how long the relay waits for Convex's answer
//   patienceMs after that long an answer of 503 is in order, since the outbox may have been away;
//             Infinity: it cannot be
//   ends      how processes ended: {life, asked: [signals], code, signal, complaint}

// Slack for CONVEX_TIMEOUT_MS: the relay's time begins before Convex sees the request, since it
// connects first. A busy machine may also delay the relay.
const HEAD_START_MS = 2000;

const ACKNOWLEDGED = [200, 202];
const BODIES = {
  200: /^\{"success":true\}$/,
  202: /^\{"success":true,"queued":true(,"error":".*")?\}$/s,
  500: /^\{"error":".*"\}$/s,
  503: /^\{"error":".*"\}$/s,
};

export function judge(history) {
  const violations = [];
  const report = (kind, text) => violations.push({ kind, text });
  const facts = gather(history);

  for (const { n } of history.attempts) {
    if (n === null)
      report('leaked', 'Convex was called about an event that no sender with the secret has sent');
  }
  for (const event of history.events) judgeAnswer(event, facts, report);
  for (const event of history.events) judgeFate(event, facts, report);
  for (const [lane, attempts] of facts.lanes) {
    judgeOrder(lane, attempts, facts, report);
    judgeOverlap(lane, attempts, facts, report);
  }
  for (const [lane, attempts] of facts.lanes) judgeSequence(lane, attempts, facts, report);
  for (const [parcel, events] of facts.parcels) judgeParcel(parcel, events, facts, report);
  judgeDuplicates(facts, report);
  judgeLetters(history, facts, report);
  judgeSums(history, report);
  judgeEnds(history, report);
  return { violations, figures: count(history, facts, violations) };
}

function gather({ events, attempts, letters, meddled, timeoutMs, patienceMs }) {
  const byNumber = new Map(events.map((event) => [event.n, event]));
  const attemptsOf = new Map(events.map(({ n }) => [n, []]));
  const lanes = new Map();
  for (const attempt of attempts) {
    attemptsOf.get(attempt.n)?.push(attempt);
    const lane = byNumber.get(attempt.n)?.lane ?? null;
    if (lane === null) continue;
    if (!lanes.has(lane)) lanes.set(lane, []);
    lanes.get(lane).push(attempt);
  }
  const parcels = new Map();
  for (const event of events.filter(({ parcel = null }) => parcel !== null)) {
    if (!parcels.has(event.parcel)) parcels.set(event.parcel, []);
    parcels.get(event.parcel)[event.place] = event;
  }
  const dead = new Set(letters.map(({ n }) => n));
  const wasGivenUp = ({ unread, tookMs }) => unread && tookMs >= timeoutMs - HEAD_START_MS;
  return { byNumber, attemptsOf, lanes, parcels, dead, meddled, attempts, wasGivenUp, patienceMs };
}

const firstRun = (attempts) => Math.min(...attempts.map(({ ranAt }) => ranAt ?? Infinity));
const ran = (attempts) => attempts.some(({ ranAt }) => ranAt !== null);
const wasRejected = (attempts) => attempts.some(({ said }) => said === 'rejected');

// Each answer is one that the event may get, and was true when given.
function judgeAnswer(event, { attemptsOf, patienceMs }, report) {
  const { n, kind, status, body, endedAt } = event;
  const attempts = attemptsOf.get(n);
  if (status === null) {
    if (!event.left && !event.excused) report('unanswered', `event ${n} got no answer`);
    return;
  }
  if (!BODIES[status]?.test(body)) {
    report('unexpected', `event ${n} was answered ${status} ${body}`);
  } else if (status === 503 && !event.excused && !(event.waitedMs >= patienceMs)) {
    report('unavailable', `event ${n} was answered 503 ${body} by a relay that was well`);
  } else if (status === 200 && kind === 'deliver' && !(firstRun(attempts) < endedAt)) {
    report('early', `event ${n} was answered 200 before Convex had run it`);
  } else if (status === 500 && kind === 'deliver' && !wasRejected(attempts)) {
    report('groundless', `event ${n} was answered 500, but Convex never rejected it`);
  } else if (kind !== 'deliver' && ![kind === 'stray' ? 200 : 500, 202, 503].includes(status)) {
    report('unexpected', `event ${n} (${kind}) was answered ${status} ${body}`);
  }
}

// Every acknowledged event has arrived; every refused one is a letter.
function judgeFate({ n, kind, status }, { attemptsOf, dead, meddled }, report) {
  const attempts = attemptsOf.get(n);
  const isKept = dead.has(n) || meddled.has(n);
  if (kind !== 'deliver') {
    if (attempts.length) report('leaked', `event ${n} (${kind}) reached Convex`);
    if ([200, 202, 500].includes(status) && !isKept) {
      report('missing', `event ${n} (${kind}) was answered ${status} and is no dead letter`);
    }
  } else if (ACKNOWLEDGED.includes(status)) {
    if (!ran(attempts) && !(status === 202 && isKept && wasRejected(attempts))) {
      report('missing', `event ${n} was answered ${status} and never ran on Convex`);
    }
  } else if (status === 500 && !isKept) {
    report('missing', `event ${n} was rejected with 500 and is no dead letter`);
  }
  const damaged = attempts.find(({ intact }) => !intact);
  if (damaged) report('damaged', `event ${n} reached Convex with other arguments than were sent`);
}

// After a newer event of a record has run, no older one runs. Of two events that were sent at the
// same time either may be the older one: the first run decides.
function judgeOrder(lane, attempts, { byNumber }, report) {
  const runs = attempts.filter(({ ranAt }) => ranAt !== null).sort((a, b) => a.ranAt - b.ranAt);
  const seen = new Set();
  const furthest = new Map(); // of the events of a parcel that ran so far, the last one
  let last = null;
  let newest = null; // of the events that ran so far, the one that was sent last
  for (const { n } of runs) {
    const event = byNumber.get(n);
    const beyond = furthest.get(event.parcel ?? null);
    if (seen.has(n)) {
      if (n !== last) report('order', `${lane}: event ${n} ran again after event ${last} had run`);
    } else if (beyond && event.place < beyond.place) {
      report('order', `${lane}: event ${n} ran after event ${beyond.n} of the same parcel`);
    } else if (newest && event.endedAt < newest.sentAt) {
      report('order', `${lane}: event ${n} ran after event ${newest.n}, which is newer`);
    }
    seen.add(n);
    last = n;
    if ((event.parcel ?? null) !== null && !(event.place < beyond?.place))
      furthest.set(event.parcel, event);
    if (!newest || event.sentAt > newest.sentAt) newest = event;
  }
}

// A record has one attempt at a time. A killed process leaves attempts behind, whose connections
// die, so that attempts of other processes do not count as overlapping. An attempt that the relay
// has given up may be made again before its end is seen here.
function judgeOverlap(lane, attempts, { wasGivenUp }, report) {
  const latest = new Map(); // the attempt that ends last, for each life
  for (const attempt of [...attempts].sort((a, b) => a.beganAt - b.beganAt)) {
    const other = latest.get(attempt.life);
    const isSameAnew = other?.n === attempt.n && (other.cut || wasGivenUp(other));
    if (other && attempt.beganAt < other.endedAt && !isSameAnew) {
      report('overlap', `${lane}: events ${other.n} and ${attempt.n} were under way at once`);
    }
    if (!other || attempt.endedAt > other.endedAt) latest.set(attempt.life, attempt);
  }
}

// An event has one number, at each attempt, and a larger one than all events that were over before
// it was sent. Only a letter that somebody has replayed may have had another one since.
function judgeSequence(lane, attempts, { byNumber, meddled }, report) {
  const numbers = new Map();
  for (const { n, seq = null } of attempts) {
    if (seq === null) continue;
    if (!meddled.has(n) && (numbers.get(n) ?? seq) !== seq)
      report('sequence', `${lane}: event ${n} has the numbers ${numbers.get(n)} and ${seq}`);
    if (!numbers.has(n)) numbers.set(n, seq);
  }
  const events = [...numbers.keys()].map((n) => byNumber.get(n));
  const over = [...events].sort((a, b) => a.endedAt - b.endedAt);
  let i = 0;
  let highest = null;
  for (const event of events.sort((a, b) => a.sentAt - b.sentAt)) {
    for (; over[i].endedAt < event.sentAt; i++)
      if (highest === null || numbers.get(over[i].n) > numbers.get(highest)) highest = over[i].n;
    if (highest !== null && numbers.get(highest) >= numbers.get(event.n))
      report('sequence', `${lane}: event ${event.n} has no larger number than event ${highest}`);
  }
}

// Of a parcel the relay takes all events or none, and numbers the events by place. An event that
// was taken is seen at Convex, or is a letter.
function judgeParcel(parcel, events, { attemptsOf, dead, meddled, patienceMs }, report) {
  const isTaken = ({ n }) => attemptsOf.get(n).length > 0 || dead.has(n) || meddled.has(n);
  const taken = events.filter(isTaken).length;
  if (taken > 0 && taken < events.length)
    report('parcel', `parcel ${parcel}: ${taken} of ${events.length} events were taken`);
  // A commit whose answer was lost may turn out to be made after the sender was told 503.
  const [{ status, excused, waitedMs }] = events;
  const wasAway = waitedMs >= patienceMs || (excused && patienceMs < Infinity);
  if (taken > 0 && status === 503 && !wasAway)
    report('parcel', `parcel ${parcel} was answered 503, and taken`);
  let highest = 0;
  for (const { n } of events.filter(({ n }) => !meddled.has(n))) {
    const seq = attemptsOf.get(n).find((attempt) => (attempt.seq ?? null) !== null)?.seq ?? null;
    if (seq !== null && seq <= highest)
      report('sequence', `parcel ${parcel}: event ${n} has no larger number than those before it`);
    highest = Math.max(highest, seq ?? 0);
  }
}

// A process does not send an event again after Convex has said what became of it. An answer does
// not count that the process may not have read, being cut off (unheard), or too late. A rejection
// does not count if the operator replayed the dead letter.
function judgeDuplicates({ attemptsOf, meddled, wasGivenUp }, report) {
  for (const [n, attempts] of attemptsOf) {
    const inOrder = [...attempts].sort((a, b) => a.beganAt - b.beganAt);
    for (const [i, attempt] of inOrder.entries()) {
      const { said, unheard, life } = attempt;
      if (
        said === null ||
        unheard ||
        wasGivenUp(attempt) ||
        (said === 'rejected' && meddled.has(n))
      )
        continue;
      if (inOrder.slice(i + 1).some((later) => later.life === life)) {
        report('needless', `event ${n} was sent again after Convex had said ${said}`);
        break;
      }
    }
  }
}

function judgeLetters({ letters }, { byNumber, attemptsOf, dead }, report) {
  if (dead.size < letters.length) report('twice', 'an event is in more than one dead letter');
  for (const n of dead) {
    const event = byNumber.get(n);
    if (!event) report('groundless', `dead letter ${n} is of no event that was sent`);
    if (event?.kind !== 'deliver') continue;
    const attempts = [...attemptsOf.get(n)].sort((a, b) => a.beganAt - b.beganAt);
    if (!wasRejected(attempts)) {
      report('groundless', `event ${n} is a dead letter, but Convex never rejected it`);
    } else if (attempts.at(-1).said === 'success') {
      report('groundless', `event ${n} is a dead letter, but ran in the end`);
    }
  }
}

function judgeSums({ stats, letters }, report) {
  const { accepted, delivered, discarded, dead, pending } = stats;
  if (accepted !== delivered + discarded + dead + pending) {
    report('sum', `accepted is not the sum of the others: ${JSON.stringify(stats)}`);
  }
  if (pending !== 0) report('pending', `${pending} events are left`);
  if (dead !== letters.length) {
    report('sum', `there are ${letters.length} dead letters, but ${dead} are counted`);
  }
}

function judgeEnds({ ends }, report) {
  for (const { life, asked, code, signal, complaint } of ends) {
    const wasAsked =
      signal === null
        ? code === 0 && asked.includes('SIGTERM')
        : signal === 'SIGKILL' && asked.includes('SIGKILL');
    if (!wasAsked) {
      report(
        'exit',
        `process ${life} ended by itself (code ${code}, signal ${signal}): ${complaint ?? ''}`,
      );
    } else if (complaint) {
      report('exit', `process ${life}: ${complaint}`);
    }
  }
}

function count({ events, ends, letters, troubles }, { attemptsOf, attempts, parcels }, violations) {
  const tally = (kind) => violations.filter((violation) => violation.kind === kind).length;
  const answers = {};
  for (const { status } of events) answers[status ?? 'none'] = (answers[status ?? 'none'] ?? 0) + 1;
  const runs = [...attemptsOf.values()]
    .map((list) => list.filter(({ ranAt }) => ranAt !== null).length)
    .filter(Boolean);
  return {
    kills: ends.filter(({ signal }) => signal === 'SIGKILL').length,
    stops: ends.filter(({ code }) => code === 0).length,
    events: events.length,
    parcels: parcels.size,
    answers,
    acknowledged: events.filter(({ status }) => ACKNOWLEDGED.includes(status)).length,
    attempts: attempts.length,
    calls: new Set(attempts.map(({ beganAt }) => beganAt)).size,
    delivered: runs.length,
    duplicates: runs.reduce((sum, times) => sum + times - 1, 0),
    deadLetters: letters.length,
    missing: tally('missing'),
    outOfOrder: tally('order'),
    overlaps: tally('overlap'),
    violations: violations.length,
    ...(troubles && { troubles }),
  };
}
