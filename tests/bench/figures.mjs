// SPDX-License-Identifier: MIT
// What many rounds come to, and how figures are written.

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle)
    ? (sorted[middle - 1] + sorted[middle]) / 2
    : sorted[Math.floor(middle)];
}

// Of each field of the rounds that is a number: {median, min, max}. A round that is not valid says
// nothing, and neither does NaN.
export function summarise(rounds) {
  const valid = rounds.filter((round) => round.valid);
  if (valid.length === 0) return null;
  const fields = Object.keys(valid[0]).filter((name) => typeof valid[0][name] === 'number');
  return Object.fromEntries(
    fields.map((name) => {
      const values = valid.map((round) => round[name]).filter((value) => !Number.isNaN(value));
      return [name, { median: median(values), min: Math.min(...values), max: Math.max(...values) }];
    }),
  );
}

// Three digits that mean something, and no more.
export function short(number) {
  if (!Number.isFinite(number)) return '-';
  const size = Math.abs(number);
  if (size >= 100) return Math.round(number).toLocaleString('en-US');
  if (size >= 10) return number.toFixed(1);
  return number.toFixed(2);
}

// Below one, a ratio is easier to read the other way around.
export const ratio = (number) =>
  number > 0 && number < 1 ? `1/${short(1 / number)}` : short(number);

export const spread = (figure) =>
  figure.min === figure.max
    ? short(figure.median)
    : `${short(figure.median)} (${short(figure.min)}-${short(figure.max)})`;

export const percent = ({ median: number }) =>
  Number.isFinite(number) ? `${number.toFixed(0)} %` : '-';

// A table of Markdown, its columns lined up. Rows: arrays of texts; the first column is text, the
// others are figures.
export function table(heads, rows) {
  const all = [heads, ...rows].map((row) => row.map(String));
  const widths = heads.map((_, i) => Math.max(3, ...all.map((row) => row[i].length)));
  const line = (row) =>
    `| ${row.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(all[0]), rule, ...all.slice(1).map(line)].join('\n');
}
