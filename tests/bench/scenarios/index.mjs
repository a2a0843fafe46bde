// SPDX-License-Identifier: MIT
// Every scenario, in the order in which ./dev bench runs them. Each has
//   title                  what it is about, in one line
//   defaults               what run() is told where the command line says nothing: rounds, ...
//   run(scope, settings)   measures; what it gives goes into the JSON as it is
//   show(results)          the results as a table

import * as atOnce from './at-once.mjs';
import * as backlog from './backlog.mjs';
import * as batch from './batch.mjs';
import * as large from './large.mjs';
import * as latency from './latency.mjs';
import * as outage from './outage.mjs';
import * as postgresql from './postgresql.mjs';
import * as profile from './profile.mjs';
import * as shapes from './shapes.mjs';
import * as tls from './tls.mjs';
import * as turn from './turn.mjs';
import * as waiting from './waiting.mjs';

export const SCENARIOS = {
  'at-once': atOnce,
  latency,
  waiting,
  outage,
  large,
  backlog,
  batch,
  postgresql,
  tls,
  turn,
  shapes,
  profile,
};
