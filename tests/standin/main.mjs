// SPDX-License-Identifier: MIT
// A local stand-in for Convex: its HTTP API, with the functions of a folder run by convex-test.
// The process is its own, since convex-test replaces globals.

import { watch } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openEngine } from './engine.mjs';
import { createStandin } from './server.mjs';

const USAGE = `Usage: node tests/standin/main.mjs [OPTION...]

  --port N          listen on 127.0.0.1:N (default 0: any free port)
  --deploy-key KEY  callers that send "Authorization: Convex KEY" may call internal functions
  --concurrency N   so many mutations at once, and so many queries (default 16, as on Convex's
                    smaller plans)
  --limits JSON     of one transaction, instead of Convex's, e.g. '{"documentsWritten":10}'; also
                    documentsRead, bytesRead, bytesWritten, databaseQueries
  --functions DIR   a folder of Convex functions (default: users and posts as in the guide)
  --watch           take the functions anew when a file of theirs changes; the records stay
  --quiet           do not show the records as they change
  --help            show this
`;

function readOptions() {
  const text = { type: 'string' };
  const flag = { type: 'boolean', default: false };
  try {
    return parseArgs({
      options: {
        port: { ...text, default: '0' },
        'deploy-key': text,
        concurrency: { ...text, default: '16' },
        limits: { ...text, default: '{}' },
        functions: { ...text, default: fileURLToPath(new URL('convex', import.meta.url)) },
        watch: flag,
        quiet: flag,
        help: flag,
      },
    }).values;
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    return process.exit(2);
  }
}

function show(path, { changes, error }) {
  if (error) {
    const [reason] = error.message.split('\n');
    process.stdout.write(`${path}  failed  ${reason}\n`);
    return;
  }
  for (const { table, change, record } of changes) {
    const { _id, _creationTime, ...fields } = record;
    process.stdout.write(`${table}  ${change}  ${JSON.stringify(fields)}\n`);
  }
}

function reload(engine) {
  try {
    engine.reload();
    process.stdout.write('functions taken anew\n');
  } catch (error) {
    process.stdout.write(`functions kept as they were: ${error.message}\n`);
  }
}

const options = readOptions();
if (options.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const engine = openEngine(options.functions, JSON.parse(options.limits));
const server = createStandin({
  engine,
  deployKey: options['deploy-key'],
  concurrency: Number(options.concurrency),
  onEnd: options.quiet ? undefined : show,
});
server.on('error', (error) => {
  process.stderr.write(`convex stand-in: ${error.message}\n`);
  process.exit(1);
});
server.listen(Number(options.port), '127.0.0.1', () => {
  process.stdout.write(`convex stand-in listening on http://127.0.0.1:${server.address().port}\n`);
});
if (options.watch) watch(options.functions, () => reload(engine));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
