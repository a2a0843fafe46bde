/* SPDX-License-Identifier: MIT */
/*
 * Where `convex-relay outbox` runs: what it writes to and what it opens, behind seams, so that
 * tests need neither a terminal nor a disk.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"
#include "outbox/store.h"

struct outbox_console {
    FILE *out, *err;
    bool out_is_terminal, err_is_terminal;
    struct clock *clock;
    char *(*lookup)(const char *name); /* getenv */
    int (*open)(const struct store_options *options, struct store **store);
    int out_error; /* the errno of the first write to out that failed; 0: none */
    int64_t progress_ms;
};

/* Once a write has failed (as when `| head` has seen enough), nothing more is written. */
void outbox_console_write(struct outbox_console *console, struct span text);

/* One line on err, behind the program's name. */
void outbox_console_complain(struct outbox_console *console, const char *format, ...)
    printf_like(2, 3);

/*
 * How far something is, on a terminal: over and over on one line, if it takes long, and not too
 * often. It goes away at the end.
 */
void outbox_console_progress_begin(struct outbox_console *console);
void outbox_console_progress(struct outbox_console *console, const char *format, ...)
    printf_like(2, 3);
void outbox_console_progress_end(struct outbox_console *console);

/* Says what a store's operation has failed with. EXIT_FAILED. */
int outbox_console_failed(struct outbox_console *console, int r);

/*
 * Brings everything out, at the end. The exit code, which is EXIT_FAILED where it could not be
 * written; that the reader went away is no failure.
 */
int outbox_console_finish(struct outbox_console *console, int exit_code);
