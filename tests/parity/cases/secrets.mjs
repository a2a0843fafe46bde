// SPDX-License-Identifier: MIT
// The secret, and that it is looked at first.

import { SECRET } from '../../lib/relay.mjs';
import { AUTH, BODY, DONE, HOST, JSON_TYPE, NOT_FOUND, post, row, UNAUTHORIZED } from '../case.mjs';

const withHeaders = (name, headers, expected, rest = {}) =>
  row(name, post({ headers: [HOST, JSON_TYPE, ...headers], ...rest }), expected);
const withSecret = (name, value, expected) =>
  withHeaders(name, [['X-Sync-Secret', value]], expected);

export default [
  withHeaders('no secret', [], UNAUTHORIZED),
  withSecret('a wrong secret', 'wrong', UNAUTHORIZED),
  withSecret('an empty secret', '', UNAUTHORIZED),
  withSecret('a secret that is a blank', ' ', UNAUTHORIZED),
  withSecret('a wrong secret of the right length', 'x'.repeat(SECRET.length), UNAUTHORIZED),
  withSecret('the secret without its last character', SECRET.slice(0, -1), UNAUTHORIZED),
  withSecret('the secret and one more character', `${SECRET}x`, UNAUTHORIZED),
  withSecret('the secret in other letters', SECRET.toUpperCase(), UNAUTHORIZED),
  withSecret('a long secret', 'x'.repeat(4000), UNAUTHORIZED),
  withSecret('a secret in Latin-1', '\xe9\xff', UNAUTHORIZED),
  withSecret('the secret in quotes', `"${SECRET}"`, UNAUTHORIZED),
  withSecret('blanks around the secret', `   ${SECRET}  `, DONE),
  withSecret('tabs around the secret', `\t${SECRET}\t `, DONE),
  withHeaders('the header in small letters', [['x-sync-secret', SECRET]], DONE),
  withHeaders('the header in capitals', [['X-SYNC-SECRET', SECRET]], DONE),
  withHeaders('the secret twice', [AUTH, AUTH], UNAUTHORIZED),
  withHeaders('the secret, then a wrong one', [AUTH, ['X-Sync-Secret', 'wrong']], UNAUTHORIZED),
  withHeaders(
    'a wrong secret, then the right one',
    [['X-Sync-Secret', 'wrong'], AUTH],
    UNAUTHORIZED,
  ),
  withHeaders('an empty secret, then the right one', [['X-Sync-Secret', ''], AUTH], UNAUTHORIZED),
  withHeaders(
    'the secret twice in one header',
    [['X-Sync-Secret', `${SECRET}, ${SECRET}`]],
    UNAUTHORIZED,
  ),
  withHeaders(
    'the secret in another header',
    [
      ['Authorization', `Bearer ${SECRET}`],
      ['X-Sync-Secrets', SECRET],
    ],
    UNAUTHORIZED,
  ),
  withHeaders('the secret in the query', [], UNAUTHORIZED, {
    target: `/convex/sync?x-sync-secret=${SECRET}`,
  }),
  withHeaders('no secret and a body that is not JSON', [], UNAUTHORIZED, { body: '{' }),
  withHeaders('no secret and no body', [], UNAUTHORIZED, { body: '' }),
  withHeaders('no secret and a model without a route', [], UNAUTHORIZED, { body: '{"model":"x"}' }),
  withHeaders('no secret on another path', [], NOT_FOUND, { target: '/convex' }),
  withHeaders(
    'no secret, answered before the body is there',
    [['Content-Length', '1000']],
    UNAUTHORIZED,
    { body: BODY },
  ),
  withHeaders(
    'no secret, answered before a large body is there',
    [['Content-Length', '1000000']],
    UNAUTHORIZED,
    { body: BODY },
  ),
  withHeaders(
    'a wrong secret, answered before the chunks are there',
    [
      ['X-Sync-Secret', 'x'],
      ['Transfer-Encoding', 'chunked'],
    ],
    UNAUTHORIZED,
    { body: '5\r\n{"mod' },
  ),
];
