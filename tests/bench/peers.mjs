// SPDX-License-Identifier: MIT
// Who is measured: the relay, and what people would use instead.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { configOf, startNginx } from '../lib/nginx.mjs';
import { freePorts } from '../lib/ports.mjs';
import { RELAY_BIN, startRelay } from '../lib/relay.mjs';
import { startRouter } from '../lib/router.mjs';

const BUN_BINARIES = fileURLToPath(new URL('node_modules/@oven/', import.meta.url));

// npm has installed the one for this machine. The package's own command wants a script that runs
// at installation, which ours do not.
export const bunBinary = () => path.join(BUN_BINARIES, readdirSync(BUN_BINARIES)[0], 'bin', 'bun');

// A proxy as one would write it: connections to Convex stay open, bodies stay in memory.
async function startProxy(scope, { convex }) {
  const [port] = await freePorts(1);
  const trust =
    convex.ca === undefined
      ? ''
      : `
    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate ${convex.ca};
    proxy_ssl_name localhost;`;
  const http = `
    client_max_body_size 16m;
    client_body_buffer_size 512k;
    keepalive_requests 1000000000;
    upstream convex {
      server ${new URL(convex.url).host};
      keepalive 256;
      keepalive_requests 1000000000;
    }
    server {
      listen 127.0.0.1:${port} backlog=4096;
      location = /convex/sync {
        proxy_pass ${new URL(convex.url).protocol}//convex/api/mutation;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        ${trust}
      }
    }`;
  return startNginx(scope, port, (folder) => configOf(folder, http));
}

const startRouterOn =
  (command) =>
  (scope, { convex }) =>
    startRouter(scope, {
      command: command(),
      convexUrl: convex.url,
      env: convex.ca === undefined ? {} : { NODE_EXTRA_CA_CERTS: convex.ca },
    });

// A file on the disk that the build is on: in a temporary folder it might be in memory.
export function makeOutboxFile(scope) {
  const folder = mkdtempSync(path.join(path.dirname(RELAY_BIN), 'outbox-'));
  scope.after(() => rmSync(folder, { recursive: true }));
  return path.join(folder, 'outbox.db');
}

const startRelayWith =
  (outbox) =>
  (scope, { convex, concurrency, env = {} }) =>
    startRelay(scope, {
      env: {
        CONVEX_URL: convex.url,
        CONVEX_CA_FILE: convex.ca,
        CONVEX_CONCURRENCY: concurrency === undefined ? undefined : String(concurrency),
        OUTBOX: outbox(scope),
        LOG_LEVEL: 'info',
        DRAIN_MS: '100',
        // As they are where nothing is set, and not as in tests.
        SYNC_WAIT_MS: undefined,
        CONVEX_TIMEOUT_MS: undefined,
        REQUEST_TIMEOUT_MS: undefined,
        ...env,
      },
    });

// {name, start(scope, {convex, concurrency}) -> {pid, port}}
export const PEERS = {
  nginx: { name: 'nginx proxy_pass', start: startProxy },
  node: { name: 'router on Node', start: startRouterOn(() => process.execPath) },
  bun: { name: 'router on Bun', start: startRouterOn(bunBinary) },
  bare: { name: 'relay, OUTBOX=off', isRelay: true, start: startRelayWith(() => 'off') },
  relay: { name: 'relay, outbox on', isRelay: true, start: startRelayWith(makeOutboxFile) },
};
