// SPDX-License-Identifier: MIT
// Which functions and variables a file of C declares for other files, and which ones it defines.
// Understands as much of C as code needs that clang-format has laid out.

// Without comments, texts, attributes and lines of the preprocessor.
function bareCode(text) {
  const commentOrText = /\/\*.*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/gs;
  return text
    .replace(/\\\n/g, ' ')
    .replace(commentOrText, (found) => (found[0] === '/' ? ' ' : '0'))
    .replace(/^[ \t]*#.*$/gm, '')
    .replace(/\bprintf_like\([^()]*\)|\b__attribute__\(\(.*?\)\)|\b_Static_assert\([^;]*;/g, ' ');
}

// The declarations and definitions at the top level, each up to its semicolon or last brace: {head,
// hasBody}, where the head leaves out what stands in braces.
function topLevel(text) {
  const pieces = [];
  let head = '';
  let hasBody = false;
  let depth = 0;
  const end = () => {
    if (head.trim()) pieces.push({ head: head.trim().replace(/\s+/g, ' '), hasBody });
    head = '';
    hasBody = false;
  };
  for (const c of bareCode(text)) {
    if (c === '{') {
      depth++;
      hasBody = true;
    } else if (c === '}') {
      depth--;
      if (depth === 0 && functionName(head)) end(); // no semicolon comes
    } else if (depth === 0 && c === ';') end();
    else if (depth === 0) head += c;
  }
  return pieces;
}

// The name before the arguments; undefined: it is no function. Macros are in capitals.
const functionName = (head) =>
  head.includes('=') ? undefined : /^[^(]*?\b([a-z_][a-z0-9_]*) ?\(/.exec(head)?.[1];

// The last name before the value; undefined: it is no variable.
const variableName = (head) => /\b([a-z_][a-z0-9_]*) ?(?:\[[^\]]*\] ?)*(?:=.*)?$/.exec(head)?.[1];

const isForOthers = ({ head }) => !/^(typedef|static)\b/.test(head);

// What a file declares for other files: [name].
export function declaredIn(text) {
  return topLevel(text)
    .filter(isForOthers)
    .flatMap(({ head, hasBody }) => {
      if (functionName(head)) return hasBody ? [] : [functionName(head)];
      return head.startsWith('extern ') ? [variableName(head)] : [];
    });
}

// What a file defines for other files: [name].
export function definedIn(text) {
  return topLevel(text)
    .filter(isForOthers)
    .flatMap(({ head, hasBody }) => {
      if (functionName(head)) return hasBody ? [functionName(head)] : [];
      return head.includes('=') ? [variableName(head)] : [];
    });
}
