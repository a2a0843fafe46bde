// SPDX-License-Identifier: MIT
// What is printed while the suites run. Each line begins with where the run is, by the suites that
// have ended:
//
//   [ 12/150  3:05, 1 failed] ok   unit/base-buf               12 passed, 0.1 s
//
// A log has such a line for each suite. A terminal has a single line for all suites that pass,
// which is rewritten every second; the lines of suites that failed or skipped a case stay above it.

const REDRAW_MS = 1000;

// count: how many suites there are. out: process.stdout, or what is like that.
export function startProgress(count, out, now = Date.now) {
  const started = now();
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failed = [];
  const running = new Set(); // labels
  let ended = 0;
  const say = (line) => out.write(`${line}\n`);

  function place() {
    const n = String(ended).padStart(String(count).length);
    const failures = total.failed ? `, ${total.failed} failed` : '';
    return `[${n}/${count} ${clock(now() - started).padStart(5)}${failures}]`;
  }

  function draw() {
    if (out.isTTY && running.size)
      out.write(`\r\x1b[K${`${place()} ${[...running].join(', ')}`.slice(0, out.columns - 1)}`);
  }
  const redraw = out.isTTY && setInterval(draw, REDRAW_MS).unref();

  function clear() {
    if (out.isTTY) out.write('\r\x1b[K');
  }

  return {
    begin(suite) {
      running.add(suite.label);
      draw();
    },

    end(result) {
      running.delete(result.suite.label);
      ended += 1;
      total.passed += result.passed;
      total.failed += result.failures.length;
      total.skipped += result.skipped.length;
      failed.push(...result.failures.map(({ name }) => `${result.suite.label}: ${name}`));
      clear();
      const lines = told(result);
      if (!out.isTTY || lines.length > 1) {
        say(`${place()} ${lines[0]}`);
        lines.slice(1).forEach((line) => say(`     ${line}`));
      }
      draw();
    },

    // Names once more what failed, and counts. Returns how many failed.
    finish() {
      clearInterval(redraw);
      clear();
      if (failed.length) say('failed:');
      failed.forEach((name) => say(`     ${name}`));
      const skipped = total.skipped ? `, ${total.skipped} skipped` : '';
      say(`${total.passed} passed, ${total.failed} failed${skipped}`);
      return total.failed;
    },
  };
}

// A suite's own line, and what there is to say of its cases.
function told({ suite, passed, skipped, failures, err, ms }) {
  const counts = [`${passed} passed`];
  if (failures.length) counts.push(`${failures.length} failed`);
  if (skipped.length) counts.push(`${skipped.length} skipped`);
  const mark = failures.length ? 'FAIL' : 'ok  ';
  const seconds = (ms / 1000).toFixed(1);
  const lines = [`${mark} ${suite.label.padEnd(52)} ${counts.join(', ')}, ${seconds} s`];
  for (const { name, reason } of skipped) lines.push(`skipped: ${name}: ${reason}`);
  for (const failure of failures) {
    lines.push(`failed: ${failure.name}`, ...failure.lines.map((line) => `  ${line}`));
  }
  if (failures.length && err) {
    const last = err.trimEnd().split('\n').slice(-200);
    lines.push('stderr:', ...last.map((line) => `  ${line}`));
  }
  return lines;
}

// 3:05, or 1:03:05
function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const two = (number) => String(number).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = two(seconds % 60);
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}
