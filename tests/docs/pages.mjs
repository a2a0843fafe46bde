// SPDX-License-Identifier: MIT
// The pages that people read, taken apart: headings, blocks of code, links, prose.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function markdownBelow(folder) {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .flatMap((entry) => {
      const name = path.join(folder, entry.name);
      if (entry.isDirectory()) return markdownBelow(name);
      return name.endsWith('.md') ? [name] : [];
    });
}

// PAGES are for users. ALL_PAGES also has those for people who change the code.
export const PAGES = [
  'README.md',
  'SECURITY.md',
  ...markdownBelow('docs'),
  ...markdownBelow('examples'),
];
export const ALL_PAGES = [...PAGES, 'CHANGELOG.md', 'HACKING.md', ...markdownBelow('tests')];

// The lines of a page, each with its kind (`heading`, `fence`, `code` or `text`): {line, number,
// kind}.
export function linesOf(page) {
  let fence = null;
  return readFileSync(path.join(ROOT, page), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line, i) => {
      const mark = /^ *(```+)/.exec(line)?.[1];
      const isFence = Boolean(mark) && (fence === null || mark === fence);
      if (isFence) fence = fence === null ? mark : null;
      const inside = fence === null ? 'text' : 'code';
      const outside = inside === 'text' && /^#+ /.test(line) ? 'heading' : inside;
      return { line, number: i + 1, kind: isFence ? 'fence' : outside };
    });
}

// Blocks of code, in their order: {page, heading, language, number, text}. The indent of a list
// that a block stands in is taken off.
export function blocksOf(page) {
  const blocks = [];
  let heading = '';
  let open = null;
  for (const { line, number, kind } of linesOf(page)) {
    if (kind === 'heading') heading = line.replace(/^#+ /, '');
    if (kind === 'code') open.lines.push(line);
    if (kind !== 'fence') continue;
    if (open === null) {
      const [, indent, language] = /^( *)`+(.*)$/.exec(line);
      open = { page, heading, language, number, indent, lines: [] };
    } else {
      const { indent, lines, ...block } = open;
      const text = lines.map((one) => one.replace(indent, '')).join('\n');
      blocks.push({ ...block, text: `${text}\n` });
      open = null;
    }
  }
  return blocks;
}

export const proseOf = (page) =>
  linesOf(page)
    .filter(({ kind }) => kind === 'text' || kind === 'heading')
    .map(({ line }) => line)
    .join('\n');

// The anchors of a page's headings, as GitHub makes them.
export const anchorsOf = (page) =>
  linesOf(page)
    .filter(({ kind }) => kind === 'heading')
    .map(({ line }) =>
      line
        .replace(/^#+ /, '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
