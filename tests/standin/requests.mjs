// SPDX-License-Identifier: MIT
// What Convex checks of a request before any function runs.
// Sources: get-convex/convex-backend crates/common/src/http/{mod,extract}.rs, version.rs,
// crates/local_backend/src/authentication.rs, crates/sync_types/src/udf_path.rs.

import { timingSafeEqual } from 'node:crypto';
import { badJson, HttpError } from './errors.mjs';

// MAX_BACKEND_PUBLIC_API_REQUEST_SIZE in crates/common/src/knobs.rs.
const MAX_BODY_BYTES = 16 * 1024 * 1024 + 2000;

export function checkClient(headers) {
  const client = headers['convex-client'];
  if (client === undefined || /[^\x20-\x7e]/.test(client)) return;
  const version = /-(\d+)\.(\d+)\.(\d+)(?:[-+].*)?$/.exec(client);
  if (!client.includes('-') || (!version && !client.startsWith('npm-'))) {
    throw new HttpError(400, 'InvalidClientVersion',
      `Failed to parse client version string: '${client}'. Expected format is {client_name}-{semver}, e.g. my-esolang-client-0.0.1`);
  }
  const [, major, minor, patch] = version ?? ['', 0, 0, 0];
  const isOld = Number(major) === 0 && (Number(minor) < 19 || (Number(minor) === 19 && Number(patch) <= 1));
  if (/^npm-(cli-)?/.test(client) && isOld) {
    const message = `The Convex client version ${client} is no longer supported. Please upgrade to a newer version.`;
    throw new HttpError(400, 'ClientVersionUnsupported', message, {
      'x-convex-deprecation-state': 'Unsupported',
      'x-convex-deprecation-message': message,
    });
  }
}

// Whether the request speaks for an admin. Throws for an identity that Convex refuses.
export function checkIdentity(headers, deployKey) {
  const value = headers.authorization;
  if (value === undefined) return false;
  if (value.length < 7) {
    throw new HttpError(400, 'InvalidHeaderFailure', 'Invalid authentication header');
  }
  if (/^convex /i.test(value)) {
    if (deployKey !== undefined && isSame(value.slice('convex '.length), deployKey)) return true;
    throw new HttpError(401, 'BadAdminKey',
      'The provided admin key was invalid for this instance: make sure that the deploy key belongs to this deployment');
  }
  if (/^bearer /i.test(value)) {
    throw new HttpError(401, 'NoAuthProvider', 'No auth provider found matching the given token.');
  }
  throw new HttpError(400, 'InvalidAdminKey', 'Invalid admin key');
}

function isSame(a, b) {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

// The whole body. Rejects with undefined when the client left before its end.
export function readBody(request) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    let length = 0;
    request.on('data', (chunk) => {
      length += chunk.length;
      if (length <= MAX_BODY_BYTES) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.on('end', () => {
      if (length <= MAX_BODY_BYTES) resolve(Buffer.concat(chunks));
      else reject(badJson('Failed to buffer the request body: length limit exceeded'));
    });
    request.on('error', () => reject(undefined));
    request.on('aborted', () => reject(undefined));
  });
}

// A function call as its body tells: {path, args, format}.
export function parseCall(headers, body) {
  if (!/^application\/([^;]+\+)?json\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    throw badJson('Expected request with `Content-Type: application/json`');
  }
  const json = parseJson(body);
  const target = 'Failed to deserialize the JSON body into the target type';
  if (json === null || typeof json !== 'object' || Array.isArray(json)) {
    throw badJson(`${target}: invalid type, expected struct UdfPostRequest`);
  }
  for (const field of ['path', 'args']) {
    if (json[field] === undefined) throw badJson(`${target}: missing field \`${field}\``);
  }
  if (typeof json.path !== 'string') throw badJson(`${target}: path: invalid type, expected a string`);
  if (json.format !== undefined && json.format !== null && typeof json.format !== 'string') {
    throw badJson(`${target}: format: invalid type, expected a string`);
  }
  checkPath(json.path);
  // An array is a list of positional arguments; anything else is the only argument.
  return { path: json.path, args: Array.isArray(json.args) ? json.args : [json.args], format: json.format };
}

function parseJson(body) {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
  } catch (error) {
    throw badJson(`Failed to parse the request body as JSON: ${error.message}`);
  }
}

function checkPath(path) {
  const colon = path.lastIndexOf(':');
  const module = (colon < 0 ? path : path.slice(0, colon)).replace(/\.js$/, '');
  const name = colon < 0 ? 'default' : path.slice(colon + 1);
  const isComponent = (text) => /^[A-Za-z0-9_.]{1,64}$/.test(text) && /[A-Za-z0-9]/.test(text);
  if (!module.split('/').every((text) => isComponent(text) && !text.includes('.'))) {
    throw badPath(path, `Module path (${module}) is not valid.`);
  }
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)) {
    throw badPath(path, `Function name (${name}) is not a valid identifier.`);
  }
}

const badPath = (path, why) =>
  new HttpError(400, 'BadConvexFunctionIdentifier', `${path} is not a valid path to a Convex function. ${why}`);

const FORMATS = ['convex_encoded_json', 'convex_json', 'json', 'convex_clean_json', 'export_json'];

// Convex reads the format only when it has a result to print: after the function ran.
export function checkFormat(format) {
  if (format === undefined || format === null || FORMATS.includes(format)) return;
  throw new HttpError(400, 'BadFormat', `Unsupported format: ${format}`);
}
