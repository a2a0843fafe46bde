// SPDX-License-Identifier: MIT
// Runs Convex functions in convex-test and reports their end as Convex's backend would. Sources of
// the texts and of their order: get-convex/convex-backend crates/udf/src/{validation,helpers}.rs,
// crates/value/src/serialized_args_ext.rs, crates/model/src/modules/function_validators.rs,
// crates/common/src/errors.rs (read at 94a42c3, August 2026). Kinder than Convex: user code may
// take longer than 1 s, nothing conflicts (convex-test runs one mutation after another), and what a
// function logs is not in the answer.

import { convexTest } from 'convex-test';
import { getFunctionName, makeFunctionReference } from 'convex/server';
import { ConvexError, convexToJson, jsonToConvex } from 'convex/values';
import { recordedDb } from './changes.mjs';
import { loadFunctions } from './functions.mjs';
import { countedDb, limitText, takeLimits } from './limits.mjs';
import { inSubtransaction, inTransaction, transaction } from './transaction.mjs';
import { checkArgs, checkReturns } from './validator.mjs';
import { decodeValue, isUndecodable, mebibytes, sizeOf, ValueError } from './values.mjs';

// crates/common/src/knobs.rs: FUNCTION_MAX_ARGS_SIZE.
const MAX_ARGS_BYTES = 16 * 1024 * 1024;

// An end that Convex reports as a function error: a message, the lines that say where it was
// thrown, and the data of a ConvexError.
class FunctionError extends Error {
  constructor(message, { frames = '', data } = {}) {
    super(message);
    Object.assign(this, { frames, data });
  }

  // crates/common/src/errors.rs: JsError as a text.
  display() {
    return `${this.message}\n${this.frames}`;
  }
}

// `limits`: other ones than Convex's, as takeLimits() has them.
export function openEngine(folder, limits = {}) {
  const { readLimits, transactionLimits } = takeLimits(limits);
  let modules = loadFunctions(folder, around);
  const schema = modules.get('schema')?.default;
  const convex = convexTest({
    schema,
    transactionLimits,
    modules: Object.fromEntries([
      ['./_generated/server.js', async () => ({})], // marks the root of the functions
      ...[...modules.keys()].map((name) => [`./${name}.js`, async () => modules.get(name)]),
    ]),
  });

  const find = (path) => {
    const [module, name = 'default'] = path.replace(/\.js(?=:|$)/, '').split(':');
    return modules.get(module)?.[name];
  };

  // Convex's order: who may call the function, the kind, the arguments, and then the call.
  const resolve = (kind, path, mayCall) => {
    const found = find(path);
    if (!found || kindOf(found) === undefined || !mayCall(found)) {
      throw new FunctionError(`Could not find public function for '${path}'.`);
    }
    const udf = udfOf(path);
    if (kindOf(found) !== kind) {
      throw new FunctionError(
        `Trying to execute ${udf} as ${kind}, but it is defined as ${kindOf(found)}.`,
      );
    }
    return { found, udf };
  };

  const call = async (kind, path, args, admin) => {
    const { found, udf } = resolve(kind, path, ({ isPublic }) => isPublic || admin);
    if (args.some((arg) => isUndecodable(arg)))
      throw new FunctionError('Invalid arguments provided');
    const values = decodeArgs(udf, args);
    checkFit(found, udf, values);
    const run = kind === 'Query' ? convex.query : convex.mutation;
    try {
      return await run(makeFunctionReference(path.replace(/\.js(?=:|$)/, '')), values[0]);
    } catch (error) {
      throw thrownError(udf, error);
    }
  };

  // What a mutation runs by ctx.runMutation() or ctx.runQuery(): anything, of whatever visibility.
  // crates/isolate/src/environment/udf/async_syscall.rs: run_udf. convex-test takes back what a
  // mutation within has done, when it throws. When it returns the wrong thing, nobody does.
  const nested = (kind, run) => async (reference, args, options) => {
    const path = getFunctionName(reference);
    if (!isObject(args ?? {})) return run(reference, args); // convex/server refuses those itself
    const values = [jsonToConvex(convexToJson(args ?? {}))];
    try {
      const { found, udf } = resolve(kind, path, () => true);
      checkFit(found, udf, values);
      const value = await inSubtransaction(() => run(reference, args, options));
      checkReturned(found.returns, value);
      return value;
    } catch (error) {
      throw caughtError(udfOf(path), error);
    }
  };

  // A mutation's handler as convex-test shall run it.
  function around({ handler, returns }) {
    return async (ctx, args) => {
      const own = {
        db: countedDb(recordedDb(ctx.db), readLimits),
        runMutation: nested('Mutation', ctx.runMutation),
        runQuery: nested('Query', ctx.runQuery),
      };
      try {
        const value = await handler({ ...ctx, ...own }, args);
        if (!transaction().isNested) checkReturned(returns, value);
        return value;
      } catch (error) {
        transaction().thrown = error;
        throw error;
      }
    };
  }

  return {
    // Runs "Query" or "Mutation" and gives {value, changes} or {error: {message, data}}.
    async run(kind, path, args, { admin }) {
      try {
        const { value, changes } = await inTransaction(() => call(kind, path, args, admin));
        return { value: convexToJson(value ?? null), changes };
      } catch (error) {
        if (!(error instanceof FunctionError)) throw error;
        return { error: { message: error.display(), data: error.data } };
      }
    },

    tables: () => Object.keys(schema?.tables ?? {}),

    rows: (table) => convex.run((ctx) => ctx.db.query(table).collect()),

    // Takes the functions as they are on disk now; the records stay.
    reload() {
      modules = loadFunctions(folder, around);
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

function checkFit(found, udf, values) {
  const size = sizeOf(values);
  if (size > MAX_ARGS_BYTES) {
    throw new FunctionError(
      `Arguments for ${udf} are too large (actual: ${mebibytes(size)}, limit: ${mebibytes(MAX_ARGS_BYTES)})`,
    );
  }
  const wrong = checkArgs(JSON.parse(found.exportArgs()), values);
  if (wrong !== undefined) throw new FunctionError(`ArgumentValidationError: ${wrong}\n`);
}

function checkReturned(returns = null, value) {
  const wrong = checkReturns(returns, value ?? null);
  if (wrong !== undefined) throw new FunctionError(`ReturnsValidationError: ${wrong}\n`);
}

// crates/isolate/src/helpers.rs: format_uncaught_error.
function thrownError(udf, error) {
  if (error instanceof FunctionError) return error;
  const isConvexError = error !== null && typeof error === 'object' && 'data' in error;
  const name = isConvexError ? 'ConvexError' : (error?.name ?? 'Error');
  const text = limitText(error?.message ?? String(error));
  return new FunctionError(`Uncaught ${name}: ${text}`, {
    frames: `    at handler (../convex/${udf.replace(/\.js:.*/, '.ts')})\n`,
    data: isConvexError ? convexToJson(error.data) : undefined,
  });
}

// What the caller of ctx.runMutation() catches: crates/isolate/src/environment/helpers/promise.rs
// has the text, and npm-packages/convex/src/server/impl/syscall.ts the class. What was wrong before
// or after the function ran is the bare message.
function caughtError(udf, error) {
  const { message, frames, data } = thrownError(udf, error);
  const text = frames === '' ? message : `${message}\n${frames}`;
  if (data === undefined) return new Error(text);
  return Object.assign(new ConvexError(text), { data: jsonToConvex(data) });
}

const isObject = (value) => typeof value === 'object' && !Array.isArray(value);

const udfOf = (path) => path.replace(/^([^:]*?)(?:\.js)?(?=:|$)/, '$1.js');
