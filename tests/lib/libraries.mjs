// SPDX-License-Identifier: MIT
// Which version of a library the relay was built with, where two versions differ and the relay
// cannot hide that.

import { execFileSync } from 'node:child_process';

const microhttpd = execFileSync('pkg-config', ['--modversion', 'libmicrohttpd'], {
  encoding: 'utf8',
});

// libmicrohttpd 1.0, as Debian 13 has it; Debian 12 has 0.9.
export const HAS_MICROHTTPD_1 = !microhttpd.startsWith('0.');
