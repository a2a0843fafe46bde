/* SPDX-License-Identifier: MIT */
/*
 * `convex-relay outbox` in a world of its own: a store in memory, two streams that are read back, a
 * clock that stands still.
 */
#pragma once

#include <errno.h>

#include "cli/exit_code.h"
#include "cli/outbox_command.h"
#include "tests/unit/lib/memory_store.h"
#include "tests/unit/lib/rows.h"

enum { WORLD_WORDS_MAX = 8 };

#define WORLD_NOW_MS INT64_C(1795366390123) /* 2026-11-22T16:53:10.123Z */

struct world {
    struct memory_store store;
    const char *outbox; /* the setting */
    int open_result;
    const char *open_why;
    const char *opened; /* the path that was opened */
    int64_t mono_ms, mono_step_ms;
    struct outbox_console console;
    char *out, *err; /* what was written */
    size_t out_len, err_len;
};

extern struct world world;

int world_setup(void **state);
int world_teardown(void **state);
#define console_test(test)                                                                         \
    ((struct CMUnitTest)cmocka_unit_test_setup_teardown(test, world_setup, world_teardown))

/* Forgets what was written. */
void world_forget(void);
/* Runs a command, whose words blanks keep apart. Returns the exit code; what the command has
 * written is in world. */
int world_run(const char *line);
/* Runs a command that must end with this exit code, and write these texts. */
void world_expect(const char *line, int exit_code, const char *out, const char *err);
