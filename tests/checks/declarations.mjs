// SPDX-License-Identifier: MIT
// Which functions and variables a file of C declares for others, and which it defines: enough of C for code that
// clang-format has laid out, and no more.

// Without comments, texts and lines of the preprocessor.
function bareCode(text) {
  return text
    .replace(/\\\n/g, ' ')
    .replace(/\/\*.*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/gs, (found) => (found[0] === '/' ? ' ' : '0'))
    .replace(/^[ \t]*#.*$/gm, '');
}

// What stands at the top level, one after the other: {head, body}, the head up to its braces or semicolon. body: it had braces.
function topLevel(text) {
  const pieces = [];
  let head = '';
  let body = false;
  let depth = 0;
  const end = () => {
    if (head.trim()) pieces.push({ head: head.trim().replace(/\s+/g, ' '), body });
    head = '';
    body = false;
  };
  for (const c of bareCode(text)) {
    if (c === '{' && depth++ === 0) body = true;
    else if (c === '}' && --depth === 0 && isFunction(head)) end();
    else if (depth > 0 || c === '}') continue;
    else if (c === ';') end();
    else if (!body) head += c;
  }
  return pieces;
}

// The name of a function before its arguments; those of macros, in capitals, are none.
const functionName = (head) => /^[^(=]*?\b([a-z_][a-z0-9_]*) ?\(/.exec(head)?.[1];
const isFunction = (head) => !/^\s*(typedef|struct \w+\s*$|union \w+\s*$|enum \w*\s*$)/.test(head) && !head.includes('=') && Boolean(functionName(head));
const variableName = (head) => /\b([a-z_][a-z0-9_]*)(?: ?\[[^\]]*\])* ?(?:=.*)?$/.exec(head)?.[1];

// The names that a header promises to others.
export function declaredIn(text) {
  return topLevel(text).flatMap(({ head, body }) => {
    if (/^(typedef|static)\b/.test(head)) return [];
    if (/^extern\b/.test(head)) return [variableName(head.split('(')[0])];
    return !body && isFunction(head) ? [functionName(head)] : [];
  });
}

// The names that a .c file gives to others.
export function definedIn(text) {
  return topLevel(text).flatMap(({ head, body }) => {
    if (/^(typedef|static|extern)\b/.test(head)) return [];
    if (body && isFunction(head)) return [functionName(head)];
    return head.includes('=') ? [variableName(head)] : [];
  });
}
