// SPDX-License-Identifier: MIT
// Every scenario, in the order in which ./dev bench runs them. Each has
//   title                    what it is about, in one line
//   defaults                 {rounds, seconds}
//   run(scope, settings)     measures; its results go into the JSON as they are
//   show(results)            the results as a table

import * as atOnce from './at-once.mjs';

export const SCENARIOS = {
  'at-once': atOnce,
};
