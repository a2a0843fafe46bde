// SPDX-License-Identifier: MIT
// What the kernel knows of a process: CPU time, memory, and on which CPUs it may run.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';

const TICKS_PER_SECOND = 100; // USER_HZ, which is part of Linux's interface

// The first CPU is for the server under test alone, the others for everything else.
const CPUS = os.cpus().length;
const SERVER_CPU = '0';
const OTHER_CPUS = CPUS > 1 ? `1-${CPUS - 1}` : '0';
export const ALL_CPUS = `0-${CPUS - 1}`;

const pin = (pid, cpus) =>
  execFileSync('taskset', ['-a', '-c', '-p', cpus, String(pid)], { stdio: 'ignore' });

// A process, and all that it starts from now on, stays on the CPUs of the load.
export const pinLoad = (pid) => pin(pid, OTHER_CPUS);

// A process, and all that it has started.
function family(pid) {
  const children = readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
    .filter(Boolean);
  return [pid, ...children.flatMap((child) => family(Number(child)))];
}

// Nanoseconds on a CPU, of all threads. /proc/PID/stat has hundredths of a second only.
function ranNs(pid) {
  return readdirSync(`/proc/${pid}/task`)
    .map((task) =>
      Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
    )
    .reduce((sum, ns) => sum + ns, 0);
}

// Of /proc/PID/stat the fields from the third one on. The command's name may hold blanks and
// parentheses.
const statOf = (pid) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');

const seconds = (ticks) => Number(ticks) / TICKS_PER_SECOND;

// [user, system] in seconds.
const userAndSystem = (pid) => statOf(pid).slice(11, 13).map(seconds);

// The same of all children that have ended.
const endedChildren = (pid) => statOf(pid).slice(13, 15).map(seconds);

// Seconds on a CPU since the start, of a process and of its children, of which some come and go.
export const ranByFamily = (pid) =>
  sum(endedChildren(pid)) +
  sum(
    family(pid).map((each) => {
      try {
        return ranNs(each) / 1e9;
      } catch {
        return 0; // has just ended
      }
    }),
  );

const memoryMiB = (pid, field) => {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  );
  return Number(found[1]) / 1024;
};

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

// The server under test, with all present workers, moves to a CPU of its own.
export function watchServer(pid) {
  const pids = family(pid);
  pids.forEach((each) => pin(each, SERVER_CPU));
  return {
    // {cpuS, userS, systemS} since its start.
    cpu() {
      const split = pids.map(userAndSystem);
      return {
        cpuS: sum(pids.map(ranNs)) / 1e9,
        userS: sum(split.map(([user]) => user)),
        systemS: sum(split.map(([, system]) => system)),
      };
    },
    // The most memory that was ever resident. What nginx's processes share counts for each.
    peakMiB: () => sum(pids.map((each) => memoryMiB(each, 'VmHWM'))),
    residentMiB: () => sum(pids.map((each) => memoryMiB(each, 'VmRSS'))),
    descriptors: () => sum(pids.map((each) => readdirSync(`/proc/${each}/fd`).length)),
  };
}
