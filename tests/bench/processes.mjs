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

// [user, system] in seconds. The command's name may hold blanks and parentheses.
function userAndSystem(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return [fields[11], fields[12]].map((ticks) => Number(ticks) / TICKS_PER_SECOND);
}

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
