// SPDX-License-Identifier: MIT
// The arrows between the rooms point one way, and each outside library stays in its own:
//   base <- { auth, convex, outbox } <- handlers <- relay <- server, and outbox <- cli <- server
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../../', import.meta.url));

// Which rooms' headers a room may include, besides its own.
const sees = {
  base: [],
  auth: ['base'],
  convex: ['base'],
  outbox: ['base'],
  handlers: ['base', 'auth'],
  relay: ['base', 'auth', 'convex', 'outbox', 'handlers'],
  cli: ['base', 'outbox'],
  server: ['base', 'auth', 'convex', 'outbox', 'handlers', 'relay', 'cli'],
};

const libraries = [
  { header: /^microhttpd/, rooms: ['server'] },
  { header: /^curl\//, rooms: ['convex'] },
  { header: /^cjson\/|^cJSON/, rooms: ['handlers'] },
  { header: /^openssl\//, rooms: ['auth'] },
  { header: /^sqlite3/, rooms: ['outbox'] },
];

const generated = ['relay_version.h'];

// [{ from, to, quoted }] of one file.
function includesOf(path, text) {
  return [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)].map((match) => ({
    from: path,
    to: match[2],
    quoted: match[1] === '"',
  }));
}

// What is wrong with an include, or undefined.
function complaint({ from, to, quoted }, files) {
  const room = from.split('/')[0];
  if (!quoted) {
    const library = libraries.find(({ header }) => header.test(to));
    if (library && !library.rooms.includes(room))
      return `${from}: <${to}> belongs to ${library.rooms.join(' and ')}`;
    if (files.has(to)) return `${from}: <${to}> is ours, and wants quotes`;
    return undefined;
  }
  if (generated.includes(to)) return undefined;
  if (!files.has(to)) return `${from}: "${to}" is no file of ours, as seen from the top`;
  const other = to.split('/')[0];
  if (other !== room && !sees[room].includes(other)) return `${from}: ${room} must not know ${to}`;
  return undefined;
}

// A cycle among the headers, as its path, or undefined.
function findCycle(includes) {
  const next = new Map();
  for (const { from, to } of includes) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set();
  const visit = (file, path) => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const to of next.get(file) ?? []) {
      const cycle = visit(to, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of next.keys()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}

function sourcesIn(directory) {
  return readdirSync(top + directory)
    .filter((name) => /\.[ch]$/.test(name))
    .map((name) => `${directory}/${name}`);
}

const directories = readdirSync(top, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !/^(\.|build|tests$)/.test(entry.name))
  .map((entry) => entry.name);
const files = new Set(directories.flatMap(sourcesIn));
const includes = [...files].flatMap((file) => includesOf(file, readFileSync(top + file, 'utf8')));

test('every folder with C in it is a room', () => {
  assert.deepEqual(
    directories.filter((name) => sourcesIn(name).length > 0 && !sees[name]),
    [],
  );
});

for (const room of directories.filter((name) => sees[name])) {
  test(`${room} includes only what it may`, () => {
    const own = includes.filter(({ from }) => from.startsWith(`${room}/`));
    assert.notEqual(own.length, 0);
    assert.deepEqual(own.map((include) => complaint(include, files)).filter(Boolean), []);
  });
}

test('no header includes itself over others', () => {
  assert.equal(findCycle(includes), undefined);
});

const wrong = [
  ['auth/a.c', '#include "convex/url.h"'],
  ['base/a.c', '#include "server/http.h"'],
  ['handlers/a.c', '  #  include "convex/url.h"'],
  ['server/a.c', '#include <curl/curl.h>'],
  ['server/a.c', '#include <cjson/cJSON.h>'],
  ['convex/a.c', '#include <cjson/cJSON.h>'],
  ['convex/a.c', '#include <openssl/ssl.h>'],
  ['base/a.h', '#include <sqlite3.h>'],
  ['handlers/a.h', '#include <microhttpd.h>'],
  ['convex/a.c', '#include "url.h"'],
  ['convex/a.c', '#include <convex/url.h>'],
];
for (const [path, text] of wrong) {
  test(`the check refuses ${text.trim()} in ${path}`, () => {
    const known = new Set(['convex/url.h', 'server/http.h']);
    const found = includesOf(path, text);
    assert.equal(found.length, 1);
    assert.ok(complaint(found[0], known));
  });
}

test('the check sees a cycle', () => {
  const cycle = findCycle([
    { from: 'a.h', to: 'b.h' },
    { from: 'b.h', to: 'c.h' },
    { from: 'c.h', to: 'b.h' },
  ]);
  assert.deepEqual(cycle, ['b.h', 'c.h', 'b.h']);
});
