// SPDX-License-Identifier: MIT
// What callgrind counted in one object, such as the relay's own code without its libraries.

// Gives {instructions, calls}: the instructions that ran in the object, and its calls into others.
// The text is that of --compress-strings=no --compress-pos=no --dump-line=no.
export function countOf(text, object) {
  const isOurs = (path) => path.endsWith(`/${object}`);
  const count = { instructions: 0, calls: 0 };
  let ours = false;
  let called; // the object of the call at hand, if it is another one
  let isCost = false; // the next line is what a call cost, which the callee has already
  for (const line of text.split('\n')) {
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === 'ob') {
      ours = isOurs(value);
    } else if (key === 'cob') {
      called = value;
    } else if (key === 'calls') {
      if (ours && called !== undefined && !isOurs(called))
        count.calls += Number(value.split(' ')[0]);
      called = undefined;
      isCost = true;
    } else if (/^\d/.test(line)) {
      if (ours && !isCost) count.instructions += Number(line.split(' ')[1]);
      isCost = false;
    }
  }
  return count;
}
