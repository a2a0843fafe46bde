// SPDX-License-Identifier: MIT
// A process that sees other files below /etc than everybody else.

import { execFileSync } from 'node:child_process';

// {command}: runs what follows it with these files in the place of some below /etc; {skip}: this
// user may not.
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
