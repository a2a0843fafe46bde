// SPDX-License-Identifier: MIT
// The commands of a page work as they stand. A run (runs.mjs) takes the blocks of shell below a
// heading, runs them on a machine of the test (house.mjs), and checks what the page promises. A
// block that no run takes is a failure, and so is a run that finds no block.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeHouse } from './house.mjs';
import { blocksOf } from './pages.mjs';
import { runs } from './runs.mjs';

// Defines a test for each heading of the page that has commands.
export function testCommandsOf(page) {
  const blocks = blocksOf(page).filter(({ language }) => language === 'sh');
  const headings = new Set([
    ...blocks.map(({ heading }) => heading),
    ...Object.keys(runs[page] ?? {}),
  ]);
  for (const heading of headings) {
    test(`${page}: ${heading}`, async (t) => {
      const run = runs[page]?.[heading];
      const left = blocks.filter((block) => block.heading === heading);
      assert.ok(
        run,
        `tests/docs/runs.mjs does not say how to run ${page}, line ${left[0]?.number}`,
      );
      const house = await makeHouse(t);
      const take = () =>
        left.shift() ?? assert.fail(`${page} has no more commands under "${heading}"`);
      // Runs the next block, and gives what was written.
      const next = async (options) => {
        const { number, text } = take();
        return house.run(text, options).catch((error) => {
          throw new Error(`${page}, line ${number}: ${error.message}`);
        });
      };
      // The text of the next block, for a run that changes the text first.
      next.text = () => take().text;
      await run(house, next);
      assert.deepEqual(
        left.map(({ number }) => `${page}, line ${number}`),
        [],
        'nobody has run these',
      );
    });
  }
}
