// SPDX-License-Identifier: MIT
// The commands of all pages but the README, which tutorial.test.mjs has.

import { testCommandsOf } from './commands.mjs';
import { PAGES } from './pages.mjs';

for (const page of PAGES.filter((name) => name !== 'README.md')) testCommandsOf(page);
