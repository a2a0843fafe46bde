// SPDX-License-Identifier: MIT
// Reads the TAP that cmocka and node:test write:
// https://testanything.org/tap-version-14-specification.html

// The flag s: a name may hold U+2028, which `.` would leave out.
const pointLine = /^( *)(not )?ok\b *\d* *(?:- )?(.*)$/s;
const planLine = /^1\.\.(\d+)/;
const skipMark = /^(.*?) ?# SKIP ?(.*)$/is;
// node:test reports as skipped what the name's pattern leaves out.
const isLeftOut = (reason) => reason === 'test name does not match pattern';
const subtestLine = /^ *# Subtest: /;
const frameLine =
  /^ *(---|\.\.\.|1\.\.\d+|duration_ms: .*|(not )?ok - .*|TAP version \d+|.*\(node:.*)$/;

// Counts the leaves. A point with indented points before it stands for these, and is no case,
// unless it failed although all of them passed: then a hook failed, or the file.
//
// Returns { passed: [name], failed: [{ name, lines }], skipped: [{ name, reason }], missing },
// where missing is how many points the outermost plan promised in vain.
export function readTap(text) {
  const result = { passed: [], failed: [], skipped: [], missing: 0 };
  const levels = []; // by indentation: whether a point failed there since the last outer point
  let comments = []; // since the last point: node:test gives as comments what a file prints
  let failure; // the failed case that the next lines explain
  let frame = ''; // the indentation of the YAML block that may follow the last point
  let inYaml = false; // a line in a YAML block is no point, whatever it looks like

  for (const line of text.split('\n')) {
    if (line === `${frame}---`) inYaml = true;
    const point = inYaml ? null : pointLine.exec(line);
    if (!point) {
      if (!inYaml && subtestLine.test(line)) failure = undefined;
      else if (failure) failure.lines.push(line);
      else if (!inYaml && line.startsWith('#')) comments.push(line);
      if (inYaml && line === `${frame}...`) {
        inYaml = false;
        failure = undefined;
      }
      const plan = planLine.exec(line);
      if (plan) result.missing += Number(plan[1]);
      continue;
    }

    const [, blanks, notOk, description] = point;
    const indent = blanks.length;
    const below = levels.splice(indent + 1).filter(Boolean);
    const leaf = below.length === 0;
    const level = (levels[indent] ??= { failed: false });
    const skip = skipMark.exec(description);
    if (indent === 0) result.missing -= 1;
    if (notOk && !skip) level.failed = true;
    failure = undefined;
    frame = `${blanks}  `;

    if (skip) {
      if (leaf && !isLeftOut(skip[2]))
        result.skipped.push({ name: plain(skip[1] || skip[2]), reason: plain(skip[2]) });
    } else if (!notOk) {
      if (leaf) result.passed.push(plain(description));
    } else if (leaf || !below.some((inner) => inner.failed)) {
      failure = { name: plain(description), lines: comments };
      result.failed.push(failure);
    }
    comments = [];
  }
  result.missing = Math.max(0, result.missing);
  for (const failed of result.failed) failed.lines = tidy(failed.lines);
  return result;
}

function plain(description) {
  return description.replace(/\\([\\#])/g, '$1');
}

// What was said of a case, without the frame around it.
function tidy(lines) {
  return lines
    .map((line) => line.replace(/^#? {0,2}/, '').trimEnd())
    .filter((line) => line.trim() && !frameLine.test(line));
}
