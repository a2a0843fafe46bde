// SPDX-License-Identifier: MIT
// Answers of an upstream that wait until the test releases them.

import { SUCCESS } from './upstream.mjs';

// upstream.answer = hold().answer
export function hold(answer = SUCCESS) {
  const waiting = [];
  let isOpen = false;
  return {
    answer: () => (isOpen ? answer : new Promise((resolve) => waiting.push(() => resolve(answer)))),
    waiting: () => waiting.length,
    release: (n = 1) => waiting.splice(0, n).forEach((go) => go()),
    // From now on no answer waits.
    open() {
      isOpen = true;
      waiting.splice(0).forEach((go) => go());
    },
  };
}
