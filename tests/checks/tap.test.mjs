// SPDX-License-Identifier: MIT
// What counts the cases must not miss a failure.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTap } from '../run/tap.mjs';

const none = { passed: [], failed: [], skipped: [], missing: 0 };

const table = [
  ['nothing', '', none],
  ['cases of cmocka', '1..2\nok 1 - a\nok 2 - b\n', { ...none, passed: ['a', 'b'] }],
  [
    'an explanation behind a failed case, as cmocka gives it',
    '1..2\nok 1 - a\nnot ok 2 - b\n# 1 != 2\n# b.c:8: error: Failure!\n# not ok - group\n',
    {
      ...none,
      passed: ['a'],
      failed: [{ name: 'b', lines: ['1 != 2', 'b.c:8: error: Failure!'] }],
    },
  ],
  ['a line separator in a name', '1..1\nok 1 - \u2028\n', { ...none, passed: ['\u2028'] }],
  ['a crash after the first of three', '1..3\nok 1 - a\n', { ...none, passed: ['a'], missing: 2 }],
  [
    'a group whose setup failed',
    '1..2\nnot ok 0 - group\n',
    { ...none, failed: [{ name: 'group', lines: [] }], missing: 1 },
  ],
  [
    'cases skipped by cmocka and by node:test',
    'not ok 1 # SKIP a\nok 2 - b # SKIP no network\n1..2\n',
    {
      ...none,
      skipped: [
        { name: 'a', reason: 'a' },
        { name: 'b', reason: 'no network' },
      ],
    },
  ],
  [
    'nested cases: the leaves count',
    '# Subtest: g\n    ok 1 - x\n    ok 2 - y\n    1..2\nok 1 - g\n1..1\n',
    { ...none, passed: ['x', 'y'] },
  ],
  [
    'a failed leaf: not its parents',
    '# Subtest: g\n    # Subtest: h\n        not ok 1 - x\n    not ok 1 - h\nnot ok 1 - g\n',
    { ...none, failed: [{ name: 'x', lines: [] }] },
  ],
  [
    'a group that failed by itself',
    '# Subtest: g\n    ok 1 - x\nnot ok 1 - g\n  ---\n  error: |-\n    ok 1 - a\n    ...\n    b\n  ...\n# c\n',
    { ...none, passed: ['x'], failed: [{ name: 'g', lines: ['error: |-', '  ok 1 - a', '  b'] }] },
  ],
  [
    'what a file printed before it failed',
    '# Error: x\n# Subtest: f\nnot ok 1 - f\n  ---\n  exitCode: 1\n  ...\n# later\n',
    { ...none, failed: [{ name: 'f', lines: ['Error: x', 'exitCode: 1'] }] },
  ],
  [
    'names with escaped characters',
    'ok 1 - the \\#1 # SKIP not \\# now\nok 2 - a\\\\b\n',
    { ...none, passed: ['a\\b'], skipped: [{ name: 'the #1', reason: 'not # now' }] },
  ],
];

for (const [name, text, expected] of table) {
  test(name, () => assert.deepEqual(readTap(text), expected));
}
