// SPDX-License-Identifier: MIT
// Bodies that are not JSON, not an object, or not fit to be sent.

import { gzipSync } from 'node:zlib';
import {
  AUTH,
  BODY,
  DONE,
  HOST,
  IGNORED,
  post,
  REFUSED,
  row,
  withBody,
  withData,
} from '../case.mjs';

// What the router answers as 500 in plain text, because JSON.parse throws outside its try.
const notJson = (name, body, expected = REFUSED) => withBody(`not JSON: ${name}`, body, expected);
const notAnObject = (body, expected = IGNORED) =>
  withBody(`not an object: ${body}`, body, expected);
// Bytes that are not UTF-8 where the x stands.
const notUtf8 = (name, bytes, text, expected = DONE) => {
  const [before, after] = text.split('x');
  const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
  return withBody(`not UTF-8: ${name}`, body, expected);
};
const tooLarge = (name, body, expected = DONE) => withBody(`too large: ${name}`, body, expected);
const proto = (name, data, expected = DONE) => withData(`__proto__ ${name}`, data, expected);

const VALUE = '{"model":"users","data":{"v":"x"}}';

export default [
  notJson('nothing', ''),
  row('not JSON: no body at all', post({ body: undefined, headers: [HOST, AUTH] }), REFUSED),
  notJson('a blank', ' '),
  notJson('only a byte order mark', '\ufeff'),
  notJson('two byte order marks', `\ufeff\ufeff${BODY}`, DONE),
  notJson('a byte order mark behind', `${BODY}\ufeff`),
  notJson('a word', 'users'),
  notJson('half of it', BODY.slice(0, BODY.length / 2)),
  notJson('all but the last byte', BODY.slice(0, -1)),
  notJson('one brace too many', `${BODY}}`),
  notJson('two objects', `${BODY}${BODY}`),
  notJson('something behind', `${BODY} x`),
  notJson('a NUL behind', `${BODY}\0`),
  notJson('a comma behind the last member', '{"model":"users","data":{},}'),
  notJson('a comma behind the last item', '{"model":"users","data":{"v":[1,]}}'),
  notJson('a comma too many', '{"model":"users",,"data":{}}'),
  notJson('no colon', '{"model" "users"}'),
  notJson('no comma', '{"model":"users" "data":{}}'),
  notJson('a name without quotes', '{model:"users"}'),
  notJson('single quotes', "{'model':'users'}"),
  notJson('a comment', '{"model":"users",/* x */"data":{}}'),
  notJson('a bracket that does not match', '{"model":"users","data":[}}'),
  notJson('True', '{"model":"users","data":{"v":True}}'),
  notJson('NaN', '{"model":"users","data":{"v":NaN}}'),
  notJson('Infinity', '{"model":"users","data":{"v":Infinity}}'),
  notJson('undefined', '{"model":"users","data":undefined}'),
  notJson('a literal cut short', '{"model":"users","data":{"v":tru}}'),
  ...['01', '-01', '+1', '.5', '1.', '-', '1e', '1e+', '0x10', '1_000', '--1', '1.e5', '１'].map(
    (number) => notJson(`the number ${number}`, `{"model":"users","data":{"v":${number}}}`),
  ),
  notJson('a raw newline in a string', '{"model":"users","data":{"v":"a\nb"}}'),
  notJson('a raw tab in a string', '{"model":"users","data":{"v":"a\tb"}}'),
  notJson('a raw NUL in a string', '{"model":"users","data":{"v":"a\0b"}}'),
  notJson('a raw control character in a name', '{"model":"users","data":{"a\x1f":1}}'),
  notJson('an unknown escape', '{"model":"users","data":{"v":"\\x41"}}'),
  notJson('an escape cut short', '{"model":"users","data":{"v":"\\u12"}}'),
  notJson('an escape with a letter too far', '{"model":"users","data":{"v":"\\u12g4"}}'),
  notJson('a string without an end', '{"model":"users","data":{"v":"abc}}'),
  notJson('a form feed', '\f{"model":"users"}'),
  notJson('a no-break space', '\u00a0{"model":"users"}'),
  notJson('a line separator', '{"model":"users"\u2028}'),
  notJson('a form', 'model=users&data=1'),
  notJson('gzip', gzipSync(BODY)),
  notJson('UTF-16', Buffer.from(`\ufeff${BODY}`, 'utf16le')),
  notJson('an error inside a member that nobody reads', `{"model":"x","data":{},"extra":[1,2,}`),

  notAnObject('null', REFUSED),
  ...['5', '-0.5', 'true', 'false', '"x"', '""', '[]', '[{"model":"users"}]', ' 5 '].map((body) =>
    notAnObject(body),
  ),

  notUtf8('a byte that starts nothing', [0xff], VALUE),
  notUtf8('a continuation alone', [0x80], VALUE),
  notUtf8('two bytes cut short', [0xc3], VALUE),
  notUtf8('three bytes cut short', [0xe2, 0x82], VALUE),
  notUtf8('a slash in two bytes', [0xc0, 0xaf], VALUE),
  notUtf8('a NUL in two bytes', [0xc0, 0x80], VALUE),
  notUtf8('a surrogate in three bytes', [0xed, 0xa0, 0x80], VALUE),
  notUtf8('a pair of surrogates in six bytes', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80], VALUE),
  notUtf8('past the last character', [0xf4, 0x90, 0x80, 0x80], VALUE),
  notUtf8('five bytes', [0xf8, 0x88, 0x80, 0x80, 0x80], VALUE),
  notUtf8('Latin-1', [0xe9], VALUE),
  notUtf8('in a name', [0xff], '{"model":"users","data":{"ax":1}}', REFUSED),
  notUtf8('in the model', [0xff], '{"model":"usersx","data":{}}', IGNORED),
  notUtf8('in hiveId', [0xff], '{"model":"users","data":{},"hiveId":"x"}'),

  tooLarge('1e400', '{"model":"users","data":{"v":1e400}}'),
  tooLarge('-1e400', '{"model":"users","data":{"v":-1e400}}'),
  tooLarge('just over', '{"model":"users","data":{"v":1.7976931348623159e308}}'),
  tooLarge('400 digits', `{"model":"users","data":{"v":${'9'.repeat(400)}}}`),
  tooLarge('inside an array', '{"model":"users","data":{"v":[1,[1e999]]}}'),
  tooLarge('as data', '{"model":"users","data":1e400}', REFUSED),
  tooLarge('as hiveId', '{"model":"users","data":{},"hiveId":1e400}'),

  proto('alone', '{"__proto__":1}'),
  proto('with an object', '{"__proto__":{"admin":true},"a":1}'),
  proto('further in', '{"a":{"b":[{"__proto__":null}]}}'),
  proto('with an escape', '{"__pr\\u006fto__":1}'),
];
