// SPDX-License-Identifier: MIT
// Loads a folder of Convex functions in TypeScript, as `npx convex dev` would push it.
//
// esbuild strips the types; the result runs as CommonJS with a `require` of the stand-in's, so that
// functions and engine share one `convex/server`, and nothing is written to disk.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';
import { transformSync } from 'esbuild';
import * as convexServer from 'convex/server';
import * as convexValues from 'convex/values';

// What the code generator of the Convex CLI would put into convex/_generated/server.
const generatedServer = (around) => ({
  query: convexServer.queryGeneric,
  internalQuery: convexServer.internalQueryGeneric,
  mutation: wrapped(convexServer.mutationGeneric, around),
  internalMutation: wrapped(convexServer.internalMutationGeneric, around),
  action: convexServer.actionGeneric,
  internalAction: convexServer.internalActionGeneric,
});

// A builder whose mutations run through around({handler, returns}). `returns` is the validator of
// the mutation's value; convex-test gets none, and around() checks instead.
function wrapped(builder, around) {
  return (definition) => {
    const { returns: _, ...rest } =
      typeof definition === 'function' ? { handler: definition } : definition;
    const returns = JSON.parse(builder(definition).exportReturns());
    const found = builder({ ...rest, handler: around({ handler: rest.handler, returns }) });
    return Object.assign(found, { returns });
  };
}

const generatedApi = { api: convexServer.anyApi, internal: convexServer.anyApi };

// All modules of a folder: a map from the name that function paths use ("users") to its exports.
export function loadFunctions(folder, around) {
  const modules = new Map();
  const generated = {
    '_generated/server': generatedServer(around),
    '_generated/api': generatedApi,
  };
  const load = (name) => {
    if (!modules.has(name)) {
      modules.set(name, {}); // a circle of imports sees the exports as they are so far
      modules.set(
        name,
        evaluate(folder, name, (target) => generated[target] ?? load(target)),
      );
    }
    return modules.get(name);
  };
  for (const name of moduleNames(folder)) load(name);
  return modules;
}

function moduleNames(folder, under = '') {
  return readdirSync(path.join(folder, under), { withFileTypes: true }).flatMap((entry) => {
    const name = path.posix.join(under, entry.name);
    if (entry.isDirectory()) return entry.name === '_generated' ? [] : moduleNames(folder, name);
    return /\.ts$/.test(name) && !/\.d\.ts$/.test(name) ? [name.replace(/\.ts$/, '')] : [];
  });
}

function evaluate(folder, name, load) {
  const file = path.join(folder, `${name}.ts`);
  const source = readFileSync(file, 'utf8');
  const { code } = transformSync(source, { loader: 'ts', format: 'cjs', sourcefile: file });
  const module = { exports: {} };
  const require = (specifier) => {
    if (specifier === 'convex/server') return convexServer;
    if (specifier === 'convex/values') return convexValues;
    if (!specifier.startsWith('.')) throw new Error(`${file}: cannot import ${specifier}`);
    const target = path.posix.join(path.posix.dirname(name), specifier).replace(/\.[jt]s$/, '');
    return load(target);
  };
  const run = vm.compileFunction(code, ['module', 'exports', 'require'], { filename: file });
  run(module, module.exports, require);
  return module.exports;
}
