// SPDX-License-Identifier: MIT
// In the place of blade/schema.
export const triggers = (list) => list;
