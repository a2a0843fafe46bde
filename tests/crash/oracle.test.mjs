// SPDX-License-Identifier: MIT
// The oracle on histories that are made by hand: each kind of violation is found, and a good
// history has none.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from './oracle.mjs';
import { answersOf } from './parcels.mjs';

const ANSWERS = {
  200: '{"success":true}',
  202: '{"success":true,"queued":true}',
  500: '{"error":"no"}',
  503: '{"error":"no"}',
};

// sent(n, from, to, status): an event of record "a".
const sent = (n, sentAt, endedAt, status = 200, more = {}) => ({
  n,
  kind: 'deliver',
  lane: 'users/a',
  sentAt,
  endedAt,
  status,
  body: ANSWERS[status] ?? null,
  left: false,
  excused: false,
  ...more,
});

// ranFrom(n, from, to): an attempt that ran between these times and was answered.
const ranFrom = (n, beganAt, endedAt, more = {}) => ({
  n,
  life: 1,
  beganAt,
  endedAt,
  ranAt: (beganAt + endedAt) / 2,
  said: 'success',
  intact: true,
  ...more,
});
const failedFrom = (n, beganAt, endedAt, more = {}) =>
  ranFrom(n, beganAt, endedAt, { ranAt: null, said: null, ...more });
const lost = { said: null };
const rejected = { said: 'rejected' };

// Events of a parcel, all of record "a", that were sent at the same time.
const parcelOf = (statuses, more = {}) =>
  statuses.map((status, place) =>
    sent(place + 1, place, 20, status, { parcel: 1, place, ...more }),
  );

const history = ({
  events = [],
  attempts = [],
  letters = [],
  meddled = [],
  stats,
  ends = [],
  patienceMs = Infinity,
}) => {
  const dead = letters.length;
  const delivered = new Set(attempts.filter(({ ranAt }) => ranAt !== null).map(({ n }) => n)).size;
  return {
    events,
    attempts,
    letters: letters.map((n) => ({ n })),
    meddled: new Set(meddled),
    ends,
    timeoutMs: 3000,
    patienceMs,
    stats: { accepted: delivered + dead, delivered, discarded: 0, dead, pending: 0, ...stats },
  };
};

const WELL = {
  nothing: {},
  'one after the other': {
    events: [sent(1, 0, 10), sent(2, 11, 20)],
    attempts: [ranFrom(1, 2, 4), ranFrom(2, 12, 14)],
  },
  'accepted, and delivered later': {
    events: [sent(1, 0, 3, 202)],
    attempts: [failedFrom(1, 4, 5), ranFrom(1, 6, 8)],
  },
  'the last one twice after a lost answer': {
    events: [sent(1, 0, 3, 202), sent(2, 4, 5, 202)],
    attempts: [ranFrom(1, 1, 2, lost), ranFrom(1, 6, 8), ranFrom(2, 9, 10)],
  },
  'again after an answer that a reset has overtaken': {
    events: [sent(1, 0, 3, 202)],
    attempts: [ranFrom(1, 1, 2, { unheard: true }), ranFrom(1, 4, 6)],
  },
  'again after an answer that came too late': {
    events: [sent(1, 0, 3, 202)],
    attempts: [ranFrom(1, 1, 2, { unread: true, tookMs: 3010 }), ranFrom(1, 4, 6)],
  },
  'again after an answer that came too late for a call that began before it was seen': {
    events: [sent(1, 0, 3, 202)],
    attempts: [ranFrom(1, 1, 2, { unread: true, tookMs: 1250 }), ranFrom(1, 4, 6)],
  },
  'again before the answer to an attempt that was given up': {
    events: [sent(1, 0, 3, 202)],
    attempts: [ranFrom(1, 1, 6, { unread: true, tookMs: 3010 }), ranFrom(1, 5, 8)],
  },
  'again before the end of an attempt that was given up is seen': {
    events: [sent(1, 0, 3, 202)],
    attempts: [ranFrom(1, 1, 6, { said: null, cut: true }), ranFrom(1, 5, 8)],
  },
  'the last one twice after a kill': {
    events: [sent(1, 0, 5)],
    attempts: [ranFrom(1, 1, 3), ranFrom(1, 11, 13, { life: 2 })],
    ends: [{ life: 1, asked: ['SIGKILL'], code: null, signal: 'SIGKILL' }],
  },
  'side by side, in either order': {
    events: [sent(1, 0, 20), sent(2, 1, 19)],
    attempts: [ranFrom(2, 2, 4), ranFrom(1, 5, 7)],
  },
  'an attempt of a dead process beside one of the next': {
    events: [sent(1, 0, 5, null, { excused: true })],
    attempts: [failedFrom(1, 1, 10), ranFrom(1, 8, 12, { life: 2 })],
  },
  'two records at once': {
    events: [sent(1, 0, 9), sent(2, 1, 9, 200, { lane: 'users/b' })],
    attempts: [ranFrom(1, 2, 6), ranFrom(2, 3, 7)],
  },
  'numbers that rise, and the same one again': {
    events: [sent(1, 0, 3, 202), sent(2, 4, 9, 200)],
    attempts: [
      ranFrom(1, 1, 2, { ...lost, seq: 7 }),
      ranFrom(1, 5, 6, { seq: 7 }),
      ranFrom(2, 7, 8, { seq: 8 }),
    ],
  },
  'numbers of two side by side, in either order': {
    events: [sent(1, 0, 9), sent(2, 1, 9)],
    attempts: [ranFrom(2, 2, 4, { seq: 7 }), ranFrom(1, 5, 8, { seq: 8 })],
  },
  'another number for a letter that was replayed by force': {
    events: [sent(1, 0, 9, 500)],
    attempts: [failedFrom(1, 1, 3, { ...rejected, seq: 7 }), ranFrom(1, 11, 13, { seq: 9 })],
    meddled: [1],
  },
  'a parcel, in its order': {
    events: parcelOf([200, 202]),
    attempts: [ranFrom(1, 3, 5, { seq: 7 }), ranFrom(2, 7, 9, { seq: 8 })],
  },
  'a parcel of which nobody knows': { events: parcelOf([null, null], { excused: true }) },
  'a parcel that was refused': { events: parcelOf([503, 503], { excused: true }) },
  'events without order in any': {
    events: [sent(1, 0, 3, 202, { lane: null }), sent(2, 4, 9, 200, { lane: null })],
    attempts: [ranFrom(2, 5, 7), ranFrom(1, 6, 12)],
  },
  'rejected, at once or later': {
    events: [sent(1, 0, 9, 500), sent(2, 10, 12, 202)],
    attempts: [failedFrom(1, 1, 3, rejected), failedFrom(2, 14, 16, rejected)],
    letters: [1, 2],
  },
  'rejected and replayed': {
    events: [sent(1, 0, 9, 500)],
    attempts: [failedFrom(1, 1, 3, rejected), ranFrom(1, 11, 13)],
    meddled: [1],
  },
  'what no mutation can take, and what nobody wants': {
    events: [sent(1, 0, 9, 500, { kind: 'refused' }), sent(2, 0, 9, 200, { kind: 'stray' })],
    letters: [1, 2],
  },
  'no answer from a process that was killed, or to a sender that left': {
    events: [sent(1, 0, 9, null, { excused: true }), sent(2, 0, 9, null, { left: true })],
  },
  stopped: { ends: [{ life: 1, asked: ['SIGTERM'], code: 0, signal: null }] },
  'refused after the outbox was away for long': {
    patienceMs: 5000,
    events: [sent(1, 0, 3, 503, { waitedMs: 5000 })],
  },
  'a parcel that was refused, and whose commit turned out to be made': {
    patienceMs: 5000,
    events: parcelOf([503, 503], { waitedMs: 5000 }),
    attempts: [ranFrom(1, 21, 22), ranFrom(2, 23, 24)],
  },
};
for (const [what, made] of Object.entries(WELL)) {
  test(`well: ${what}`, () => assert.deepEqual(judge(history(made)).violations, []));
}

const BROKEN = {
  'refused by an outbox that cannot be away': [
    'unavailable',
    { events: [sent(1, 0, 3, 503, { waitedMs: 6000 })] },
  ],
  'refused before the outbox can have been away for long': [
    'unavailable',
    { patienceMs: 5000, events: [sent(1, 0, 3, 503, { waitedMs: 4000 })] },
  ],
  'acknowledged with 202 and never run': [
    'missing',
    { events: [sent(1, 0, 3, 202)], attempts: [failedFrom(1, 4, 5)] },
  ],
  'acknowledged with 200 and never run': ['early missing', { events: [sent(1, 0, 3)] }],
  'acknowledged with 202 and dead without a rejection': [
    'missing groundless',
    { events: [sent(1, 0, 3, 202)], letters: [1] },
  ],
  'acknowledged with 200, but rejected': [
    'early missing',
    {
      events: [sent(1, 0, 9)],
      attempts: [failedFrom(1, 1, 3, rejected)],
      letters: [1],
    },
  ],
  '200 before its time': ['early', { events: [sent(1, 0, 3)], attempts: [ranFrom(1, 2, 8)] }],
  'rejected and not kept': [
    'missing',
    { events: [sent(1, 0, 9, 500)], attempts: [failedFrom(1, 1, 3, rejected)] },
  ],
  'refused and not kept': ['missing', { events: [sent(1, 0, 9, 500, { kind: 'refused' })] }],
  'stray and not kept': ['missing', { events: [sent(1, 0, 9, 200, { kind: 'stray' })] }],
  'refused and sent nevertheless': [
    'leaked',
    {
      events: [sent(1, 0, 9, 500, { kind: 'refused' })],
      attempts: [failedFrom(1, 1, 2)],
      letters: [1],
    },
  ],
  'sent by nobody who may': ['leaked', { attempts: [failedFrom(null, 1, 2)] }],
  'stray and answered 500': [
    'unexpected',
    { events: [sent(1, 0, 9, 500, { kind: 'stray' })], letters: [1] },
  ],
  '500 without a rejection': [
    'groundless',
    { events: [sent(1, 0, 9, 500)], attempts: [ranFrom(1, 1, 3)], meddled: [1] },
  ],
  'a newer one first': [
    'order',
    {
      events: [sent(1, 0, 3, 202), sent(2, 4, 9, 202)],
      attempts: [ranFrom(2, 10, 12), ranFrom(1, 13, 15)],
    },
  ],
  'an older one again': [
    'order',
    {
      events: [sent(1, 0, 3, 202), sent(2, 4, 9, 202)],
      attempts: [ranFrom(1, 1, 2, lost), ranFrom(2, 10, 12), ranFrom(1, 13, 15, { life: 2 })],
    },
  ],
  'of two side by side the first again': [
    'order',
    {
      events: [sent(1, 0, 9, 202), sent(2, 1, 8, 202)],
      attempts: [ranFrom(2, 10, 11, lost), ranFrom(1, 12, 13), ranFrom(2, 14, 15, { life: 2 })],
    },
  ],
  'two attempts of a record at once': [
    'overlap',
    {
      events: [sent(1, 0, 20), sent(2, 1, 20)],
      attempts: [ranFrom(1, 2, 6), ranFrom(2, 5, 9)],
    },
  ],
  'two attempts of an event at once': [
    'overlap',
    {
      events: [sent(1, 0, 20)],
      attempts: [failedFrom(1, 2, 6), ranFrom(1, 5, 9)],
    },
  ],
  'a short attempt within a long one, after another': [
    'overlap',
    {
      events: [sent(1, 0, 30), sent(2, 0, 30)],
      attempts: [failedFrom(1, 1, 2), failedFrom(1, 3, 20), ranFrom(2, 5, 7), ranFrom(1, 21, 22)],
    },
  ],
  'another number at the next attempt': [
    'sequence',
    {
      events: [sent(1, 0, 3, 202)],
      attempts: [failedFrom(1, 4, 5, { seq: 7 }), ranFrom(1, 6, 8, { seq: 8 })],
    },
  ],
  'a newer one with the same number': [
    'sequence',
    {
      events: [sent(1, 0, 5), sent(2, 6, 9)],
      attempts: [ranFrom(1, 1, 3, { seq: 7 }), ranFrom(2, 7, 8, { seq: 7 })],
    },
  ],
  'a newer one with a lower number, after one that rose': [
    'sequence',
    {
      events: [sent(1, 0, 5), sent(2, 6, 9), sent(3, 10, 15)],
      attempts: [
        ranFrom(1, 1, 3, { seq: 7 }),
        ranFrom(2, 7, 8, { seq: 9 }),
        ranFrom(3, 11, 12, { seq: 8 }),
      ],
    },
  ],
  'sent again after success': [
    'needless',
    { events: [sent(1, 0, 9)], attempts: [ranFrom(1, 1, 3), ranFrom(1, 4, 6)] },
  ],
  'sent again after success that came late and was read': [
    'needless',
    {
      events: [sent(1, 0, 9)],
      attempts: [ranFrom(1, 1, 3, { tookMs: 3010 }), ranFrom(1, 4, 6)],
    },
  ],
  'sent again after success in time that it did not wait for': [
    'needless',
    {
      events: [sent(1, 0, 9)],
      attempts: [ranFrom(1, 1, 3, { unread: true, tookMs: 900 }), ranFrom(1, 4, 6)],
    },
  ],
  'at once with an attempt that was answered in time': [
    'overlap needless',
    {
      events: [sent(1, 0, 9)],
      attempts: [ranFrom(1, 1, 6, { unread: true, tookMs: 900 }), ranFrom(1, 5, 8)],
    },
  ],
  'sent again after a rejection': [
    'needless',
    {
      events: [sent(1, 0, 9, 500)],
      attempts: [failedFrom(1, 1, 3, rejected), failedFrom(1, 4, 6, rejected)],
      letters: [1],
    },
  ],
  'dead, though it ran in the end': [
    'groundless',
    {
      events: [sent(1, 0, 3, 202)],
      attempts: [failedFrom(1, 4, 5, rejected), ranFrom(1, 6, 8, { life: 2 })],
      letters: [1],
    },
  ],
  'dead twice': [
    'twice',
    {
      events: [sent(1, 0, 9, 500)],
      attempts: [failedFrom(1, 1, 3, rejected)],
      letters: [1, 1],
    },
  ],
  'a letter of nobody': ['groundless', { letters: [7] }],
  'other arguments': [
    'damaged',
    { events: [sent(1, 0, 9)], attempts: [ranFrom(1, 1, 3, { intact: false })] },
  ],
  'no answer': ['unanswered', { events: [sent(1, 0, 9, null)] }],
  'an answer that does not exist': ['unexpected', { events: [sent(1, 0, 9, 400)] }],
  'a body that does not belong to the status': [
    'unexpected',
    {
      events: [sent(1, 0, 9, 202, { body: ANSWERS[200] })],
      attempts: [ranFrom(1, 1, 3)],
    },
  ],
  '503 without a reason': ['unavailable', { events: [sent(1, 0, 9, 503)] }],
  'something left': ['pending', { stats: { accepted: 1, pending: 1 } }],
  'a sum that is wrong': ['sum', { stats: { accepted: 1 } }],
  'a parcel that was taken in part': [
    'parcel',
    { events: parcelOf([null, null], { excused: true }), attempts: [ranFrom(2, 7, 9)] },
  ],
  'a parcel that was taken in part, and became a letter': [
    'parcel',
    {
      events: parcelOf([null, null], { excused: true, kind: 'refused', lane: null }),
      letters: [1],
    },
  ],
  'a parcel that was taken, and answered 503': [
    'parcel',
    {
      events: parcelOf([503, 503], { excused: true }),
      attempts: [ranFrom(1, 3, 5), ranFrom(2, 7, 9)],
    },
  ],
  'a parcel in another order': [
    'order',
    { events: parcelOf([200, 200]), attempts: [ranFrom(2, 3, 5), ranFrom(1, 7, 9)] },
  ],
  'a parcel with numbers in another order': [
    'sequence',
    {
      events: parcelOf([200, 200]),
      attempts: [ranFrom(1, 3, 5, { seq: 8 }), ranFrom(2, 7, 9, { seq: 7 })],
    },
  ],
  'a letter too few': ['sum', { stats: { accepted: 1, dead: 1 } }],
  'a crash': ['exit', { ends: [{ life: 1, asked: ['SIGKILL'], code: null, signal: 'SIGSEGV' }] }],
  'an end that nobody asked for': [
    'exit',
    { ends: [{ life: 1, asked: [], code: 0, signal: null }] },
  ],
  'a stop that fails': ['exit', { ends: [{ life: 1, asked: ['SIGTERM'], code: 1, signal: null }] }],
  'a stop that has to be killed by another': [
    'exit',
    { ends: [{ life: 1, asked: ['SIGTERM'], code: null, signal: 'SIGKILL' }] },
  ],
  'a complaint of a sanitizer': [
    'exit',
    { ends: [{ life: 1, asked: ['SIGKILL'], code: null, signal: 'SIGKILL', complaint: 'leak' }] },
  ],
};
for (const [what, [kinds, made]] of Object.entries(BROKEN)) {
  test(`found: ${what}`, () => {
    const { violations } = judge(history(made));
    assert.deepEqual(
      violations.map(({ kind }) => kind).join(' '),
      kinds,
      JSON.stringify(violations),
    );
  });
}

test('the figures', () => {
  const { figures } = judge(
    history({
      events: [
        sent(1, 0, 5),
        sent(2, 6, 9, 202),
        sent(3, 10, 12, 500),
        sent(4, 13, 14, null, { excused: true }),
      ],
      attempts: [
        ranFrom(1, 1, 3),
        ranFrom(2, 7, 8, lost),
        ranFrom(2, 15, 17),
        failedFrom(3, 10, 11, rejected),
      ],
      letters: [3],
      ends: [
        { life: 1, asked: ['SIGKILL'], code: null, signal: 'SIGKILL' },
        { life: 2, asked: ['SIGTERM'], code: 0, signal: null },
      ],
    }),
  );
  assert.deepEqual(figures, {
    kills: 1,
    stops: 1,
    events: 4,
    parcels: 0,
    answers: { 200: 1, 202: 1, 500: 1, none: 1 },
    acknowledged: 2,
    attempts: 4,
    calls: 4,
    delivered: 2,
    duplicates: 1,
    deadLetters: 1,
    missing: 0,
    outOfOrder: 0,
    overlaps: 0,
    violations: 0,
  });
});

// ---- answers to parcels ----

const [DONE, LATER] = [{ success: true }, { success: true, queued: true }];
const page = (successful, failed, results) =>
  JSON.stringify({ success: true, successful, failed, total: results.length, results });
const no = { error: 'no' };
const unrouted = { error: 'No route for model x' };
for (const [what, status, body, wanted] of [
  ['results', 200, page(2, 1, [DONE, LATER, no]), [200, 202, 500]],
  ['all queued', 202, page(2, 0, [LATER, LATER]), [202, 202]],
  ['no route', 200, page(0, 2, [unrouted, unrouted]), [200, 200]],
  ['refused', 503, '{"error":"no"}', [503, 503]],
  ['no answer', null, null, [null, null]],
  ['too few', 200, page(1, 0, [DONE]), [0, 0]],
  ['a wrong count', 200, page(2, 0, [DONE, no]), [0, 0]],
  ['a wrong status', 202, page(2, 0, [DONE, LATER]), [0, 0]],
  ['another entry', 200, page(2, 0, [DONE, {}]), [200, 0]],
  ['no JSON', 200, '{', [0, 0]],
]) {
  test(`the answer to a parcel: ${what}`, () =>
    assert.deepEqual(
      answersOf(wanted, { status, body }).map((answer) => answer.status),
      wanted,
    ));
}
