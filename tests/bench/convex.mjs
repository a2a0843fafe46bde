// SPDX-License-Identifier: MIT
// The far side of a measurement: an nginx that answers every call as Convex answers a mutation that
// returns nothing, at once or after a time. Delays need Debian's libnginx-mod-http-echo.

import { makeAuthority } from '../lib/certificates.mjs';
import { configOf, startNginx } from '../lib/nginx.mjs';
import { freePorts } from '../lib/ports.mjs';

const ECHO_MODULE = '/usr/lib/nginx/modules/ngx_http_echo_module.so';

const ANSWER = `
  default_type application/json;
  return 200 '{"status":"success","value":null}';`;

function config(folder, { port, statusPort, leaf, delayMs, oneCallEach }) {
  const call =
    delayMs === 0
      ? `location / {${ANSWER}}`
      : `location / { echo_sleep ${delayMs / 1000}; echo_exec @answer; }
       location @answer {${ANSWER}}`;
  const http = `
    client_max_body_size 0;
    client_body_buffer_size 512k;
    keepalive_requests ${oneCallEach ? 1 : 1_000_000_000};
    keepalive_timeout 600s;
    server {
      listen 127.0.0.1:${port} ${leaf ? 'ssl' : ''} backlog=4096;
      ${leaf ? `ssl_certificate ${leaf.certificate}; ssl_certificate_key ${leaf.key};` : ''}
      ${call}
    }
    server {
      listen 127.0.0.1:${statusPort};
      location / { stub_status; }
    }`;
  return configOf(folder, http, delayMs === 0 ? '' : `load_module ${ECHO_MODULE};`);
}

// Starts the server on `port`, or a free one; oneCallEach: each call needs a new connection. The
// server ends with the scope. {url, port, stop(), ca: the authority to trust with TLS, events():
// how many were received, one with each call}.
export async function startConvex(
  scope,
  { delayMs = 0, tls = false, port, oneCallEach = false } = {},
) {
  const authority = tls ? makeAuthority(scope, 'convex-relay bench') : null;
  const leaf = authority?.issue('DNS:localhost,IP:127.0.0.1');
  const [freePort, statusPort] = await freePorts(2);
  const options = { port: port ?? freePort, statusPort, leaf, delayMs, oneCallEach };
  const nginx = await startNginx(scope, options.port, (folder) => config(folder, options));
  let asked = 0;
  return {
    port: options.port,
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${options.port}`,
    ca: authority?.file,
    async events() {
      const status = await (await fetch(`http://127.0.0.1:${statusPort}/`)).text();
      asked += 1; // it counts the question, too
      return Number(/\s\d+ \d+ (\d+)/.exec(status)[1]) - asked;
    },
    async stop() {
      nginx.signal('SIGTERM');
      await nginx.exited;
    },
  };
}
