// SPDX-License-Identifier: MIT
// Free ports of 127.0.0.1.

import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';

// The kernel gives no port below this one to anybody unasked, neither for port 0 nor for a
// connection.
const [PORTS_END] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
  .trim()
  .split(/\s+/)
  .map(Number);
const anyPort = () => (PORTS_END > 12_000 ? randomInt(10_000, PORTS_END) : 0);

async function listenAnywhere() {
  for (;;) {
    const server = net.createServer();
    const isFree = await new Promise((resolve) =>
      server.on('error', () => resolve(false)).listen(anyPort(), '127.0.0.1', () => resolve(true)),
    );
    if (isFree) return server;
  }
}

// Free ports, for a program that cannot choose one by itself, or that wants the same port again.
// Only another caller of this function can get the same port meanwhile, by chance.
export async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, listenAnywhere));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
