/* SPDX-License-Identifier: MIT */
/* Rows that have left the store. */
#include "outbox/outbox_row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Copies a span to *at, and moves *at behind the copy. */
static struct span outbox_row_put(char **at, struct span span)
{
    if (!span.at)
        return SPAN_NULL;
    struct span copy = {*at, span.len};
    memcpy(*at, span.at, span.len);
    *at += span.len;
    return copy;
}

static struct outbox_row *outbox_row_plain(const struct store_row *row)
{
    size_t texts_len =
        row->model.len + row->record.len + row->reason.len + row->request.len + row->import.len;
    cleanup(freep) char *body = malloc(row->body.len + 1); /* never NULL for no bytes */
    struct outbox_row *copy = malloc(sizeof(*copy) + texts_len);

    if (!body || !copy) {
        free(copy);
        (void)error_origin(-ENOMEM);
        return NULL;
    }
    char *texts = (char *)(copy + 1);
    *copy = (struct outbox_row){.row = *row};
    copy->row.model = outbox_row_put(&texts, row->model);
    copy->row.record = outbox_row_put(&texts, row->record);
    copy->row.reason = outbox_row_put(&texts, row->reason);
    copy->row.request = outbox_row_put(&texts, row->request);
    copy->row.import = outbox_row_put(&texts, row->import);
    if (row->body.len > 0)
        memcpy(body, row->body.at, row->body.len);
    copy->row.body.at = take(body);
    return copy;
}

struct outbox_row *outbox_row_copy(const struct store_row *row, outbox_prepare_fn prepare)
{
    struct outbox_row *copy = outbox_row_plain(row);

    return copy && prepare && prepare(copy) ? outbox_row_free(copy) : copy;
}

struct outbox_row *outbox_row_free(struct outbox_row *row)
{
    if (row) {
        if (row->prepared)
            row->prepared_free(row->prepared);
        free((char *)row->row.body.at);
        free(row);
    }
    return NULL;
}

void outbox_rows_free(struct outbox_rows *rows)
{
    struct outbox_row *row;

    while ((row = TAILQ_FIRST(rows)) != NULL) {
        TAILQ_REMOVE(rows, row, link);
        outbox_row_free(row);
    }
}
