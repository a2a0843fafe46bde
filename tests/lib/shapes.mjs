// SPDX-License-Identifier: MIT
// Events of every shape that is expensive to read: large, many, deep, or to be rewritten.

const BEFORE = '{"model":"users","hiveId":"acc_1","data":';
const BEHIND = '}';

// A text of about that size: before, as many units as fit, behind.
export const filled = (before, unit, behind) => (size) =>
  before +
  unit.repeat(Math.floor((size - Buffer.byteLength(before + behind)) / Buffer.byteLength(unit))) +
  behind;
// The same for a text that becomes the data of a usual event.
export const filledData = (before, unit, behind) => filled(BEFORE + before, unit, behind + BEHIND);

const numbered = (count, member) => Array.from({ length: count }, (_, i) => member(i)).join(',');
// Members, one for every bytesEach bytes of the whole, and a string that fills the rest.
const members = (bytesEach, member) => (size) =>
  filledData(`{${numbered(Math.floor(size / bytesEach), member)},"x":"`, 'x', '"}')(size);

// Rows: [what, body(size), status, what the route does with nulls if not "drop"].
export const SHAPES = [
  ['one string', filledData('{"a":"', 'x', '"}'), 200],
  ['ones', filledData('{"a":[', '1,', '1]}'), 200],
  ['nulls', filledData('{"a":[', 'null,', '1]}'), 200],
  ['brackets', filledData('{"a":[', '[[[[]]]],', '1]}'), 200],
  ['braces', filledData('{"a":[', '{},', '1]}'), 200],
  ['opening brackets', filled('{"data":', '[', ''), 400],
  ['escapes', filledData('{"a":"', '\\u0041', '"}'), 200],
  ['characters of two bytes', filledData('{"a":"', 'é', '"}'), 200],
  ['blanks', filled(BEFORE, ' ', `{}${BEHIND}`), 200],
  ['one member again and again', filledData('{', '"a":1,', '"a":2}'), 200],
  ['a hundred thousand members', members(160, (i) => `"k${i}":${i}`), 200],
  ['a hundred thousand members that are null', members(160, (i) => `"k${i}":null`), 200, 'keep'],
  ['a null to be dropped, and ones', filledData('{"n":null,"a":[', '1,', '1]}'), 200],
  ['a null to be dropped, and braces', filledData('{"n":null,"a":[', '{"a":[]},', '1]}'), 200],
  [
    'a null to be dropped, and short strings',
    filledData('{"n":null,"a":[', '"a","\\"",', '1]}'),
    200,
  ],
  [
    'a null to be dropped, escapes without end, and no hiveId',
    filled('{"model":"users","data":{"n":null,"a":"', '\\\\', '"}}'),
    200,
  ],
  [
    'a null to be dropped, and short strings with escapes',
    filledData('{"n":null,"a":[', '"\\\\\\"",', '1]}'),
    200,
  ],
  [
    'a null to be dropped, short strings with escapes, and no hiveId',
    filled('{"model":"users","data":{"n":null,"a":[', '"\\\\\\"",', '1]}}'),
    200,
  ],
  [
    'no hiveId to be removed, and short strings with escapes',
    filled(
      '{"model":"users","operation":"remove","data":{"bladeId":"acc_1","a":[',
      '"\\\\\\"",',
      '1]}}',
    ),
    200,
  ],
  ['a million keys with escapes', filledData('{"a":[', '{"\\u0061":1},', '1]}'), 200],
  // Names that are long and alike, so that a search among them compares as much as possible.
  [
    'a thousand members to be dropped, of long names',
    filledData(`{${numbered(1000, (i) => `"${'k'.repeat(1000)}${i}":null`)},"a":[`, '1,', '1]}'),
    200,
  ],
  ['a key that is refused, before all else', filledData('{"a":[{"$b":1},', '1,', '1]}'), 500],
  ['a key that is refused, behind all else', filledData('{"a":[', '1,', '{"é":1}]}'), 500],
  ['one key', filledData('{"', 'x', '":1}'), 500],
  ['a list for data', filledData('[', '1,', '1]'), 500],
  ['a model', filled('{"data":{},"model":"', 'x', '"}'), 200],
  ['a hiveId', filled('{"model":"users","data":{},"hiveId":"', 'x', '"}'), 200],
  [
    'a hiveId to be removed',
    filled('{"model":"users","operation":"remove","hiveId":"', 'x', '"}'),
    200,
  ],
  [
    'a bladeId to be removed',
    filled('{"model":"users","operation":"remove","data":{"a":1,"bladeId":"', '\\\\', '"}}'),
    200,
  ],
  ['no hiveId', filled('{"model":"users","data":{"a":[', '1,', '1],"bladeId":"acc_1"}}'), 200],
];

// The routes of a relay that gets these events.
export const routesOf = (nulls = 'drop') => ({
  users: { mutation: 'users:set', remove: 'users:remove', nulls },
});
