// SPDX-License-Identifier: MIT
// Values inside data reach Convex as they are.

import { DONE, FAILED, withData } from '../case.mjs';

const value = (json) => withData(`the value ${json.slice(0, 60)}`, `{"v":${json}}`, DONE);
const nested = (depth, open, close, expected) =>
  withData(
    `${open}...${close} nested ${depth} deep`,
    `{"v":${open.repeat(depth - 1)}1${close.repeat(depth - 1)}}`,
    expected,
  );

const numbers = [
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '0.30000000000000004',
  '0.1',
  '1.0',
  '1E2',
  '1e+2',
  '1E-2',
  '-0',
  '-0.0',
  '0e5',
  '0.0',
  '-1e-400',
  '1e-400',
  '5e-324',
  '2.4703282292062327e-324',
  '2.2250738585072011e-308',
  '1.7976931348623157e308',
  '1.7976931348623158e308',
  '123456789012345678901234567890',
  '0.1234567890123456789012345678901234567890',
  '1.00000000000000011102230246251565404236316680908203125',
  '3.141592653589793238462643383279',
  '100000000000000000000000',
  '1e21',
  '1e-7',
  '4.35',
  '1e23',
  '8.5e-5',
  `1${'0'.repeat(300)}`,
  `0.${'0'.repeat(320)}1`,
];
const strings = [
  '""',
  '"plain"',
  '"\\u0000"',
  '"x\\u0000y"',
  '"\\u001f"',
  '"\\u007f"',
  '"\u007f"',
  '"\\b\\f\\n\\r\\t\\"\\\\\\/"',
  '"/"',
  '"\\ud83d\\ude00"',
  '"\\uD83D\\uDE00"',
  '"😀"',
  '"é"',
  '"\\u00e9"',
  '"\u2028\u2029"',
  '"\\u2028"',
  '"\uffff"',
  '"\u{10ffff}"',
  '"\ufffd"',
  '"\\ud800"',
  '"\\udc00"',
  '"\\ude00\\ud83d"',
  '"\\ud83d\\ud83d\\ude00"',
  '"a\\ud800"',
  '"\\ud800a"',
  '"\\ud83dx\\ude00"',
  '"$"',
  '"__proto__"',
  '"null"',
  '"\u0080"',
  '"日本語 текст عربى"',
  '"👩‍👩‍👧"',
];

export default [
  ...numbers.map(value),
  ...strings.map(value),
  ...['null', 'true', 'false', '[]', '{}', '[null]', '[[],{}]', '[1,"a",null,true,{"b":[]}]'].map(
    value,
  ),
  withData('a repeated member', '{"a":1,"b":2,"a":3}', DONE),
  withData('a repeated member further in', '{"v":{"a":1,"a":{"b":1,"b":[2]}}}', DONE),
  withData('a repeated member inside an array', '{"v":[{"a":1,"a":2},{"a":null,"a":0}]}', DONE),
  withData('a member repeated with an escape', '{"ab":1,"a\\u0062":2}', DONE),
  withData('null members', '{"a":null,"b":{"c":null},"d":[null]}', DONE),
  withData('members in no order', '{"z":1,"a":2,"10":3,"9":4,"":5,"A":6}', DONE),
  withData('a string of 200 000 characters', `{"v":"${'aé😀'.repeat(50_000)}"}`, DONE),
  withData('an array of 9000 items', `{"v":[${'1,'.repeat(8999)}1]}`, DONE),
  withData(
    'an object of 2000 members',
    `{"v":{${Array.from({ length: 2000 }, (_, i) => `"k${i}":${i}`).join(',')}}}`,
    DONE,
  ),
  withData('a body of 2 MiB', `{"v":"${'x'.repeat(2 * 1024 * 1024)}"}`, DONE),
  ...[63, 64, 65, 128, 129, 1000].flatMap((depth) => [
    nested(depth, '[', ']', DONE),
    nested(depth, '{"a":', '}', DONE),
  ]),
  withData('a value that Convex refuses', '{"v":"\\ud800"}', FAILED, {
    json: {
      status: 'error',
      errorMessage: '[Request ID: 0] Server Error\nInvalid arguments provided',
    },
  }),
];
