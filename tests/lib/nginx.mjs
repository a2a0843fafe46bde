// SPDX-License-Identifier: MIT
// A real nginx on free ports, which writes into a folder of the test only.

import { chmodSync } from 'node:fs';
import net from 'node:net';
import { startChild } from './child.mjs';
import { makeFolder } from './files.mjs';
import { freePorts } from './ports.mjs';
import { waitFor, within } from './wait.mjs';

// Starts nginx with a configuration and waits for an answer on the port. The paths that nginx would
// write to by default are set on the command line, or in the configuration, which gets the folder.
// Logs go to stderr. nginx and its folder end with the test.
export async function startNginx(t, port, makeConfig, descriptors) {
  const files = makeFolder(t);
  chmodSync(files.folder, 0o755); // the workers are another user if root starts nginx
  const config = files.write('nginx.conf', makeConfig(files.folder));
  const under = descriptors ? ['prlimit', `--nofile=${descriptors}:`] : [];
  const [command, ...args] = [
    ...under,
    'nginx',
    '-p',
    files.folder,
    '-e',
    'stderr',
    '-c',
    config,
    '-g',
    'daemon off; error_log stderr info;',
  ];
  const child = startChild(t, command, args, {
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
    // A killed nginx would leave its workers behind.
    atEnd: async (self) => {
      if (self.signal('SIGTERM')) await within('nginx to stop', self.exited);
    },
  });
  await waitFor(`nginx on port ${port}`, () => {
    if (!child.isRunning()) throw new Error(`nginx ended:\n${child.stderr()}`);
    return isListening(port);
  });
  return { ...child, port, folder: files.folder };
}

function isListening(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

// The folders that nginx puts bodies into, inside its own folder.
export const tempPaths = (folder) =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join('\n');

// A configuration of one worker that logs no requests. http: its servers; main: what goes first.
export const configOf = (folder, http, main = '') => `
  ${main}
  pid ${folder}/nginx.pid;
  worker_processes 1;
  events { worker_connections 8192; }
  http {
    access_log off;
    error_log stderr error;
    ${tempPaths(folder)}
    ${http}
  }`;

// An nginx that speaks TLS on 127.0.0.1 and passes everything on to an upstream.
export async function startTlsProxy(t, { certificate, key, upstreamPort }) {
  const [port] = await freePorts(1);
  const http = `
    client_max_body_size 0;
    server {
      listen 127.0.0.1:${port} ssl;
      ssl_certificate ${certificate};
      ssl_certificate_key ${key};
      location / {
        proxy_pass http://127.0.0.1:${upstreamPort};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
      }
    }`;
  return startNginx(t, port, (folder) => configOf(folder, http));
}
