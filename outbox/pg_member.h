/* SPDX-License-Identifier: MIT */
/* Members: each life of a process is one, under a number that is never used again. */
#pragma once

#include "outbox/pg_core.h"

/* Makes this store a member: self->member. In a transaction of its own, or in the one that is open.
 * 0 or a failure. */
int pg_member_join(struct pg_core *self);

/* Makes this member the one that sends, in the transaction that is open: self->epoch. */
int pg_member_send(struct pg_core *self);

/*
 * Closes a member, in the transaction that is open: nothing of it is committed from then on, and
 * what it had under way is over. A session that keeps this from happening, as of a connection that
 * was cut, is ended. 0 or a failure.
 */
int pg_member_close(struct pg_core *self, int64_t member);

/* Tells PostgreSQL which session this member has now. */
int pg_member_move(struct pg_core *self);

/* Removes members that are closed, and have no events left. */
int pg_member_tidy(struct pg_core *self);

/* At the end: this member leaves. Failures are nobody's concern any more. */
void pg_member_leave(struct pg_core *self);

/* The member that sends. */
struct pg_sender {
    int64_t member; /* 0: none */
    bool here;      /* its session is there, or nobody can tell */
    int64_t beat;
    int64_t lease_ms;
    struct buf name;
};

/* Reads who sends. 0 or a failure. The caller frees the name. */
int pg_member_sender(struct pg_core *self, struct pg_sender *sender);
