// SPDX-License-Identifier: MIT
// The compiler and the linker have done what they can against an error that everybody missed. The
// checks look at the binary and not at meson.build, where a flag may be one that the compiler does
// not know or that another flag undoes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { makeFolder } from '../lib/files.mjs';
import { RELAY_BIN } from '../lib/relay.mjs';

const readelf = (binary, ...options) =>
  execFileSync('readelf', ['-W', ...options, binary], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });

// {header, segments, dynamic, imports: Set of names, producers: [command lines of the compiler]}
function look(binary) {
  const symbols = readelf(binary, '--dyn-syms');
  return {
    header: readelf(binary, '--file-header'),
    segments: readelf(binary, '--segments'),
    dynamic: readelf(binary, '--dynamic'),
    imports: new Set([...symbols.matchAll(/ UND (\w+)/g)].map(([, name]) => name)),
    producers: [
      ...readelf(binary, '--debug-dump=info').matchAll(/DW_AT_producer.*: (GNU C\d.*)/g),
    ].map(([, line]) => line),
  };
}

// Also snprintf, but there the compiler leaves the unchecked call where it sees that the text fits.
const FORTIFIED = ['vsnprintf', 'fprintf', 'printf'];
const CHECKS = {
  'its address is chosen anew by each start (PIE)': ({ header, dynamic }) =>
    /Type: +DYN/.test(header) && /FLAGS_1.*\bPIE\b/.test(dynamic),
  'what the dynamic linker has filled in is read-only (full RELRO)': ({ segments, dynamic }) =>
    /^ +GNU_RELRO /m.test(segments) && /\(FLAGS\).*\bBIND_NOW\b/.test(dynamic),
  'its stack is not executable': ({ segments }) => /^ +GNU_STACK .* RW +0x/m.test(segments),
  'nothing is both writable and executable': ({ segments }) =>
    /^ +LOAD .* R E /m.test(segments) && !/^ +\w+ .* RWE /m.test(segments),
  'no code is changed to load it': ({ dynamic }) => !/TEXTREL/.test(dynamic),
  'libraries come from the system alone (no RPATH)': ({ dynamic }) =>
    !/\((RPATH|RUNPATH)\)/.test(dynamic),
  'its stack has canaries': ({ imports }) => imports.has('__stack_chk_fail'),
  'the C library checks sizes (FORTIFY)': ({ imports }) =>
    imports.has('__snprintf_chk') && !FORTIFIED.some((name) => imports.has(name)),
};

const relay = look(RELAY_BIN);
for (const [name, holds] of Object.entries(CHECKS)) {
  test(name, () => assert.ok(holds(relay)));
}

// Both leave no sure mark on the whole binary: a frame that is large enough is rare, and the mark
// of control flow vanishes when one object of the C library lacks it, as Debian 12's do. So the
// checks read the flags that gcc has recorded.
const FROM_GCC = {
  'a large frame cannot jump over the guard page': /-fstack-clash-protection/,
  'jumps and returns go where they may':
    process.arch === 'arm64' ? /-mbranch-protection=standard/ : /-fcf-protection/,
};
for (const [name, flag] of Object.entries(FROM_GCC)) {
  test(
    name,
    {
      skip:
        relay.producers.length === 0 && 'it was not built by gcc, which alone records its flags',
    },
    () => {
      assert.deepEqual(
        relay.producers.filter((line) => !flag.test(line)),
        [],
      );
    },
  );
}

test('the checks see what is wrong with a binary', (t) => {
  const folder = makeFolder(t, {
    'weak.c': `#include <stdio.h>
static void write_to(void (*to)(char *, const char *)) { char text[64]; to(text, "x"); puts(text); }
static void twice(char *text, const char *from) { snprintf(text, 64, "%s%s", from, from); }
void (*volatile chosen)(char *, const char *) = twice;
int main(void) { write_to(chosen); return printf("%d\\n", 1) < 0; }
`,
  });
  const weak = folder.path('weak');
  execFileSync(
    'cc',
    [
      '-O2',
      '-g',
      '-no-pie',
      '-fno-pie',
      '-fno-stack-protector',
      '-U_FORTIFY_SOURCE',
      '-D_FORTIFY_SOURCE=0',
      '-Wl,-z,norelro',
      '-Wl,-z,lazy',
      '-Wl,-z,execstack',
      `-Wl,-rpath,${path.dirname(weak)}`,
      '-o',
      weak,
      folder.path('weak.c'),
    ],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  );
  const seen = look(weak);
  const passed = Object.entries(CHECKS)
    .filter(([, holds]) => holds(seen))
    .map(([name]) => name);
  assert.deepEqual(passed, ['no code is changed to load it']); // only a library could be like that
});
