// SPDX-License-Identifier: MIT
// What Convex checks about a request before any function runs. Each check names its file of
// get-convex/convex-backend (read at 94a42c3, August 2026).

import { timingSafeEqual } from 'node:crypto';
import { badJson, HttpError } from './errors.mjs';

// crates/common/src/knobs.rs: MAX_BACKEND_PUBLIC_API_REQUEST_SIZE.
const MAX_BODY_BYTES = 16 * 1024 * 1024 + 2000;

// crates/common/deprecation.json; names of clients from crates/common/src/version.rs.
const UNSUPPORTED = {
  npm: '0.19.1',
  'npm-cli': '0.19.1',
  actions: '0.19.1',
  'python-convex': '0.0.2',
  rust: '0.0.1',
};
const SEMVER = /^(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

// crates/common/src/http/mod.rs: client_version_state_middleware; crates/common/src/version.rs:
// ClientVersion. The longest version from the right counts; one that is none is older than any,
// where it matters.
export function checkClient(headers) {
  const client = headers['convex-client'];
  if (client === undefined || /[^\t\x20-\x7e]/.test(client)) return;
  const parts = client.split('-');
  if (parts.length < 2) {
    throw new HttpError(
      400,
      'InvalidClientVersion',
      `Failed to parse client version string: '${client}'. Expected format is {client_name}-{semver}, e.g. my-esolang-client-0.0.1`,
    );
  }
  const found = parts.findIndex((_, n) => n > 0 && SEMVER.test(parts.slice(n).join('-')));
  const at = Math.max(found, 1);
  const [name, version] = [
    (found < 0 ? parts[0] : parts.slice(0, at).join('-')).toLowerCase(),
    parts.slice(at).join('-'),
  ];
  const limit = UNSUPPORTED[name];
  if (limit === undefined || (found >= 0 && isNewer(version, limit))) return;
  const message = `The Convex ${name} package at version ${version} is no longer supported. ${instructions(name)}`;
  throw new HttpError(400, 'ClientVersionUnsupported', message, {
    'x-convex-deprecation-state': 'Unsupported',
    'x-convex-deprecation-message': message,
  });
}

function isNewer(version, limit) {
  const [left, right] = [version, limit].map((text) => SEMVER.exec(text).slice(1, 4).map(Number));
  const at = left.findIndex((number, i) => number !== right[i]);
  return at >= 0 && left[at] > right[at];
}

function instructions(name) {
  if (name === 'rust')
    return 'Update your Convex rust version with `cargo update -p convex` or by updating `Cargo.toml`.';
  return name === 'python-convex'
    ? 'Update your Convex python version with `pip install --upgrade convex`.'
    : 'Update your Convex npm version with `npx convex update` or `npm update`.';
}

// crates/local_backend/src/authentication.rs: ExtractAuthenticationToken. What a request says of
// who asks, which is read before its body: {key}, {token}, or {} for nobody.
export function readIdentity(headers, url) {
  const value = headers.authorization;
  if (value === undefined) {
    const key = url.searchParams.get('adminKey');
    return key === null ? {} : { key };
  }
  if (/[^\t\x20-\x7e]/.test(value))
    throw new HttpError(400, 'HeaderParseFailure', 'Failed to parse header');
  if (value.length < 7) {
    throw new HttpError(400, 'InvalidHeaderFailure', 'Invalid authentication header');
  }
  if (/^convex /i.test(value)) return readKey(value.slice('convex '.length));
  if (/^bearer /i.test(value)) return { token: value.slice('bearer '.length) };
  throw new HttpError(400, 'InvalidAdminKey', 'Invalid admin key');
}

// A key, and behind a colon whom its owner acts as.
function readKey(text) {
  const [key, ...acting] = withoutType(text).split(':');
  if (acting.length === 0) return { key };
  try {
    const who = JSON.parse(Buffer.from(acting.join(':'), 'base64').toString('utf8'));
    if (who === null || typeof who !== 'object') throw new Error('no attributes');
  } catch {
    throw new HttpError(400, 'HeaderParseFailure', 'Malformed Authorization header.');
  }
  return { key };
}

// crates/common/src/types/admin_key.rs: remove_type_prefix.
function withoutType(key) {
  const bar = key.indexOf('|');
  const colon = key.slice(0, Math.max(bar, 0)).indexOf(':');
  if (bar < 0 || colon < 0) return key;
  return /^(preview|project)$/i.test(key.slice(0, colon))
    ? key.slice(bar + 1)
    : key.slice(colon + 1);
}

// crates/authentication/src/application_auth.rs: check_key; crates/application/src/lib.rs:
// authenticate. Only once the body has been read and its path understood
// (crates/local_backend/src/public_api.rs). Whether an admin asks.
export function authenticate({ key, token }, deployKey) {
  if (token !== undefined) {
    throw new HttpError(401, 'NoAuthProvider', 'No auth provider found matching the given token.');
  }
  if (key === undefined) return false;
  if (deployKey !== undefined && isSame(key, withoutType(deployKey))) return true;
  throw new HttpError(401, 'BadAdminKey', 'The provided admin key was invalid for this instance');
}

function isSame(a, b) {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

// crates/common/src/http/extract.rs: Json. The whole body. Rejects with undefined when the client
// left before its end.
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

// crates/common/src/http/extract.rs: Json; crates/local_backend/src/public_api.rs: UdfPostRequest.
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
  if (typeof json.path !== 'string')
    throw badJson(`${target}: path: invalid type, expected a string`);
  if (json.format !== undefined && json.format !== null && typeof json.format !== 'string') {
    throw badJson(`${target}: format: invalid type, expected a string`);
  }
  checkPath(json.path);
  // An array is a list of positional arguments; anything else is the only argument.
  return {
    path: json.path,
    args: Array.isArray(json.args) ? json.args : [json.args],
    format: json.format,
  };
}

function parseJson(body) {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
  } catch (error) {
    throw badJson(`Failed to parse the request body as JSON: ${error.message}`);
  }
}

// crates/convex/sync_types/src/{udf_path,module_path,path,identifier}.rs.
function checkPath(path) {
  const colon = path.lastIndexOf(':');
  const module = colon < 0 ? path : path.slice(0, colon);
  const name = colon < 0 ? 'default' : path.slice(colon + 1);
  const [, extension] = /[^/]\.([^./]*)$/.exec(module) ?? [];
  if (extension !== undefined && extension !== 'js') {
    throw badPath(path, `Module path (${module}) has an extension that isn't 'js'.`);
  }
  if (module.startsWith('/'))
    throw badPath(path, `Module paths must be relative (${module} is absolute).`);
  const file = extension === undefined ? `${module}.js` : module;
  const isComponent = (text) => /^[A-Za-z0-9_.]{1,64}$/.test(text) && /[A-Za-z0-9]/.test(text);
  if (module === '' || !file.split('/').every(isComponent)) {
    throw badPath(path, `Module path (${module}) is not valid.`);
  }
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name) || !/[A-Za-z0-9]/.test(name)) {
    throw badPath(path, `Function name (${name}) is not a valid identifier.`);
  }
}

const badPath = (path, why) =>
  new HttpError(
    400,
    'BadConvexFunctionIdentifier',
    `${path} is not a valid path to a Convex function. ${why}`,
  );

// crates/value/src/export.rs: ValueFormat.
const FORMATS = ['convex_encoded_json', 'convex_json', 'json', 'convex_clean_json', 'export_json'];

// Convex reads the format only when it has a result to print: after the function ran.
export function checkFormat(format) {
  if (format === undefined || format === null || FORMATS.includes(format)) return;
  throw new HttpError(400, 'BadFormat', `Unsupported format: ${format}`);
}
