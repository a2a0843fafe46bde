/* SPDX-License-Identifier: MIT */
/* `outbox adopt`: a copied database becomes an outbox of its own. */
#include "cli/outbox_adopt.h"

#include <inttypes.h>

#include "cli/exit_code.h"

int outbox_adopt(struct outbox_console *console, struct store *store,
                 const struct outbox_request *request)
{
    cleanup(buf_done) struct buf text = BUF_NULL;
    uint64_t buried = 0;

    (void)request;
    if (!store->ops->adopt) {
        outbox_console_complain(console, "OUTBOX: only a copied database is adopted; a file that "
                                         "`outbox backup` has made knows that it is a copy");
        return EXIT_FAILED;
    }
    int r = store->ops->adopt(store, &buried);
    if (!r)
        r = buf_printf(&text, "adopted: %" PRIu64 " pending event%s now\n", buried,
                       buried == 1 ? " is a dead letter" : "s are dead letters");
    if (r)
        return outbox_console_failed(console, r);
    outbox_console_write(console, buf_span(&text));
    return EXIT_FINE;
}
