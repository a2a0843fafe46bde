// SPDX-License-Identifier: MIT
// Every command of every page works as it stands there: each block of shell is run on a machine of
// the test (house.mjs), and what the page promises of it is looked at. A block that no run takes
// fails, and so does a run without its block.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeHouse } from './house.mjs';
import { blocksOf, PAGES } from './pages.mjs';
import { runs } from './runs.mjs';

for (const page of PAGES) {
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
      // Runs the next block, or what change() makes of its text, and gives what was written.
      const next = (options = {}) => {
        const block = left.shift();
        assert.ok(block, `${page} has no more commands under "${heading}"`);
        return house.run(options.change?.(block.text) ?? block.text, options);
      };
      // The text of the next block, for who runs it otherwise.
      next.text = () => left.shift().text;
      await run(house, next, t);
      assert.deepEqual(
        left.map(({ number }) => `${page}, line ${number}`),
        [],
        'nobody has run these',
      );
    });
  }
}
