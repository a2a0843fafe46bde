// SPDX-License-Identifier: MIT
// What a mutation meets that runs others: nested transactions, and what the mutation can catch.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConvexHttpClient } from 'convex/browser';
import { startStandin } from '../lib/standin.mjs';

const CASES = fileURLToPath(new URL('cases', import.meta.url));

async function start(t, limits = {}) {
  const standin = await startStandin(t, {
    args: ['--functions', CASES, '--limits', JSON.stringify(limits)],
  });
  const convex = new ConvexHttpClient(standin.url, { logger: false });
  const rows = async () => (await standin.records('rows')).map(({ bladeId }) => bladeId).sort();
  return { standin, convex, rows };
}

const put = (bladeId, throws) => ({ bladeId, n: 1, ...(throws && { throws }) });
const item = (...args) => ({ args: put(...args) });

for (const together of [false, true]) {
  test(`what one throws undoes that one alone, ${together ? 'together' : 'in turn'}`, async (t) => {
    const { standin, convex, rows } = await start(t);
    const items = [item('a'), item('b', 'Error'), item('c'), item('d', 'TypeError'), item('e')];
    const results = await convex.mutation('rows:each', { items, together });
    assert.deepEqual(
      results.map((result) => result?.message.split('\n')[0] ?? result),
      [null, 'Uncaught Error: thrown', null, 'Uncaught TypeError: thrown', null],
    );
    assert.deepEqual(await rows(), ['a', 'c', 'e']);
    await standin.find('stdout', /"bladeId":"e"/);
    assert.doesNotMatch(standin.stdout(), /"bladeId":"[bd]"/);
  });
}

test('what was undone is not seen, and what was done is', async (t) => {
  const { convex } = await start(t);
  const items = [put('a'), put('b', 'Error'), put('c')];
  assert.deepEqual(await convex.mutation('rows:seen', { items }), [1, 1, 2]);
});

test('what the outer one throws undoes all', async (t) => {
  const { standin, convex, rows } = await start(t);
  await assert.rejects(
    convex.mutation('rows:all', { items: [put('a'), put('b')] }),
    /Server Error\nUncaught Error: after all\n    at /,
  );
  assert.deepEqual(await rows(), []);
  assert.doesNotMatch(standin.stdout(), /created/);
});

test('an error of the outer one says so twice where it is passed on', async (t) => {
  const { convex, rows } = await start(t);
  await assert.rejects(
    convex.mutation('rows:all', { items: [put('a'), put('b', 'Error')] }),
    /Server Error\nUncaught Error: Uncaught Error: thrown\n/,
  );
  assert.deepEqual(await rows(), []);
});

// [what is called, with what, what is caught]
const CAUGHT = [
  ['put', put('a', 'Error'), { name: 'Error', message: /^Uncaught Error: thrown\n    at .*\n$/ }],
  [
    'put',
    put('a', 'ConvexError'),
    {
      name: 'ConvexError',
      isConvexError: true,
      data: { code: 7 },
      message: /^Uncaught ConvexError: {"code":7}\n/,
    },
  ],
  [
    'put',
    { bladeId: 'a' },
    {
      name: 'Error',
      message: /^ArgumentValidationError: Object is missing the required field `n`/,
    },
  ],
  [
    'put',
    { ...put('a'), n: 'one' },
    {
      name: 'Error',
      message:
        /^ArgumentValidationError: Value does not match validator\.\nPath: \.n\nValue: "one"\nValidator: v\.float64\(\)\n$/,
    },
  ],
  [
    'nowhere',
    {},
    { name: 'Error', message: /^Could not find public function for 'rows:nowhere'\.$/ },
  ],
  [
    'many',
    {},
    {
      name: 'Error',
      message: /^Trying to execute rows\.js:many as Mutation, but it is defined as Query\.$/,
    },
  ],
];
for (const [of, args, { name, message, isConvexError = false, data }] of CAUGHT) {
  test(`of ${of} with ${JSON.stringify(args)} the caller catches ${message}`, async (t) => {
    const { convex, rows } = await start(t);
    const [found] = await convex.mutation('rows:each', { items: [{ of, args }] });
    assert.match(found.message, message);
    assert.deepEqual([found.name, found.isConvexError, found.data], [name, isConvexError, data]);
    assert.deepEqual(await rows(), []);
  });
}

test('one that returns the wrong thing is undone, but not where another runs it', async (t) => {
  const { convex, rows } = await start(t);
  await assert.rejects(
    convex.mutation('rows:lies', put('a')),
    /Server Error\nReturnsValidationError: Value does not match validator\.\n/,
  );
  assert.deepEqual(await rows(), []);
  const items = [{ of: 'liesWithin', args: put('b') }];
  const [found] = await convex.mutation('rows:each', { items });
  assert.match(found.message, /^ReturnsValidationError: Value does not match validator\.\n/);
  assert.deepEqual(await rows(), ['b']);
});

test('production cuts what is thrown, and not what is returned', async (t) => {
  const { standin, convex } = await start(t);
  await standin.setFaults({ redact: true });
  const [found] = await convex.mutation('rows:each', { items: [item('a', 'Error')] });
  assert.match(found.message, /^Uncaught Error: thrown\n/);
  await assert.rejects(
    convex.mutation('rows:all', { items: [] }),
    /^Error: \[Request ID: \w+\] Server Error$/,
  );
});

// Each with four items that write a row of 85 bytes.
const LIMITS = [
  ['documentsWritten', 3, 'Too many writes in a single function execution (limit: 3)'],
  ['bytesWritten', 1024, undefined],
  ['bytesWritten', 300, 'Too many bytes written in a single function execution (limit: 300 bytes)'],
];
const four = ['a', 'b', 'c', 'd'].map((id) => item(id));
for (const [name, limit, text] of LIMITS) {
  test(`${name} of ${limit} are for all items together: ${text ?? 'enough'}`, async (t) => {
    const { convex, rows } = await start(t, { [name]: limit });
    const results = await convex.mutation('rows:each', { items: four });
    assert.deepEqual(results.slice(0, 3), [null, null, null]);
    assert.equal(results[3]?.message.split('\n')[0], text && `Uncaught Error: ${text}`);
    assert.deepEqual(await rows(), ['a', 'b', 'c', ...(text ? [] : ['d'])]);
  });
}

test('writes that were undone do not count', async (t) => {
  const { convex, rows } = await start(t, { documentsWritten: 2 });
  const items = [item('a', 'Error'), item('b'), item('c', 'Error'), item('d')];
  await convex.mutation('rows:each', { items });
  assert.deepEqual(await rows(), ['b', 'd']);
});

test('ranges of an index count once each', async (t) => {
  const { convex } = await start(t, { databaseQueries: 3 });
  assert.equal(await convex.mutation('rows:lookUp', { count: 3 }), null);
  await assert.rejects(
    convex.mutation('rows:lookUp', { count: 4 }),
    /Uncaught Error: Too many reads in a single function execution \(limit: 3\)\. Consider using/,
  );
});

// [how many, what is done with them, the error that one more meets]
const CONVEX_LIMITS = [
  [4096, 'lookUp', /Too many reads in a single function execution \(limit: 4096\)/],
  [16_000, 'insert', /Too many writes in a single function execution \(limit: 16000\)/],
];
for (const [count, path, error] of CONVEX_LIMITS) {
  test(`${path}: ${count} are enough for Convex`, async (t) => {
    const { convex } = await start(t);
    assert.equal(await convex.mutation(`rows:${path}`, { count }), null);
    await assert.rejects(convex.mutation(`rows:${path}`, { count: count + 1 }), error);
  });
}

const READS = [
  ['documentsRead', 3, 4, /Too many documents read in a single .* \(limit: 3\)\. Consider /],
  ['bytesRead', 3 * 85, 4, /Too many bytes read in a single .* \(limit: 255 bytes\)\. Consider /],
];
for (const [name, limit, tooMany, error] of READS) {
  for (const how of ['collect', 'take', 'iterate', 'first', 'get', 'patch']) {
    test(`${name} by ${how} count, and those of others within`, async (t) => {
      const { convex } = await start(t, { [name]: limit });
      await convex.mutation('rows:insert', { count: tooMany });
      assert.equal(await convex.mutation('rows:read', { how, count: tooMany - 1 }), null);
      await assert.rejects(convex.mutation('rows:read', { how, count: tooMany }), error);
      await assert.rejects(convex.mutation('rows:readWithin', { how, count: tooMany }), error);
    });
  }
}

test('a limit that there is not is refused at the start', async (t) => {
  await assert.rejects(start(t, { patience: 1 }), /unknown limit patience/);
});

for (const refuse of ['arguments', 'documents', 'bytesRead', 'reads', 'writes', 'bytesWritten']) {
  test(`the limit of ${refuse} comes on request`, async (t) => {
    const { standin, convex, rows } = await start(t);
    await standin.setFaults({ next: [{ refuse }] });
    await assert.rejects(
      convex.mutation('rows:each', { items: four }),
      /(single function execution|too large) \((actual: 17 MiB, )?limit: /,
    );
    assert.deepEqual(await rows(), []);
  });
}
