// SPDX-License-Identifier: MIT
// The part of Node's globals that Workers have, too.
declare const process: { env: { [name: string]: string | undefined } };
