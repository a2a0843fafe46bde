// SPDX-License-Identifier: MIT
// The HTTP side of the stand-in: the endpoints of Convex that are needed here, and those of the
// tests under /_standin. Each names its file of get-convex/convex-backend (read at 94a42c3, August
// 2026). Missing: GET /api/query, actions, query_batch, components, storage, the dashboard's API,
// browsers' preflights, the limit of 128 requests at once for one backend, and its 300 s for a
// request.

import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpError, REFUSALS } from './errors.mjs';
import { Faults } from './faults.mjs';
import { Log, recordsOf } from './log.mjs';
import {
  authenticate,
  checkClient,
  checkFormat,
  parseCall,
  readBody,
  readIdentity,
} from './requests.mjs';
import { Slots } from './slots.mjs';

const CALLS = { '/api/mutation': 'Mutation', '/api/query': 'Query', '/api/query_at_ts': 'Query' };

// A server that is not listening yet. onEnd(path, result) is told of each function that ran.
export function createStandin({ engine, deployKey, concurrency = 16, onEnd }) {
  const faults = new Faults();
  const log = new Log();
  const slots = Object.fromEntries(
    ['Mutation', 'Query'].map((kind) => [kind, new Slots(kind, concurrency)]),
  );
  const backend = { engine, deployKey, onEnd, faults, log, slots };

  const routes = {
    // crates/local_backend/src/router.rs: health_check_routes.
    'GET /': () => text('This Convex deployment is running. See https://docs.convex.dev/.'),
    // crates/common/src/http/mod.rs: meta_routes, which no middleware stands before.
    'GET /version': () => text('stand-in'),
    // crates/local_backend/src/public_api.rs: public_get_query_ts. It asks for no key and reads no
    // body.
    'POST /api/query_ts': async ({ request }) => {
      const body = await readBody(request);
      log.done(log.arrive({ ...about(request), body }), 200);
      return json({ ts: timestamp() });
    },
    'GET /_standin/records': async ({ url }) => {
      const table = url.searchParams.get('table');
      if (table !== null) return json(await engine.rows(table));
      const rows = engine.tables().map(async (name) => [name, await engine.rows(name)]);
      return json(Object.fromEntries(await Promise.all(rows)));
    },
    'GET /_standin/log': () => json(log.show()),
    'DELETE /_standin/log': () => json(log.clear() ?? {}),
    'GET /_standin/faults': () => json(faults.show()),
    'DELETE /_standin/faults': () => json(faults.clear() ?? {}),
    'POST /_standin/faults': async ({ request }) => {
      try {
        faults.set(JSON.parse(await readBody(request)));
      } catch (error) {
        throw new HttpError(400, 'BadFaults', error.message);
      }
      return json(faults.show());
    },
  };
  for (const [path, kind] of Object.entries(CALLS)) {
    routes[`POST ${path}`] = (call) => answerCall(backend, kind, call);
  }
  // crates/local_backend/src/dashboard.rs: check_admin_key; an identity that is no admin's is
  // bad_admin_key_error() in crates/keybroker/src/operations.rs.
  routes['GET /api/check_admin_key'] = ({ request, url }) => {
    log.done(log.arrive({ ...about(request), body: '' }), 200);
    if (authenticate(readIdentity(request.headers, url), deployKey)) {
      return json({ success: true, allowedOps: ['*'], isReadOnly: false });
    }
    throw new HttpError(
      403,
      'BadDeployKey',
      'The provided deploy key is invalid for this deployment',
    );
  };

  const handle = async (request, response) => {
    const url = new URL(request.url, 'http://stand-in');
    // axum answers HEAD wherever there is a GET.
    const route = routes[`${request.method === 'HEAD' ? 'GET' : request.method} ${url.pathname}`];
    try {
      if (!/^\/(version$|_standin\/)/.test(url.pathname)) checkClient(request.headers);
      if (!route) throw noRoute(routes, url.pathname);
      const answer = await route({ request, response, url });
      if (answer) send(response, answer);
    } catch (error) {
      if (error === undefined) return; // the client left
      send(response, error instanceof HttpError ? failure(error) : internalError(error));
    }
  };

  // crates/common/src/http/fork_of_axum_serve.rs: hyper without any time limit; it wants no Host,
  // and takes heads of 400 KiB.
  const server = http.createServer(
    {
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
      requireHostHeader: false,
      maxHeaderSize: 400 * 1024,
    },
    handle,
  );
  // hyper is built without half-close: the end of the client's stream cancels its request.
  server.on('connection', (socket) => socket.on('end', () => socket.destroy()));
  return server;
}

// A call of a function, with whatever fault is due. crates/local_backend/src/public_api.rs:
// public_mutation_post, public_query_post. Who asks is read first, then the body and its path, and
// only then is the key looked at.
async function answerCall(
  { engine, deployKey, onEnd, faults, log, slots },
  kind,
  { request, response },
) {
  const identity = readIdentity(request.headers, new URL(request.url, 'http://stand-in'));
  const body = await readBody(request);
  const fault = faults.take(request.url, body.toString('utf8'));
  const entry = log.arrive({ ...about(request), body, records: recordsOf(body) });
  response.on('close', () => log.done(entry, response.headersSent ? response.statusCode : null));

  if (isTrouble(fault) && fault.when === 'before') {
    if (fault.latencyMs > 0) await sleep(fault.latencyMs);
    return response.destroyed ? undefined : trouble(fault, request);
  }
  // crates/common/src/http/mod.rs: ExtractRequestId.
  const requestId = request.headers['convex-request-id'] ?? randomBytes(8).toString('hex');
  const { path, args, format } = parseCall(request.headers, body);
  const admin = authenticate(identity, deployKey);
  if (fault.refuse !== undefined) {
    return json(
      envelope({ error: { message: `${REFUSALS[fault.refuse]}\n` } }, requestId, faults.redact),
    );
  }
  const result = await slots[kind].within(async () => {
    if (fault.latencyMs > 0) await sleep(fault.latencyMs);
    // A client that has left has cancelled its call: hyper drops the answer.
    return response.destroyed ? undefined : engine.run(kind, path, args, { admin });
  });
  if (result === undefined) return undefined;
  entry.ran = true;
  onEnd?.(path, result);
  if (isTrouble(fault)) return trouble(fault, request);

  checkFormat(format);
  const answer = json(envelope(result, requestId, faults.redact));
  if (fault.trickle === undefined) return answer;
  await trickle(response, answer, fault.trickle);
  return undefined;
}

const about = (request) => ({
  method: request.method,
  path: request.url,
  headers: request.headers,
});

// crates/local_backend/src/public_api.rs: UdfResponse, whose tag comes first;
// crates/application/src/redaction.rs.
function envelope(result, requestId, redact) {
  if (!result.error) return { status: 'success', value: result.value };
  const { message, data } = result.error;
  const head = `[Request ID: ${requestId}] Server Error`;
  return {
    status: 'error',
    errorMessage: redact ? head : `${head}\n${message}`,
    ...(data === undefined ? {} : { errorData: data }),
  };
}

const isTrouble = (fault) =>
  !fault.pass && fault.refuse === undefined && fault.trickle === undefined;

function trouble(fault, request) {
  if (fault.reset) request.socket.resetAndDestroy();
  else if (fault.close) request.socket.destroy();
  else if (!fault.hang) return canned(fault);
  return undefined;
}

function canned({ status, body = '', headers = {} }) {
  const isText = typeof body === 'string';
  return {
    status,
    headers: isText ? headers : { 'content-type': 'application/json', ...headers },
    body: isText ? body : JSON.stringify(body),
  };
}

async function trickle(response, answer, delayMs) {
  const bytes = Buffer.from(answer.body);
  response.writeHead(answer.status, { ...answer.headers, 'content-length': bytes.length });
  for (const byte of bytes) {
    if (response.destroyed) return;
    response.write(Buffer.of(byte));
    await sleep(delayMs);
  }
  response.end();
}

const text = (body) => ({
  status: 200,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body,
});
const json = (value) => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

function failure(error) {
  const type = error.code === undefined ? {} : { 'content-type': 'application/json' };
  return { status: error.status, headers: { ...type, ...error.headers }, body: error.body() };
}

function internalError(error) {
  process.stderr.write(`convex stand-in: ${error.stack}\n`);
  return failure(
    new HttpError(
      500,
      'InternalServerError',
      "Your request couldn't be completed. Try again later.",
    ),
  );
}

// axum: an unknown path, and a known one by another method.
function noRoute(routes, path) {
  const methods = Object.keys(routes)
    .map((key) => key.split(' '))
    .filter(([, known]) => known === path);
  if (methods.length === 0) return new HttpError(404);
  return new HttpError(405, undefined, undefined, {
    allow: methods.map(([method]) => (method === 'GET' ? 'GET,HEAD' : method)).join(','),
  });
}

function send(response, { status, headers, body }) {
  if (response.destroyed) return;
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

// Convex's timestamps: nanoseconds, 64 bits, little-endian, in base64.
function timestamp() {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(Date.now()) * 1_000_000n);
  return bytes.toString('base64');
}
