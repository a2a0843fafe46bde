/* SPDX-License-Identifier: MIT */
/* Transactions of the SQLite file. */
#include "outbox/sqlite_transact.h"

#include "outbox/sqlite_tally.h"
#include "outbox/sqlite_wal.h"

/*
 * No start would find changes of a file that was removed, moved away or emptied. If only the WAL
 * has lost its name, then only this connection still has the WAL, and folds the WAL into the file.
 */
int sqlite_transact_find(struct sqlite_core *self)
{
    enum sqlite_hold_place moved = sqlite_hold_moved(&self->hold);

    if (moved == HOLD_PLACES)
        return 0;
    if (moved == HOLD_WAL)
        sqlite_wal_fold(self);
    return sqlite_core_outcome(self, SQLITE_READONLY_DBMOVED);
}

void sqlite_transact_rollback(struct store *store)
{
    struct sqlite_core *self = sqlite_core_of(store);

    sqlite_tally_forget(self);
    self->spoilt = 0;
    if (!sqlite3_get_autocommit(self->db)) /* SQLite has not rolled back by itself */
        (void)sqlite_core_run(self, STMT_ROLLBACK, NULL, 0);
    if (self->fold)
        sqlite_wal_fold(self);
}

int sqlite_transact_begin(struct store *store)
{
    struct sqlite_core *self = sqlite_core_of(store);

    sqlite_tally_forget(self);
    self->spoilt = 0;
    self->room_known = false;
    if (!sqlite3_get_autocommit(self->db)) /* the last rollback failed, for lack of memory */
        (void)sqlite_core_run(self, STMT_ROLLBACK, NULL, 0);
    int r = sqlite_transact_find(self);
    if (!r)
        r = sqlite_core_outcome(self, sqlite_core_run(self, STMT_BEGIN, NULL, 0));
    if (r)
        return r;
    if (self->tallies.len == 0 || self->named || !sqlite_core_serves(self))
        r = sqlite_tally_load(self);
    if (r)
        sqlite_transact_rollback(store);
    else
        self->named = false;
    return r;
}

int sqlite_transact_commit(struct store *store)
{
    struct sqlite_core *self = sqlite_core_of(store);
    int r = sqlite_core_admit(self);

    if (!r)
        r = sqlite_tally_flush(self);
    if (!r)
        r = sqlite_core_outcome(self, sqlite_core_run(self, STMT_COMMIT, NULL, 0));
    if (r)
        sqlite_transact_rollback(store);
    else
        sqlite_core_note_well(self);
    self->named = self->named && r;
    if (self->fold)
        sqlite_wal_fold(self);
    return r;
}
