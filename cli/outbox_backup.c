/* SPDX-License-Identifier: MIT */
/* backup: a copy of the outbox, beside a running relay. Who stops it finds nothing of it left. */
#include <inttypes.h>
#include <signal.h>

#include "cli/exit_code.h"
#include "cli/outbox_request.h"

enum {
    BACKUP_STOPPED = 100, /* beyond the outcomes of store.h */
    BACKUP_MB = 1024 * 1024,
};

static const int backup_signals[] = {SIGINT, SIGTERM, SIGHUP};

static volatile sig_atomic_t backup_stop;

static void backup_signal(int number)
{
    (void)number;
    backup_stop = 1;
}

static int backup_progress(void *ctx, int64_t done_bytes, int64_t total_bytes)
{
    outbox_console_progress(ctx, "%" PRId64 " of %" PRId64 " MB", done_bytes / BACKUP_MB,
                            total_bytes / BACKUP_MB);
    return backup_stop ? BACKUP_STOPPED : 0;
}

/* Signals end it orderly while it runs, and are what they were afterwards. */
static int backup_run(struct outbox_console *console, struct store *store,
                      const struct store_backup *wanted)
{
    struct sigaction before[array_len(backup_signals)];
    struct sigaction action = {.sa_handler = backup_signal};

    backup_stop = 0;
    for (size_t i = 0; i < array_len(backup_signals); i++)
        (void)sigaction(backup_signals[i], &action, &before[i]);
    outbox_console_progress_begin(console);
    int r = store->ops->backup(store, wanted);
    outbox_console_progress_end(console);
    for (size_t i = 0; i < array_len(backup_signals); i++)
        (void)sigaction(backup_signals[i], &before[i], NULL);
    return r;
}

int outbox_backup(struct outbox_console *console, struct store *store,
                  const struct outbox_request *request)
{
    cleanup(buf_done) struct buf text = BUF_NULL;
    struct store_backup wanted = {request->file, backup_progress, console, &text};
    int r = backup_run(console, store, &wanted);

    if (r == STORE_REFUSED && text.len > 0) {
        outbox_console_complain(console, "%s", buf_string(&text));
        return EXIT_FAILED;
    }
    if (r == BACKUP_STOPPED) {
        outbox_console_complain(console, "%s: stopped, and not made", request->file);
        return EXIT_FAILED;
    }
    if (!r)
        r = buf_printf(&text, "%s: complete\n", request->file);
    if (r)
        return outbox_console_failed(console, r);
    outbox_console_write(console, buf_span(&text));
    return EXIT_FINE;
}
