/* SPDX-License-Identifier: MIT */
/* A selection of dead letters. */
#include "cli/outbox_selection.h"

bool outbox_selection_holds(const struct outbox_selection *selection, const struct store_row *row)
{
    struct span model = selection->model, reason = selection->reason;

    if (model.at && !(row->model.at && span_eq(row->model, model)))
        return false;
    if (reason.at &&
        !(row->reason.at && memmem(row->reason.at, row->reason.len, reason.at, reason.len)))
        return false;
    return row->died_ms < selection->before_ms;
}
