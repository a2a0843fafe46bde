// SPDX-License-Identifier: MIT
// A TCP proxy on the way to a server, which does to connections what networks do.

import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

// Starts a proxy to a port of 127.0.0.1, which ends with the test. Each connection is a link; what
// is done to the proxy is done to all links, also to later ones.
//
//   cut()        resets all connections; new ones are let through
//   refuse()     and refuses new ones, until heal()
//   hang()       nothing gets through any more, without an end, as with lost packets; until heal()
//   eat()        answers are thrown away, requests get through; until heal()
//   delayMs      how long each piece takes, both ways
//   connections  how many there were, with those that were refused
//   onRequest    called with (bytes, link) for what a client sends, before it is passed on; may
//                return a promise, and call link.eat(), link.cut() or link.hang()
export async function startTcpProxy(t, targetPort) {
  const links = new Set();
  const self = {
    port: 0,
    links,
    connections: 0,
    delayMs: 0,
    onRequest: null,
    eating: false,
    hanging: false,
    refusing: false,
    cut: () => links.forEach((link) => link.cut()),
    refuse: () => {
      self.refusing = true;
      self.cut();
    },
    hang: () => (self.hanging = true),
    eat: () => (self.eating = true),
    // Lets new connections through. Those that were in the way of a fault are cut.
    heal: () => {
      if (self.eating || self.hanging) self.cut();
      self.eating = self.hanging = self.refusing = false;
      self.delayMs = 0;
      self.onRequest = null;
    },
  };
  const server = net.createServer((client) => {
    self.connections += 1;
    if (self.refusing) reset(client);
    else addLink(self, client, targetPort);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  self.port = server.address().port;
  t.after(async () => {
    self.cut();
    await new Promise((resolve) => server.close(resolve));
  });
  return self;
}

// libuv refuses to reset a connection that this side has ended, and Node then never closes it, and
// cannot end.
function reset(socket) {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

function addLink(proxy, client, targetPort) {
  const target = net.connect({ host: '127.0.0.1', port: targetPort, allowHalfOpen: true });
  const link = {
    eating: false,
    hanging: false,
    cut: () => {
      proxy.links.delete(link);
      reset(client);
      reset(target);
    },
    eat: () => (link.eating = true),
    hang: () => (link.hanging = true),
  };
  proxy.links.add(link);
  for (const socket of [client, target]) {
    socket.setNoDelay(true);
    socket.on('error', link.cut); // a peer that resets the connection is no failure
    socket.on('close', link.cut);
  }
  const hangs = () => proxy.hanging || link.hanging;
  pass(proxy, client, target, async (bytes) => {
    await proxy.onRequest?.(bytes, link);
    return !hangs();
  });
  pass(proxy, target, client, () => !hangs() && !proxy.eating && !link.eating);
}

// Passes on what comes from one socket to the other, in its order, where mayPass() says so.
function pass(proxy, from, to, mayPass) {
  let last = Promise.resolve();
  from.on('data', (bytes) => {
    last = last.then(async () => {
      if (proxy.delayMs > 0) await sleep(proxy.delayMs);
      if ((await mayPass(bytes)) && !to.destroyed) to.write(bytes);
    });
  });
  from.on('end', () => {
    last = last.then(async () => {
      if (await mayPass(Buffer.alloc(0))) to.end();
    });
  });
}
