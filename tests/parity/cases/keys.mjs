// SPDX-License-Identifier: MIT
// Names of members inside data: the client refuses some, the first in the order of its own walk.

import { DONE, REFUSED, withData } from '../case.mjs';

const K1024 = 'k'.repeat(1024);

const accepted = [
  '""', '" "', '"_id"', '"_creationTime"', '"a$"', '"a$b"', '"0"', '"10"', '"-1"', '"a.b"', '"~"', '"constructor"', '"toString"',
  '"hasOwnProperty"', '"__proto"', '"proto__"', '"length"', '"\\u0061"', '"\\u0020"', '"a\\/b"', '"a\\\\b"', '"a\\"b"', '"toJSON"',
  `"${K1024}"`, `"${'\\u006b'.repeat(1024)}"`,
];
const refused = [
  '"$"', '"$a"', '"$integer"', '"$$"', '"\\u0024x"', '"é"', '"\\u00e9"', '"aé"', '"日本"', '"😀"', '"a😀b"', '"\\ud83d\\ude00"',
  '"\\ud800"', '"x\\udc00"', '"\\u0000"', '"a\\u0000b"', '"\\n"', '"\\t"', '"\\u001f"', '"\u007f"', '"\\u007f"', '"\u0080"', '"\u2028"',
  `"${K1024}x"`, `"$${K1024}"`, `"${'é'.repeat(1024)}"`, `"${'é'.repeat(1025)}"`, `"${'😀'.repeat(512)}"`, `"${'😀'.repeat(513)}"`,
  `"${'\\u006b'.repeat(1025)}"`,
];
const label = (key) => (key.length > 40 ? `${key.slice(0, 12)}... of ${key.length - 2}` : key);

export default [
  ...accepted.map((key) => withData(`the name ${label(key)}`, `{${key}:1}`, DONE)),
  ...refused.map((key) => withData(`the name ${label(key)}`, `{${key}:1}`, REFUSED)),

  withData('a bad name further in', '{"a":{"b":{"$c":1}}}', REFUSED),
  withData('a bad name inside an array', '{"a":[1,{"b":2},{"$c":1}]}', REFUSED),
  withData('a bad name 100 deep', `{"a":${'['.repeat(98)}{"$b":1}${']'.repeat(98)}}`, REFUSED),
  withData('what would be an Int64', '{"n":{"$integer":"AQAAAAAAAAA="}}', REFUSED),
  withData('what would be bytes', '{"n":[{"$bytes":"AQ=="}]}', REFUSED),
  withData('what would be a Float64', '{"n":{"$float":"AAAAAAAA8H8="}}', REFUSED),
  withData('a bad name with an empty object under it', '{"$a":{}}', REFUSED),

  withData('two bad names, written in order', '{"$a":1,"$b":2}', REFUSED),
  withData('two bad names, written the other way round', '{"$b":1,"$a":2}', REFUSED),
  withData('a $ and an é', '{"é":1,"$b":2}', REFUSED),
  withData('a bad name under a later and an earlier one', '{"z":{"$z":1},"b":{"$x":1},"a":{"é":1}}', REFUSED),
  withData('a bad name beside one with a bad name under it', '{"a":{"$z":1},"$b":1}', REFUSED),
  withData('a bad name after one with a bad name under it', '{"a":{"$z":1},"é":1}', REFUSED),
  withData('names that count as numbers', '{"10":{"$ten":1},"9":{"$nine":1}}', REFUSED),
  withData('names that count as numbers, and one that does not', '{"b":{"$b":1},"10":{"$ten":1},"2":{"$two":1},"!":{"$bang":1}}', REFUSED),
  withData('an upper and a lower case name', '{"a":{"$a":1},"B":{"$b":1}}', REFUSED),
  withData('a name and its prefix', '{"ab":{"$ab":1},"a":{"$a":1}}', REFUSED),
  withData('the empty name first', '{"a":{"$a":1},"":{"$empty":1}}', REFUSED),
  withData('surrogates before the private use area', '{"\uffff":1,"😀":2}', REFUSED),
  withData('surrogates before the private use area, escaped', '{"\\ue000":1,"\\ud83d\\ude00":2}', REFUSED),
  withData('two names that differ after a NUL', '{"a\\u0000b":1,"a\\u0000a":2}', REFUSED),
  withData('bad names in an array, in its order', '{"v":[{"é":1},{"$a":1}]}', REFUSED),
  withData('bad names in a nested array', '{"v":[[[{"z":[{"$z":1}],"y":[{"$y":1}]}]]]}', REFUSED),

  withData('a bad name in a value that is overwritten', '{"a":{"$x":1},"a":1}', DONE),
  withData('a bad name in a value that overwrites', '{"a":1,"a":{"$x":1}}', REFUSED),
  withData('a bad name in a value overwritten by an escaped name', '{"a":{"$x":1},"\\u0061":[]}', DONE),
  withData('a bad name in a value overwritten further in', '{"v":[{"a":{"$x":1},"b":2,"a":3}]}', DONE),
  withData('two bad names, one in a value that is overwritten', '{"b":{"$x":1},"c":{"$y":1},"b":2}', REFUSED),
  withData('a bad name twice', '{"$a":1,"$a":2}', REFUSED),
  withData('__proto__ as a value', '{"a":"__proto__"}', DONE),
];
