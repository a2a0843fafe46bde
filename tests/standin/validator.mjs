// SPDX-License-Identifier: MIT
// Checks arguments against a function's validator, in Convex's order and with its texts.
// Source: get-convex/convex-backend crates/common/src/schemas/validator.rs.

import { displayValue } from './values.mjs';

// Why a list of positional arguments does not fit, or undefined. The validator is as exportArgs()
// gives it.
export function checkArgs(validator, args) {
  if (validator.type === 'any') return undefined;
  if (args.length !== 1) {
    const list = `[${args.map(displayValue).join(', ')}]`;
    return `Expected to receive a single object as the function's argument. Instead received ${args.length} arguments: ${list}`;
  }
  if (!isObject(args[0])) {
    return `Expected to receive an object as the function's argument. Instead received: ${displayValue(args[0])}`;
  }
  return checkValue(validator, args[0], '');
}

// Why what a function returns does not fit, or undefined. Without a validator (null) all does.
export const checkReturns = (validator, value) =>
  validator === null ? undefined : checkValue(validator, value, '');

function checkValue(validator, value, path) {
  switch (validator.type) {
    case 'any':
      return undefined;
    case 'object':
      return isObject(value)
        ? checkObject(validator, value, path)
        : mismatch(validator, value, path);
    case 'array':
      if (!Array.isArray(value)) return mismatch(validator, value, path);
      return firstOf(value, (item, i) => checkValue(validator.value, item, `${path}[${i}]`));
    case 'record':
      if (!isObject(value)) return mismatch(validator, value, path);
      return firstOf(
        Object.entries(value),
        ([key, item]) =>
          checkValue(validator.keys, key, `${path}.keys()`) ??
          checkValue(validator.values.fieldType, item, `${path}.values()`),
      );
    case 'union':
      return validator.value.some((one) => checkValue(one, value, path) === undefined)
        ? undefined
        : mismatch(validator, value, path);
    case 'literal':
      return value === validator.value
        ? undefined
        : report(
            '`' +
              displayValue(value) +
              '` does not match literal validator ' +
              '`' +
              displayValidator(validator) +
              '`.',
            path,
          );
    default:
      return typeNameOf(value) === typeNames[validator.type]
        ? undefined
        : mismatch(validator, value, path);
  }
}

function checkObject(validator, object, path) {
  const tail = () => `\nObject: ${displayValue(object)}\nValidator: ${displayValidator(validator)}`;
  const wrong = firstOf(Object.keys(validator.value).sort(), (name) => {
    const { fieldType, optional } = validator.value[name];
    if (hasField(object, name)) return checkValue(fieldType, object[name], `${path}.${name}`);
    if (optional) return undefined;
    return (
      report(
        `Object is missing the required field \`${name}\`. Consider wrapping the field validator in \`v.optional(...)\` if this is expected.`,
        path,
      ) + tail()
    );
  });
  if (wrong !== undefined) return wrong;
  return firstOf(Object.keys(object).sort(), (name) =>
    hasField(validator.value, name)
      ? undefined
      : report(`Object contains extra field \`${name}\` that is not in the validator.`, path) +
        tail(),
  );
}

function mismatch(validator, value, path) {
  return (
    report('Value does not match validator.', path) +
    `\nValue: ${displayValue(value)}\nValidator: ${displayValidator(validator)}`
  );
}

const report = (what, path) => `${what}\n${path === '' ? '' : `Path: ${path}`}`;

function displayValidator(validator) {
  switch (validator.type) {
    case 'object': {
      const fields = Object.keys(validator.value)
        .sort()
        .map((name) => {
          const { fieldType, optional } = validator.value[name];
          const type = displayValidator(fieldType);
          return `${name}: ${optional ? `v.optional(${type})` : type}`;
        });
      return `v.object({${fields.join(', ')}})`;
    }
    case 'array':
      return `v.array(${displayValidator(validator.value)})`;
    case 'record':
      return `v.record(${displayValidator(validator.keys)}, ${displayValidator(validator.values.fieldType)})`;
    case 'union':
      return `v.union(${validator.value.map(displayValidator).join(', ')})`;
    case 'literal':
      return `v.literal(${JSON.stringify(validator.value)})`;
    case 'id':
      return `v.id("${validator.tableName}")`;
    case 'number':
      return 'v.float64()';
    case 'bigint':
      return 'v.int64()';
    default:
      return `v.${validator.type}()`;
  }
}

const typeNames = {
  null: 'null',
  number: 'number',
  bigint: 'bigint',
  boolean: 'boolean',
  string: 'string',
  id: 'string',
  bytes: 'bytes',
};

function typeNameOf(value) {
  if (value === null) return 'null';
  return value instanceof ArrayBuffer ? 'bytes' : typeof value;
}

const isObject = (value) =>
  value !== null &&
  typeof value === 'object' &&
  !Array.isArray(value) &&
  !(value instanceof ArrayBuffer);

const hasField = (object, name) => Object.prototype.hasOwnProperty.call(object, name);

function firstOf(items, check) {
  for (const [i, item] of items.entries()) {
    const found = check(item, i);
    if (found !== undefined) return found;
  }
  return undefined;
}
