// SPDX-License-Identifier: MIT
// What the README tells a newcomer to paste works as it stands there: from nothing to a record in
// Convex.

import { testCommandsOf } from './commands.mjs';

testCommandsOf('README.md');
