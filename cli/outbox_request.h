/* SPDX-License-Identifier: MIT */
/* The command line of `convex-relay outbox …`, as a request. */
#pragma once

#include "cli/outbox_console.h"
#include "cli/outbox_selection.h"

/* Which events a list shows. */
enum outbox_states { OUTBOX_STATES_ANY, OUTBOX_STATES_PENDING, OUTBOX_STATES_DEAD };

struct outbox_request {
    bool json;    /* --json */
    bool all;     /* --all: the letters of the selection, instead of ids */
    bool force;   /* --force: stale letters, too */
    bool dry_run; /* --dry-run: nothing is changed */
    enum outbox_states states;
    struct outbox_selection selection;
    uint64_t *ids; /* owned by the request */
    size_t ids_len;
    const char *file; /* the target of a backup; points into argv */
};

enum outbox_option {
    OUTBOX_OPTION_JSON = 1 << 0,
    OUTBOX_OPTION_ALL = 1 << 1,
    OUTBOX_OPTION_FORCE = 1 << 2,
    OUTBOX_OPTION_DRY_RUN = 1 << 3,
    OUTBOX_OPTION_STATE = 1 << 4,
    OUTBOX_OPTION_MODEL = 1 << 5,
    OUTBOX_OPTION_REASON = 1 << 6,
    OUTBOX_OPTION_BEFORE = 1 << 7,
};

/* The words that a command takes beside its options. */
enum outbox_words {
    OUTBOX_WORDS_NONE,
    OUTBOX_WORDS_ID,  /* one id */
    OUTBOX_WORDS_IDS, /* ids or, if the form has that option, --all */
    OUTBOX_WORDS_FILE,
};

/* The options and words that a command takes. */
struct outbox_form {
    const char *name;
    const char *usage; /* what --help shows behind the name */
    unsigned options;  /* bits of enum outbox_option */
    enum outbox_words words;
};

/* Reads argv, the words behind the command's name. The request points into argv from then on. 0; or
 * an exit code, after a complaint that shows the form. outbox_request_done() must follow both. */
int outbox_request_read(struct outbox_console *console, const struct outbox_form *form, int argc,
                        char *const *argv, struct outbox_request *request);

/* Takes a request that is all zero, too. */
void outbox_request_done(struct outbox_request *request);
