// SPDX-License-Identifier: MIT
// Lets a command see other files in the place of some below /etc.

import { execFileSync } from 'node:child_process';

// Returns {command}: words to put before a command, which then sees these files; or {skip}: this
// user may not mount.
export function underEtc(files) {
  const mounts = Object.entries(files).map(([name, path]) => `mount --bind ${path} /etc/${name}`);
  const command = [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    `${mounts.join(' && ')} && exec "$0" "$@"`,
  ];
  try {
    execFileSync(command[0], [...command.slice(1), 'true'], { stdio: 'pipe' });
    return { command };
  } catch (error) {
    return { skip: `no mount namespace: ${error.message.split('\n').at(-1) || error.message}` };
  }
}
