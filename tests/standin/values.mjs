// SPDX-License-Identifier: MIT
// Reads the arguments of a call as Convex's backend does, with its limits. Source:
// get-convex/convex-backend crates/value/src/json/mod.rs,
// crates/value/src/{lib,size,string,bytes}.rs.

import { jsonToConvex } from 'convex/values';

const MAX_JSON_DEPTH = 128;
const MAX_NESTING = 64;
const MAX_ARRAY = 8192;
const MAX_FIELDS = 1024;
const MAX_FIELD_NAME = 1024;

// A reason for which Convex refuses a value; the message is for the caller.
export class ValueError extends Error {}

// Whether the second pass over the JSON would fail: what JSON.parse takes and serde_json does not.
export function isUndecodable(json, depth = 0) {
  if (typeof json === 'number') return !Number.isFinite(json);
  if (typeof json === 'string') return /\p{Surrogate}/u.test(json);
  if (json === null || typeof json !== 'object') return false;
  if (depth >= MAX_JSON_DEPTH) return true;
  if (Array.isArray(json)) return json.some((item) => isUndecodable(item, depth + 1));
  return Object.entries(json).some(
    ([key, value]) => isUndecodable(key) || isUndecodable(value, depth + 1),
  );
}

// The Convex value that decodable JSON stands for. Throws ValueError.
export function decodeValue(json, nesting = 0) {
  if (json === null || typeof json !== 'object') return json;
  const keys = Object.keys(json);
  if (!Array.isArray(json) && keys.length === 1 && keys[0].startsWith('$')) return special(json);
  if (nesting >= MAX_NESTING) {
    throw new ValueError(`Value is too nested (maximum nesting ${MAX_NESTING})`);
  }
  if (Array.isArray(json)) {
    if (json.length > MAX_ARRAY) {
      throw new ValueError(
        `Array length is too long (${json.length} > maximum length ${MAX_ARRAY})`,
      );
    }
    return json.map((item) => decodeValue(item, nesting + 1));
  }
  if (keys.length > MAX_FIELDS) {
    throw new ValueError(
      `Object has too many fields (${keys.length} > maximum number ${MAX_FIELDS})`,
    );
  }
  const object = {};
  for (const key of keys) {
    checkFieldName(key);
    // Not an assignment: "__proto__" is a field like any other on the way to the validator.
    Object.defineProperty(object, key, {
      value: decodeValue(json[key], nesting + 1),
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return object;
}

function special(json) {
  try {
    return jsonToConvex(json);
  } catch (error) {
    throw new ValueError(error.message);
  }
}

function checkFieldName(name) {
  if (name.length > MAX_FIELD_NAME) {
    throw new ValueError(`Field name is too long (${name.length} > maximum ${MAX_FIELD_NAME})`);
  }
  if (name.startsWith('$')) {
    throw new ValueError(`Field name ${name} starts with '$', which is reserved.`);
  }
  const bad = /[^ -~]/u.exec(name);
  if (bad) {
    throw new ValueError(
      `Field name ${name} has invalid character '${bad[0]}': Field names can only contain non-control ASCII characters`,
    );
  }
}

// A value's size by Convex's own measure, which is neither the size of the JSON nor that in memory.
export function sizeOf(value) {
  if (value === null || typeof value === 'boolean') return 1;
  if (typeof value === 'number' || typeof value === 'bigint') return 9;
  if (typeof value === 'string') return 2 + Buffer.byteLength(value);
  if (value instanceof ArrayBuffer) return 2 + value.byteLength;
  if (Array.isArray(value)) return value.reduce((sum, item) => sum + sizeOf(item), 2);
  return Object.entries(value).reduce((sum, [key, item]) => sum + key.length + 1 + sizeOf(item), 2);
}

export const mebibytes = (bytes) => `${Number((bytes / 2 ** 20).toFixed(2))} MiB`;

// A value as Convex's error messages show it.
export function displayValue(value) {
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}.0` : `${value}`;
  if (typeof value === 'bigint') return `${value}`;
  if (value instanceof ArrayBuffer) return `b"${Buffer.from(value).toString('latin1')}"`;
  if (Array.isArray(value)) return `[${value.map(displayValue).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const fields = Object.keys(value).sort();
    return `{${fields.map((key) => `${key}: ${displayValue(value[key])}`).join(', ')}}`;
  }
  return JSON.stringify(value);
}
