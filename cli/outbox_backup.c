/* SPDX-License-Identifier: MIT */
/* `outbox backup`: a copy of the outbox. */
#include "cli/outbox_backup.h"

#include <inttypes.h>

#include "cli/exit_code.h"
#include "cli/outbox_stop.h"

enum {
    BACKUP_STOPPED = 100, /* must differ from the outcomes in store.h */
    BACKUP_MB = 1024 * 1024,
};

static int backup_progress(void *ctx, int64_t done_bytes, int64_t total_bytes)
{
    outbox_console_progress(ctx, "%" PRId64 " of %" PRId64 " MB", done_bytes / BACKUP_MB,
                            total_bytes / BACKUP_MB);
    return outbox_stop_wanted() ? BACKUP_STOPPED : 0;
}

static int backup_run(struct outbox_console *console, struct store *store,
                      const struct store_backup *wanted)
{
    outbox_stop_begin();
    outbox_console_progress_begin(console);
    int r = store->ops->backup(store, wanted);
    outbox_console_progress_end(console);
    outbox_stop_end();
    return r;
}

int outbox_backup(struct outbox_console *console, struct store *store,
                  const struct outbox_request *request)
{
    cleanup(buf_done) struct buf text = BUF_NULL;
    struct store_backup wanted = {request->file, backup_progress, console, &text};

    if (store->journal) {
        outbox_console_complain(console, "OUTBOX: a database is copied by its own means, such as "
                                         "pg_dump; docs/postgresql.md says how");
        return EXIT_FAILED;
    }
    int r = backup_run(console, store, &wanted);

    if (r == STORE_REFUSED && text.len > 0) {
        outbox_console_complain(console, "%s", buf_string(&text));
        return EXIT_FAILED;
    }
    if (r == BACKUP_STOPPED) {
        outbox_console_complain(console, "%s: stopped; no backup was made", request->file);
        return EXIT_FAILED;
    }
    if (!r)
        r = buf_printf(&text, "%s: complete\n", request->file);
    if (r)
        return outbox_console_failed(console, r);
    outbox_console_write(console, buf_span(&text));
    return EXIT_FINE;
}
