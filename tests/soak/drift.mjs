// SPDX-License-Identifier: MIT
// What a process holds, and whether that grows.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

// {rss, peak} in KiB, {fds}, and of how many connections to Convex: these come and go, and are
// bounded by themselves.
export function holdings(pid, convexPort) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)[1]);
  return { rss: kib('VmRSS'), peak: kib('VmHWM'), ...descriptors(pid, convexPort) };
}

function descriptors(pid, convexPort) {
  const far = `:${convexPort.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const toConvex = new Set(
    rows.filter(([, , peer]) => peer?.endsWith(far)).map((row) => `socket:[${row[9]}]`),
  );
  const all = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  const toConvexNow = all.filter((link) => toConvex.has(link)).length;
  return { fds: all.length - toConvexNow, toConvex: toConvexNow };
}

function linkOf(file) {
  try {
    return readlinkSync(file);
  } catch {
    return null; // closed meanwhile
  }
}

const GROWTH = 1.1;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

// Looks at what a process held each time that it had nothing to do. Gives {first, last}, each {rss,
// fds} of a quarter of the time, and what is wrong with them. slackKib: what memory may grow by
// besides a tenth, in pages that are partly in use. Infinity: a sanitizer keeps what was freed, and
// memory says nothing. toConvexMost: as many connections to Convex may be kept.
export function drift(rests, slackKib, toConvexMost) {
  const quarter = Math.max(1, Math.floor(rests.length / 4));
  const held = (some) => ({
    rss: median(some.map(({ rss }) => rss)),
    fds: median(some.map(({ fds }) => fds)),
  });
  const [first, last] = [held(rests.slice(0, quarter)), held(rests.slice(-quarter))];
  const violations = [];
  const toConvex = Math.max(...rests.map((rest) => rest.toConvex));
  if (toConvex > toConvexMost) {
    violations.push({
      kind: 'connections',
      text: `${toConvex} connections to Convex were kept, and not ${toConvexMost}`,
    });
  }
  if (last.fds > first.fds) {
    violations.push({
      kind: 'descriptors',
      text: `${first.fds} were open at rest, then ${last.fds}`,
    });
  }
  if (last.rss > first.rss * GROWTH + slackKib) {
    violations.push({
      kind: 'memory',
      text: `${first.rss} KiB were held at rest, then ${last.rss}`,
    });
  }
  return { first, last, violations };
}
