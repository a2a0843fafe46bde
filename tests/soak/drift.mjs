// SPDX-License-Identifier: MIT
// What a process holds, and whether that grows.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

// What a process holds: {rss, peak} in KiB, and two numbers of descriptors, {fds, toConvex}.
// Connections to Convex do not count among fds: they come and go, and have a separate limit.
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
    return null; // the descriptor was closed meanwhile
  }
}

const GROWTH = 1.1; // the last quarter may hold so many times what the first one held
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

// Judges what a process held each time that it was at rest. Returns {first, last, violations}: the
// medians of {rss, fds} over the first and the last quarter of the rests, and what is wrong.
//   slackKib      how much memory may grow beyond a tenth, since pages are partly in use; Infinity:
//                 memory is not judged, since a sanitizer keeps what was freed
//   toConvexMost  how many connections to Convex may be open
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
