// SPDX-License-Identifier: MIT
// The kernel's list of TCP sockets.

import { readFileSync } from 'node:fs';

// How many sockets are connected to a port of 127.0.0.1 and have not begun to close.
export function connectionsTo(port) {
  const wanted = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote, state]) => remote === wanted && state === '01').length;
}
