// SPDX-License-Identifier: MIT
// What the relay does otherwise than the router, on purpose. Nothing else may differ.
//
// cases: names of cases, or one RegExp for a group. relay: the relay's answer, where Content-Type
// is application/json and nothing reaches Convex unless said otherwise.

import { HAS_MICROHTTPD_1 } from '../lib/libraries.mjs';

const REASON = /^\{"error":"[^"].*"\}$/s;

export const differences = [
  {
    why: 'The router says 500 in plain text to what is not JSON, and nobody learns what is wrong.',
    cases: /^malformed: not JSON: /,
    relay: { status: 400, bodyMatches: REASON },
  },
  {
    why: 'The router takes JSON that is no object for an event without a model, and null for a crash.',
    cases: /^malformed: not an object: /,
    relay: { status: 400, bodyMatches: REASON },
  },
  {
    why: 'The router puts U+FFFD in the place of bytes that are not UTF-8.',
    cases: /^malformed: not UTF-8: /,
    relay: { status: 400, bodyMatches: REASON },
  },
  {
    why: 'The router turns a number that no double holds into Infinity.',
    cases: /^malformed: too large: /,
    relay: { status: 400, bodyMatches: REASON },
  },
  {
    why: 'The router drops a member named __proto__ in silence.',
    cases: /^malformed: __proto__ /,
    relay: { status: 500, body: '{"error":"Field name __proto__ is not allowed"}' },
  },
  {
    why: 'The router undoes percent-encoding and dot segments, and drops a fragment: the relay goes by what is written.',
    cases: [
      'targets: POST /convex/sync#x',
      'targets: POST /convex/%73ync',
      'targets: POST /%63onvex/sync',
      'targets: POST /x/../convex/sync',
      'targets: POST /convex/./sync',
      'targets: POST /convex/x/../sync',
      'targets: POST /../convex/sync',
      'targets: POST /convex/%2e%2e/convex/sync',
    ],
    relay: { status: 404, type: 'text/plain; charset=UTF-8', body: '404 Not Found' },
  },
  {
    why: 'The router names half of a pair in UTF-16, and counts both: the relay goes by characters.',
    cases: /^keys: the name "a?(😀|\\ud83d\\ude00)/u,
    relay: {
      status: 500,
      bodyMatches:
        /^\{"error":"Field name a?(😀)+b? has invalid character '😀': Field names can only contain non-control ASCII characters"\}$/u,
    },
  },
  {
    why: 'The router names the first bad name in the order of UTF-16, the relay in that of UTF-8.',
    cases: [
      'keys: surrogates before the private use area',
      'keys: surrogates before the private use area, escaped',
    ],
    relay: {
      status: 500,
      bodyMatches: /^\{"error":"Field name [\uffff\ue000] has invalid character '[\uffff\ue000]'/,
    },
  },
  {
    why: 'The router says 404 to another method on a path that is there.',
    cases: /^targets: (GET|PUT|PATCH|DELETE|OPTIONS) (\/convex\/sync|without a secret)/,
    relay: { status: 405, allow: 'POST', body: '{"error":"Method Not Allowed"}' },
  },
  {
    why: 'The router takes one event a request.',
    cases: ['targets: POST /convex/sync/batch'],
    relay: { status: 400, body: '{"error":"records is missing: an array of objects is expected"}' },
  },
  {
    why: 'The same for HEAD, whose answer has no body.',
    cases: ['targets: HEAD /convex/sync'],
    relay: { status: 405, allow: 'POST', body: '' },
  },
  {
    why: 'The router takes a body of any length.',
    cases: ['framing: a body over the limit, announced'],
    relay: { status: 413, bodyMatches: REASON },
  },
  ...(HAS_MICROHTTPD_1
    ? [
        {
          why: 'libmicrohttpd 1.0.1 mistakes the end of an extension, and refuses the chunk: see tests/e2e/framing-cases.mjs.',
          cases: ['framing: a chunk with an extension'],
          relay: { status: 400, type: null, bodyMatches: /<html>/ },
        },
      ]
    : []),
  {
    why: 'The router takes the bytes for JSON, whatever Content-Encoding says that they are.',
    cases: [
      'framing: Content-Encoding gzip',
      'framing: Content-Encoding gzip of what is plain',
      'framing: Content-Encoding of several, one of them',
    ],
    relay: {
      status: 415,
      bodyMatches:
        /^\{"error":"The body must come as it is, without the Content-Encoding (gzip|identity, br)"\}$/,
    },
  },
  {
    why: 'The router follows redirects, and a POST can become a GET on the way.',
    cases: /^answers: Convex answers 30[1278] to elsewhere$/,
    relay: { status: 500, body: '{"error":"moved"}', sends: 1 },
  },
  {
    why: 'The router looks at the value that a mutation returned, although nobody gets it.',
    cases: [
      'answers: Convex answers success without a value',
      'answers: Convex answers success with a value that no client reads',
    ],
    relay: { status: 200, body: '{"success":true}', sends: 1 },
  },
  {
    why: "The router gives up on an error's data, although nobody gets it, and loses the error's message.",
    cases: ['answers: Convex answers an error with data that no client reads'],
    relay: { status: 500, body: '{"error":"m"}', sends: 1 },
  },
  {
    why: "The router says what JSON.parse says, which differs from one JavaScript engine to the next. The relay quotes the answer's beginning.",
    cases: [
      'answers: Convex answers 200 ""',
      'answers: Convex answers 200 " "',
      'answers: Convex answers 200 "<html></html>"',
      'answers: Convex answers 200 "OK"',
      'answers: Convex answers 200 "{\\"status\\":\\"success\\""',
      'answers: Convex answers 200 "{\\"status\\":\\"success\\"}x"',
      `answers: Convex answers 200 "{'status':'success'}"`,
    ],
    relay: {
      status: 500,
      bodyMatches: /^\{"error":"The answer of Convex is (empty|not JSON: .+)"\}$/,
      sends: 1,
    },
  },
  {
    why: 'The router stumbles over null, and writes any other answer anew. The relay gives it as it came.',
    cases: [
      'answers: Convex answers 200 "null"',
      'answers: Convex answers 200 "{ \\"status\\" : \\"other\\",\\n\\"a\\" : [ 1, 2 ] }"',
      'answers: Convex answers 200 "{\\"a\\":\\"é\\\\u00e9\\\\/\\\\u0000\\"}"',
    ],
    relay: { status: 500, bodyMatches: /^\{"error":"Invalid response: .+"\}$/, sends: 1 },
  },
  {
    why: 'The router makes a string in the way of JavaScript of a message that is none. The relay gives it as it came.',
    cases: ['1e21', '-0', '{}', '{"a":1}', '[1,[2,null]]', '[]'].map(
      (text) => `answers: Convex answers an error with the message ${text}`,
    ),
    relay: {
      status: 500,
      bodyMatches: /^\{"error":"(1e21|-0|\{\}|\{\\"a\\":1\}|\[1,\[2,null\]\]|\[\])"\}$/,
      sends: 1,
    },
  },
  {
    why: 'The router finds no string for an object with a member toString. The relay takes the usual one.',
    cases: /^data: data \[[^x]*\{"toStrin(g|\\u0067)":/,
    relay: {
      status: 500,
      bodyMatches:
        /^\{"error":"The arguments to a Convex function must be an object\. Received: .*\[object Object\].*"\}$/,
    },
  },
  {
    why: 'A message of the router has no end. The relay cuts it at 64 KiB, as Convex cuts its own.',
    cases: ['data: data a string of 100 000 characters'],
    relay: {
      status: 500,
      bodyMatches:
        /^\{"error":"The arguments to a Convex function must be an object\. Received: (xé){20000,22000}x?"\}$/,
    },
  },
];

export const isCaseOf = ({ cases }, name) =>
  Array.isArray(cases) ? cases.includes(name) : cases.test(name);
