/* SPDX-License-Identifier: MIT */
/* The statements of the PostgreSQL store. */
#pragma once

/* The columns of what every PG_CHANGE statement returns, a row for each model whose counts have
 * changed: a number of the statement's own, the model's number, and by how much. */
enum pg_column {
    PG_COLUMN_NUMBER,
    PG_COLUMN_MODEL,
    PG_COLUMN_DELIVERED,
    PG_COLUMN_DISCARDED,
    PG_COLUMN_PENDING,
    PG_COLUMN_DEAD,
    PG_COLUMN_BURIED,
    PG_COLUMN_BYTES,
    PG_COLUMNS,
};

enum pg_statement {
    PG_BEGIN,
    PG_COMMIT,
    PG_ROLLBACK,
    PG_FENCE_SENDER,
    PG_FENCE_MEMBER,
    /* Changes that are gathered until the commit, in the order in which a commit makes them. */
    PG_APPEND,
    PG_NOTE,
    PG_LOCK_LETTERS,
    PG_BURY,
    PG_SETTLE,
    PG_SETTLE_ALONE,
    PG_STALE,
    PG_COUNT,
    /* Changes with an answer. */
    PG_LOCK_LETTER,
    PG_OFFER,
    PG_TAKE,
    PG_REFUSE,
    PG_REFUSE_MODEL,
    PG_DISCARD,
    PG_SPOIL,
    PG_LOCK_META,
    PG_LOCK_MEMBERS,
    PG_UNHURRIED,
    PG_NAME,
    /* Readings. */
    PG_READ_PENDING,
    PG_READ_LETTERS,
    PG_READ_OFFERS,
    PG_READ_ALL,
    PG_NEXT_OFFERED,
    PG_TOTALS,
    PG_OLDEST,
    PG_ID_MARK,
    PG_STREAMS,
    PG_STREAMS_ANY,
    /* Once a second. */
    PG_FOLD,
    PG_BEAT,
    PG_RAISE,
    PG_STATEMENTS,
};

enum { PG_PARAMETERS_MAX = 20 };

/* The text, in which "@" stands in front of each name of the schema. */
const char *pg_statement_text(enum pg_statement which);
