// SPDX-License-Identifier: MIT
// What stands between two programs, and lets nothing through when a test wants that.

import net from 'node:net';

// A way to a port of this machine, which can be cut. Returns {url, close(), open()}.
export async function startWay(t, port) {
  const sockets = new Set();
  const way = { isOpen: true };
  const server = net.createServer((socket) => {
    if (!way.isOpen) {
      socket.resetAndDestroy();
      return;
    }
    const beyond = net.connect(port, '127.0.0.1');
    for (const [one, other] of [
      [socket, beyond],
      [beyond, socket],
    ]) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => sockets.forEach((socket) => socket.destroy());
  t.after(() => {
    cut();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      way.isOpen = false;
      cut();
    },
    open: () => {
      way.isOpen = true;
    },
  };
}
