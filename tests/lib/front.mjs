// SPDX-License-Identifier: MIT
// A real nginx with docker/nginx.conf in front of a relay. Only the places to listen and to write
// differ. This nginx also listens without TLS, since most tests look at bytes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after } from 'node:test';
import { makeAuthority } from './certificates.mjs';
import { startNginx, tempPaths } from './nginx.mjs';
import { freePorts } from './ports.mjs';

const CONFIG = readFileSync(new URL('../../docker/nginx.conf', import.meta.url), 'utf8');

export const authority = makeAuthority({ after }, 'the authority of these tests');
const { certificate, key } = authority.issue('IP:127.0.0.1');

// docker/nginx.conf for a test. Each replacement must match, or the test would use another file.
function adapted(folder, [port, tlsPort], relayPort, changes) {
  const replacements = [
    ['listen 443 ssl;', `listen 127.0.0.1:${port}; listen 127.0.0.1:${tlsPort} ssl;`],
    ['/etc/ssl/certs/relay.example.com.pem', certificate],
    ['/etc/ssl/private/relay.example.com.key', key],
    ['server 127.0.0.1:3000 ', `server 127.0.0.1:${relayPort} `],
    ['/run/nginx.pid', `${folder}/nginx.pid`],
    ['/var/log/nginx/access.log', `${folder}/access.log`],
    ['\nhttp {', `\nhttp {\n${tempPaths(folder)}`],
    ...changes,
  ];
  return replacements.reduce((config, [from, to]) => {
    assert.equal(config.split(from).length, 2, `docker/nginx.conf has "${from}" once`);
    return config.replace(from, to);
  }, CONFIG);
}

// Returns {nginx, front: {url, port, tlsPort}}. changes: more replacements, [[from, to]].
// descriptors: the limit that nginx starts with.
export async function startInFront(t, relay, { changes = [], descriptors } = {}) {
  const ports = await freePorts(2);
  const nginx = await startNginx(
    t,
    ports[0],
    (folder) => adapted(folder, ports, relay.port, changes),
    descriptors,
  );
  const [port, tlsPort] = ports;
  return { nginx, front: { url: `http://127.0.0.1:${port}`, port, tlsPort } };
}
