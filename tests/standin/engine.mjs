// SPDX-License-Identifier: MIT
// Runs Convex functions in convex-test and reports their end as Convex's backend would. Sources of
// the texts and of their order: get-convex/convex-backend crates/udf/src/{validation,helpers}.rs,
// crates/value/src/serialized_args_ext.rs, crates/model/src/modules/function_validators.rs,
// crates/common/src/errors.rs (read at 94a42c3, August 2026). Kinder than Convex: user code may
// take longer than 1 s, nothing conflicts (convex-test runs one mutation after another), and what a
// function logs is not in the answer.

import { convexTest } from 'convex-test';
import { makeFunctionReference } from 'convex/server';
import { convexToJson } from 'convex/values';
import { withChanges } from './changes.mjs';
import { loadFunctions } from './functions.mjs';
import { checkArgs } from './validator.mjs';
import { decodeValue, isUndecodable, mebibytes, sizeOf, ValueError } from './values.mjs';

// crates/common/src/knobs.rs: FUNCTION_MAX_ARGS_SIZE.
const MAX_ARGS_BYTES = 16 * 1024 * 1024;

// An end that Convex reports as a function error: the message and, of a ConvexError, its data.
class FunctionError extends Error {
  constructor(message, data) {
    super(message);
    this.data = data;
  }
}

export function openEngine(folder) {
  let modules = loadFunctions(folder);
  const schema = modules.get('schema')?.default;
  const convex = convexTest({
    schema,
    modules: Object.fromEntries([
      ['./_generated/server.js', async () => ({})], // marks the root of the functions
      ...[...modules.keys()].map((name) => [`./${name}.js`, async () => modules.get(name)]),
    ]),
  });

  const find = (path) => {
    const [module, name = 'default'] = path.replace(/\.js(?=:|$)/, '').split(':');
    return modules.get(module)?.[name];
  };

  // Convex's order: who may call it, its kind, the arguments, and then the function itself.
  const call = async (kind, path, args, admin) => {
    const found = find(path);
    if (!found || kindOf(found) === undefined || !(found.isPublic || admin)) {
      throw new FunctionError(`Could not find public function for '${path}'.`);
    }
    const udf = path.replace(/^([^:]*?)(?:\.js)?(?=:|$)/, '$1.js');
    if (kindOf(found) !== kind) {
      throw new FunctionError(
        `Trying to execute ${udf} as ${kind}, but it is defined as ${kindOf(found)}.`,
      );
    }
    if (args.some((arg) => isUndecodable(arg)))
      throw new FunctionError('Invalid arguments provided');
    const values = decodeArgs(udf, args);
    const size = sizeOf(values);
    if (size > MAX_ARGS_BYTES) {
      throw new FunctionError(
        `Arguments for ${udf} are too large (actual: ${mebibytes(size)}, limit: ${mebibytes(MAX_ARGS_BYTES)})`,
      );
    }
    const wrong = checkArgs(JSON.parse(found.exportArgs()), values);
    if (wrong !== undefined) throw new FunctionError(`ArgumentValidationError: ${wrong}\n\n`);
    const run = kind === 'Query' ? convex.query : convex.mutation;
    try {
      return await run(makeFunctionReference(path.replace(/\.js(?=:|$)/, '')), values[0]);
    } catch (error) {
      throw thrownError(udf, error);
    }
  };

  return {
    // Runs "Query" or "Mutation" and gives {value, changes} or {error: {message, data}}.
    async run(kind, path, args, { admin }) {
      const changes = [];
      try {
        const value = await withChanges(changes, () => call(kind, path, args, admin));
        return { value: convexToJson(value ?? null), changes };
      } catch (error) {
        if (!(error instanceof FunctionError)) throw error;
        return { error: { message: error.message, data: error.data } };
      }
    },

    tables: () => Object.keys(schema?.tables ?? {}),

    rows: (table) => convex.run((ctx) => ctx.db.query(table).collect()),

    // Takes the functions as they are on disk now; the records stay.
    reload() {
      modules = loadFunctions(folder);
    },
  };
}

function kindOf(found) {
  return found.isMutation
    ? 'Mutation'
    : found.isQuery
      ? 'Query'
      : found.isAction
        ? 'Action'
        : undefined;
}

function decodeArgs(udf, args) {
  try {
    return args.map((arg) => decodeValue(arg));
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new FunctionError(`Invalid arguments for ${udf}: ${error.message}`);
  }
}

function thrownError(udf, error) {
  const frame = `    at handler (../convex/${udf.replace(/\.js:.*/, '.ts')})`;
  const isConvexError = error !== null && typeof error === 'object' && 'data' in error;
  const name = isConvexError ? 'ConvexError' : (error?.name ?? 'Error');
  const text = error?.message ?? String(error);
  return new FunctionError(
    `Uncaught ${name}: ${text}\n${frame}\n`,
    isConvexError ? convexToJson(error.data) : undefined,
  );
}
