// SPDX-License-Identifier: MIT
// What was built, installed as a package would be: into a folder that stands for the root.

import { RELAY_BUILD } from './relay.mjs';

// The arguments of meson.
export const installInto = (root) => [
  'install',
  '-C',
  RELAY_BUILD,
  '--no-rebuild',
  '--quiet',
  '--destdir',
  root,
];
