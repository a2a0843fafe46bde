// SPDX-License-Identifier: MIT
// Which of two libraries the relay was built with, where they leave it no choice and differ.

import { execFileSync } from 'node:child_process';

const microhttpd = execFileSync('pkg-config', ['--modversion', 'libmicrohttpd'], {
  encoding: 'utf8',
});

// libmicrohttpd 1.0, as Debian 13 has it; Debian 12 has 0.9.
export const HAS_MICROHTTPD_1 = !microhttpd.startsWith('0.');
