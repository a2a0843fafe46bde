// SPDX-License-Identifier: MIT
// Lets a command see other files in the place of some.

import { execFileSync } from 'node:child_process';

// Words to put before a command, which then sees `from` in the place of `to`, for each [from, to].
export function mountedOver(...pairs) {
  const mounts = pairs.map(([from, to]) => `mount --bind '${from}' '${to}'`);
  const script = [...mounts, 'exec "$0" "$@"'].join(' && ');
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script];
}

// The same for files below /etc: {name: path}. Returns {command}: such words; or {skip}: this user
// may not mount.
export function underEtc(files) {
  const command = mountedOver(
    ...Object.entries(files).map(([name, path]) => [path, `/etc/${name}`]),
  );
  try {
    execFileSync(command[0], [...command.slice(1), 'true'], { stdio: 'pipe' });
    return { command };
  } catch (error) {
    return { skip: `no mount namespace: ${error.message.split('\n').at(-1) || error.message}` };
  }
}

// Why this user may not mount; false: it may.
export const cannotMount = () => underEtc({}).skip ?? false;
