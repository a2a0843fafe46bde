// SPDX-License-Identifier: MIT
// Runs a trigger of examples/blade as a Blade app would, with the world around it in the test's
// hand.

import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

// What triggers() of blade/schema makes of a single list: the list.
const SCHEMA = fileURLToPath(new URL('blade-schema.mjs', import.meta.url));

// Loads triggers/NAME.ts. `fired(type, {records, previousRecords})` is over when Blade's
// waitUntil() would let the worker go. `errors` collects what was logged, `pauses` how long it
// wanted to wait.
export function loadTrigger(name, env) {
  const {
    outputFiles: [{ text }],
  } = buildSync({
    entryPoints: [
      fileURLToPath(new URL(`../../examples/blade/triggers/${name}.ts`, import.meta.url)),
    ],
    bundle: true,
    write: false,
    format: 'cjs',
    alias: { 'blade/schema': SCHEMA },
  });
  const errors = [];
  const pauses = [];
  const console = { error: (...parts) => errors.push(parts.join(' ')) };
  const setTimeout = (done, ms) => {
    pauses.push(ms);
    setImmediate(done);
  };
  const module = { exports: {} };
  new Function('module', 'process', 'console', 'setTimeout', text)(
    module,
    { env },
    console,
    setTimeout,
  );
  const triggers = module.exports.default;

  const fired = async (type, { records = [], previousRecords = [] }) => {
    const waited = [];
    const options = {
      multipleRecords: records.length > 1,
      waitUntil: (promise) => waited.push(promise),
      records,
      previousRecords,
    };
    // As blade-client does it: the trigger's own promise is what the worker stays alive for.
    options.waitUntil((async () => triggers[type](options))());
    await Promise.all(waited);
  };
  return { fired, errors, pauses };
}
