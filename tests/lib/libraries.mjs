// SPDX-License-Identifier: MIT
// Which of two libraries the relay was built with, where they leave it no choice and differ.

import { execFileSync } from 'node:child_process';

const microhttpd = execFileSync('pkg-config', ['--modversion', 'libmicrohttpd'], { encoding: 'utf8' });

// libmicrohttpd 1.0 instead of 0.9: of Debian 13, of Debian 12 and Ubuntu 24.04.
export const HAS_MICROHTTPD_1 = !microhttpd.startsWith('0.');
