// SPDX-License-Identifier: MIT
// A PostgreSQL for measurements, set as a usual server is: fsync is on, and its memory is that of a
// small machine. It may run on all CPUs, beside the relay and beside the load.

import { startPostgres } from '../lib/postgres.mjs';
import { ALL_CPUS, ranByFamily } from './processes.mjs';

const SETTINGS = {
  shared_buffers: '256MB',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  autovacuum: 'on',
};

let schemas = 0;

// {env(): the settings of a relay with a schema of its own, cpuS(), sql(), stop(), start(), uri()}.
export async function startDatabase(scope) {
  const cluster = await startPostgres(scope, {
    settings: SETTINGS,
    wrap: () => ['taskset', '-c', ALL_CPUS],
  });
  return {
    ...cluster,
    cpuS: () => ranByFamily(cluster.pid()),
    env: () => ({ OUTBOX: cluster.uri(), OUTBOX_SCHEMA: `bench_${++schemas}` }),
  };
}
