/* SPDX-License-Identifier: MIT */
/* The console of `convex-relay outbox`: streams, clock, environment and store behind seams, so that
 * tests need neither a terminal nor a disk. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"
#include "outbox/store.h"

struct outbox_console {
    FILE *out, *err;
    bool out_is_terminal, err_is_terminal;
    struct clock *clock;
    char *(*lookup)(const char *name); /* getenv in the program */
    int (*open)(const struct store_options *options, struct store **store);
    int out_error;       /* of the first write to out that failed, an errno; 0: none failed */
    int64_t progress_ms; /* monotonic; when the progress began, or was last shown */
};

/* Writes to out. After a write has failed, as when `| head` has seen enough, nothing more is
 * written. */
void outbox_console_write(struct outbox_console *console, struct span text);

/* Writes one line to err, behind the program's name. */
void outbox_console_complain(struct outbox_console *console, const char *format, ...)
    printf_like(2, 3);

/* Show how far a long command is, on one line of the terminal that each call writes anew. Nothing
 * is shown in the first moments, or without a terminal. The end removes the line. */
void outbox_console_progress_begin(struct outbox_console *console);
void outbox_console_progress(struct outbox_console *console, const char *format, ...)
    printf_like(2, 3);
void outbox_console_progress_end(struct outbox_console *console);

/* Complains about the error r of a store's operation. Returns EXIT_FAILED. */
int outbox_console_failed(struct outbox_console *console, int r);

/* To be called at the end. Returns exit_code, or EXIT_FAILED if the output could not be written. A
 * reader that went away is no failure. */
int outbox_console_finish(struct outbox_console *console, int exit_code);
