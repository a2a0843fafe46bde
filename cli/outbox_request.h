/* SPDX-License-Identifier: MIT */
/* What `convex-relay outbox` is asked for, and how that is written. */
#pragma once

#include "cli/outbox_console.h"
#include "cli/outbox_selection.h"

enum outbox_states { OUTBOX_ANY, OUTBOX_PENDING, OUTBOX_DEAD };

struct outbox_request {
    bool json;
    bool all; /* that the selection holds, instead of ids */
    bool force;
    bool dry_run;
    enum outbox_states states;
    struct outbox_selection selection;
    uint64_t *ids; /* the request's */
    size_t ids_len;
    const char *file; /* of a backup */
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

enum outbox_words {
    OUTBOX_WORDS_NONE,
    OUTBOX_WORDS_ID,
    OUTBOX_WORDS_IDS, /* or --all, where that is an option */
    OUTBOX_WORDS_FILE,
};

/* What a command can be asked for. */
struct outbox_form {
    const char *name;
    const char *usage; /* behind the name */
    unsigned options;  /* bits of enum outbox_option */
    enum outbox_words words;
};

/*
 * argv: what stands behind the command's name, which the request goes on pointing into. 0; or an
 * exit code, and it has complained: the line shows the form. The caller calls
 * outbox_request_done() in each case.
 */
int outbox_request_read(struct outbox_console *console, const struct outbox_form *form, int argc,
                        char *const *argv, struct outbox_request *request);

void outbox_request_done(struct outbox_request *request);
