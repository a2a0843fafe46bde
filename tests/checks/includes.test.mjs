// SPDX-License-Identifier: MIT
// The arrows between the rooms point one way, and each outside library stays in its own:
//   base <- { auth, convex, outbox } <- handlers <- relay <- server, and outbox <- cli <- server
// Within a room no file stands on itself: a .c and its .h are one, an arrow is an include, and
// since a header declares what its own .c defines, there is no other way to a function.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { declaredIn, definedIn } from './declarations.mjs';

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
  { header: /^libpq/, rooms: ['outbox'] },
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

// A cycle among what includes what, as its path, or undefined.
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

// One node of a .c and its .h.
const nodeOf = (file) => file.replace(/\.[ch]$/, '');

// The includes between the nodes of a room.
const arrowsWithin = (room, includes) =>
  includes
    .filter(({ from, to }) => [from, to].every((file) => file.startsWith(`${room}/`)))
    .map(({ from, to }) => ({ from: nodeOf(from), to: nodeOf(to) }))
    .filter(({ from, to }) => from !== to);

// Which names are declared where they are not defined. texts: a Map from file to text.
function findStrays(texts) {
  const homes = new Map();
  for (const [file, text] of texts) for (const name of definedIn(text)) homes.set(name, file);
  return [...texts].flatMap(([file, text]) =>
    declaredIn(text)
      .filter((name) => nodeOf(homes.get(name) ?? '') !== nodeOf(file) || !file.endsWith('.h'))
      .map(
        (name) =>
          `${file}: ${name} is declared here, and defined in ${homes.get(name) ?? 'no file of the room'}`,
      ),
  );
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
const texts = new Map([...files].map((file) => [file, readFileSync(top + file, 'utf8')]));
const includes = [...texts].flatMap(([file, text]) => includesOf(file, text));
const textsOf = (room) => new Map([...texts].filter(([file]) => file.startsWith(`${room}/`)));

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

for (const room of Object.keys(sees)) {
  test(`no file of ${room} stands on itself over others`, () => {
    assert.equal(findCycle(arrowsWithin(room, includes)), undefined);
  });

  test(`each header of ${room} declares what its own .c defines`, () => {
    assert.deepEqual(findStrays(textsOf(room)), []);
  });
}

test('functions and variables are found', () => {
  assert.ok([...texts.values()].flatMap(declaredIn).length > 400);
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
  ['relay/a.c', '#include <libpq-fe.h>'],
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

test('the check sees files that stand on each other by their .c alone', () => {
  const includes = [
    { from: 'base/a.c', to: 'base/a.h' },
    { from: 'base/a.c', to: 'base/b.h' },
    { from: 'base/b.c', to: 'base/b.h' },
    { from: 'base/b.c', to: 'base/c.h' },
    { from: 'base/c.h', to: 'base/a.h' },
    { from: 'base/c.h', to: 'auth/a.h' },
  ];
  assert.equal(findCycle(includes), undefined);
  assert.deepEqual(findCycle(arrowsWithin('base', includes)), [
    'base/a',
    'base/b',
    'base/c',
    'base/a',
  ]);
});

const own = 'int a_go(void)\n{\n    return 0;\n}\n';
const strays = [
  ['its own', { 'base/a.h': 'int a_go(void);', 'base/a.c': own }, []],
  [
    "another's function",
    { 'base/a.h': '', 'base/a.c': own, 'base/b.h': 'int a_go(void);' },
    ['base/b.h'],
  ],
  [
    "another's function that returns a struct",
    {
      'base/a.c': 'struct a *a_new(int (*fn)(void *ctx),\n    int n)\n{\n}',
      'base/b.h': 'struct a *\na_new(int (*fn)(void *ctx), int n);',
    },
    ['base/b.h'],
  ],
  [
    "another's variable",
    {
      'base/a.c': 'const struct a a_kinds[] = {{1, "x"}};',
      'base/b.h': 'extern const struct a a_kinds[2];',
    },
    ['base/b.h'],
  ],
  [
    "another's function with an attribute",
    {
      'base/a.c': 'printf_like(1, 2) void a_say(const char *format, ...)\n{\n}',
      'base/b.h': 'void a_say(const char *format, ...) printf_like(1, 2);',
    },
    ['base/b.h'],
  ],
  ['what nobody defines', { 'base/a.h': 'void a_gone(void);' }, ['base/a.h']],
  [
    'what a .c fetches for itself',
    { 'base/a.h': 'int a_go(void);', 'base/a.c': own, 'base/b.c': 'int a_go(void);' },
    ['base/b.c'],
  ],
  [
    'what is static, inline, a type, a comment or a macro',
    {
      'base/a.h': `/* int a_was(void); */
#define A(n) \\
    a_n(n);
typedef int (*a_fn)(int n);
struct a {
    int (*fn)(void *ctx);
    enum { A_ONE = 1, A_TWO = f(2) } kind;
};
CLEANUP_POINTER(struct a, a_free);
static inline int a_two(void)
{
    return a_go();
}
`,
      'base/a.c':
        'static int a_help(void);\nstatic int a_help(void)\n{\n    const char *s = "}";\n    return a_go(s);\n}\n',
    },
    [],
  ],
];
for (const [name, sources, faulty] of strays) {
  test(`the check of declarations: ${name}`, () => {
    assert.deepEqual(
      findStrays(new Map(Object.entries(sources))).map((stray) => stray.split(':')[0]),
      faulty,
    );
  });
}
