// SPDX-License-Identifier: MIT
// Every class of answer that Convex, or a proxy before it, may give. 421 is missing: node's fetch
// sends such a request once more unasked, on some versions without the body.

import { SUCCESS } from '../../lib/upstream.mjs';
import { DONE, FAILED, post, row } from '../case.mjs';

const TYPE = { 'Content-Type': 'application/json' };
const when = (name, answer, expected) =>
  row(`Convex answers ${name}`, post({}), expected, { answer });

const success = (name, body) => when(name, { body, headers: TYPE }, DONE);
const error = (name, body, status = 200) => when(name, { body, status, headers: TYPE }, FAILED);
const message = (text) =>
  error(
    `an error with the message ${text.slice(0, 50)}`,
    `{"status":"error","errorMessage":${text}}`,
  );
const refusal = (status, body, headers = TYPE) =>
  when(`${status} ${JSON.stringify(String(body).slice(0, 50))}`, { status, body, headers }, FAILED);
const unreadable = (body) => error(`200 ${JSON.stringify(body.slice(0, 50))}`, body);

const raw = (name, bytes, expected, then) => when(name, { raw: bytes, then }, expected);
// The router goes there; a second request reaches Convex.
const redirect = (status) =>
  when(
    `${status} to elsewhere`,
    ({ target }) =>
      target === '/elsewhere'
        ? SUCCESS
        : { status, body: 'moved', headers: { Location: '/elsewhere' } },
    { status: 200, sends: 2 },
  );
const OK = '{"status":"success","value":null}';
const head = (length) =>
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
const code = (name, text) => JSON.stringify({ code: name, message: text });

export default [
  success('success', OK),
  success(
    'success with a value',
    '{"status":"success","value":{"action":"created","n":[1,null,"x"]}}',
  ),
  success('success with log lines', '{"status":"success","value":null,"logLines":["[LOG] \'x\'"]}'),
  success('success in another order', '{"value":null,"status":"success"}'),
  success('success with blanks', ' {\n "status" : "success" , "value" : 1 } \n'),
  success('success with escapes', '{"st\\u0061tus":"succ\\u0065ss","value":null}'),
  success(
    'success after an error, in one object',
    '{"status":"error","status":"success","value":null}',
  ),
  success('success with a byte order mark', `\ufeff${OK}`),
  success(
    'success with a special value',
    '{"status":"success","value":{"$integer":"AQAAAAAAAAA="}}',
  ),
  when('success as 201', { status: 201, body: OK, headers: TYPE }, DONE),
  when('success as 560', { status: 560, body: OK, headers: TYPE }, DONE),
  when('success as text', { body: OK, headers: { 'Content-Type': 'text/plain' } }, DONE),
  when('success without a Content-Type', { body: OK }, DONE),
  raw(
    'success in chunks',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n${OK.slice(0, 16)}\r\n${(OK.length - 16).toString(16)}\r\n${OK.slice(16)}\r\n0\r\n\r\n`,
    DONE,
  ),
  raw(
    'success up to the end of the connection',
    `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${OK}`,
    DONE,
    'close',
  ),
  raw(
    'success as HTTP/1.0',
    `HTTP/1.0 200 OK\r\nContent-Length: ${OK.length}\r\n\r\n${OK}`,
    DONE,
    'close',
  ),
  raw('success with no reason', `HTTP/1.1 200 \r\nContent-Length: ${OK.length}\r\n\r\n${OK}`, DONE),

  ...[
    '"Uncaught Error: boom\\n    at handler (../convex/users.ts:1:2)\\n"',
    '""',
    '"\\u0000"',
    '"\\u001f\\u007f"',
    '"é 日本 😀"',
    '"\\ud83d\\ude00"',
    '"\\ud800"',
    '"\\ude00\\ud83d"',
    '"\\ufffd\uffff"',
    '"\u2028\u2029"',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    '"</script>"',
    '"\u007f\u0080"',
    '"[Request ID: 0123456789abcdef] Server Error"',
    '"[Request ID: 0] Server Error\\nCould not find public function for \'users:syncFromBlade\'."',
    '"[Request ID: 0] Server Error\\nYour request timed out performing too many system operations."',
    '"Cannot run functions while this deployment is paused."',
    `"${'long é '.repeat(9000)}"`,
    'null',
    '5',
    '1e21',
    '-0',
    'true',
    '{}',
    '{"a":1}',
    '[1,[2,null]]',
    '[]',
  ].map(message),
  error('an error without a message', '{"status":"error"}'),
  error(
    'an error with a message twice',
    '{"status":"error","errorMessage":"a","errorMessage":"b"}',
  ),
  error(
    'an error with escapes in the names',
    '{"st\\u0061tus":"\\u0065rror","error\\u004dessage":"x"}',
  ),
  error(
    'an error with data',
    '{"status":"error","errorMessage":"Uncaught ConvexError: {\\"a\\":1}","errorData":{"a":1}}',
  ),
  error(
    'an error with data that is null',
    '{"status":"error","errorMessage":"m","errorData":null}',
  ),
  error(
    'an error with data that is text',
    '{"status":"error","errorMessage":"m","errorData":"text"}',
  ),
  error(
    'an error with data that is special',
    '{"status":"error","errorMessage":"m","errorData":{"$integer":"AQAAAAAAAAA="}}',
  ),
  error(
    'an error with data before the message',
    '{"errorData":[1],"errorMessage":"m","status":"error"}',
  ),
  error(
    'an error with log lines',
    '{"status":"error","errorMessage":"m","logLines":["[ERROR] \'x\'"]}',
  ),
  error('an error with a byte order mark', '\ufeff{"status":"error","errorMessage":"m"}'),
  error('an error as 560', '{"status":"error","errorMessage":"m"}', 560),
  error('an error as 201', '{"status":"error","errorMessage":"m"}', 201),
  error('an error as 500', '{"status":"error","errorMessage":"m"}', 500),

  refusal(400, code('BadJsonBody', 'Failed to parse')),
  refusal(400, code('InvalidClientVersion', 'Failed')),
  refusal(401, code('BadAdminKey', 'no')),
  refusal(401, ''),
  refusal(403, code('BadDeployKey', 'no')),
  refusal(404, ''),
  refusal(404, '<h1>not here</h1>', { 'Content-Type': 'text/html' }),
  refusal(405, '', { Allow: 'GET' }),
  refusal(408, ''),
  refusal(413, 'too large'),
  refusal(425, code('TooEarly', 'x')),
  refusal(429, code('TooManyConcurrentRequests', 'x')),
  refusal(429, code('TooManyWrites', 'x'), { ...TYPE, 'Retry-After': '1' }),
  refusal(500, code('InternalServerError', "Your request couldn't be completed. Try again later.")),
  refusal(500, ''),
  refusal(502, '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>\r\n', {
    'Content-Type': 'text/html',
  }),
  refusal(503, code('OptimisticConcurrencyControlFailure', 'Documents read from or written to')),
  refusal(503, code('InternalServerError', 'x')),
  refusal(503, 'overloaded', {}),
  refusal(504, ''),
  refusal(520, 'cloud'),
  refusal(500, 'a "quoted" \\ back\tslash\u0000\u001f\u007f é 😀'),
  refusal(500, Buffer.from([0x61, 0xff, 0x62, 0xe2, 0x82, 0x63, 0xed, 0xa0, 0x80])),
  refusal(500, '\ufeffmarked'),
  refusal(500, '\u2028'),
  refusal(500, 'x'.repeat(100_000)),
  refusal(304, ''),
  refusal(302, 'moved'),
  ...[301, 302, 307, 308].map(redirect),

  ...[
    'null',
    '5',
    '{}',
    '[]',
    'true',
    '"text"',
    '{"status":"x"}',
    '{"status":"Success","value":1}',
    '{"status":null}',
    '{"status":["success"]}',
    '{ "status" : "other",\n"a" : [ 1, 2 ] }',
    '{"a":"é\\u00e9\\/\\u0000"}',
    '{"value":null}',
    '{"code":"x","message":"y"}',
  ].map(unreadable),
  ...[
    '',
    ' ',
    '<html></html>',
    'OK',
    '{"status":"success"',
    '{"status":"success"}x',
    "{'status':'success'}",
  ].map(unreadable),
  error('success without a value', '{"status":"success"}'),
  error('success with a value that no client reads', '{"status":"success","value":{"$x":1}}'),
  error(
    'an error with data that no client reads',
    '{"status":"error","errorMessage":"m","errorData":{"$x":1}}',
  ),
  when(
    'more than 1 MiB',
    { body: `{"status":"success","value":"${'x'.repeat(1024 * 1024)}"}`, headers: TYPE },
    DONE,
  ),

  raw('with a reset', undefined, FAILED, 'reset'),
  raw('with the end of the connection', '', FAILED, 'close'),
  raw('with half a head', 'HTTP/1.1 200 OK\r\nContent-', FAILED, 'close'),
  raw('with half a body', `${head(OK.length)}${OK.slice(0, 10)}`, FAILED, 'close'),
  raw('with half a body and a reset', `${head(OK.length)}${OK.slice(0, 10)}`, FAILED, 'reset'),
  raw('with something that is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', FAILED, 'close'),
];
