/* SPDX-License-Identifier: MIT */
/* The console of `convex-relay outbox`: output, complaints and progress. */
#include "cli/outbox_console.h"

#include <errno.h>
#include <stdarg.h>

#include "base/complain.h"
#include "cli/exit_code.h"

enum { CONSOLE_PROGRESS_MS = 250 };

void outbox_console_write(struct outbox_console *console, struct span text)
{
    if (console->out_error)
        return;
    errno = 0;
    if (fwrite(text.at, 1, text.len, console->out) != text.len || fflush(console->out) != 0)
        console->out_error = errno ? errno : EIO;
}

void outbox_console_complain(struct outbox_console *console, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain_to(console->err, format, args);
    va_end(args);
}

void outbox_console_progress_begin(struct outbox_console *console)
{
    console->progress_ms = clock_mono_ms(console->clock);
}

void outbox_console_progress(struct outbox_console *console, const char *format, ...)
{
    int64_t now_ms = clock_mono_ms(console->clock);
    va_list args;

    if (!console->err_is_terminal || now_ms - console->progress_ms < CONSOLE_PROGRESS_MS)
        return;
    console->progress_ms = now_ms;
    (void)fputc('\r', console->err);
    va_start(args, format);
    (void)vfprintf(console->err, format, args);
    va_end(args);
    (void)fflush(console->err);
}

void outbox_console_progress_end(struct outbox_console *console)
{
    if (console->err_is_terminal)
        (void)fputs("\r\033[K", console->err);
}

static const char *console_cause(int r)
{
    switch (r) {
    case STORE_FULL:
        return "it is full, or its disk is; make room and run this again";
    case STORE_BROKEN:
        return "it cannot be read or written, or another program keeps it locked";
    case STORE_AWAY:
        return "the connection to the database was lost, and what was under way may be done or "
               "not; run this again";
    default:
        return r < 0 ? strerror(-r) : "it refuses this";
    }
}

int outbox_console_failed(struct outbox_console *console, int r)
{
    outbox_console_complain(console, "OUTBOX: %s", console_cause(r));
    return EXIT_FAILED;
}

int outbox_console_finish(struct outbox_console *console, int exit_code)
{
    if (!console->out_error || console->out_error == EPIPE)
        return exit_code;
    outbox_console_complain(console, "cannot write: %s", strerror(console->out_error));
    return EXIT_FAILED;
}
