// SPDX-License-Identifier: MIT
// What is being done, on stderr: a line that changes on a terminal, lines elsewhere.

const onTerminal = process.stderr.isTTY;

export function progress(text) {
  process.stderr.write(onTerminal ? `\r\x1b[K... ${text}` : `... ${text}\n`);
}

export function progressDone() {
  if (onTerminal) process.stderr.write('\r\x1b[K');
}
