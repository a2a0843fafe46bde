/* SPDX-License-Identifier: MIT */
/* In which streams an event may be: its key is the stream's member and its id, and only the id is
 * known. Members give ids from ranges that hardly overlap, so that mostly one stream comes into
 * question. */
#pragma once

#include "outbox/pg_core.h"

/* Reads which streams there are. In no transaction. 0 or a failure. */
int pg_stream_load(struct pg_core *self);
void pg_stream_done(struct pg_core *self);

/* An event of that id is in this member's stream from now on. */
void pg_stream_own(struct pg_core *self, int64_t id);

/* The streams, as two arrays: members, and the lowest ids that may be there. 0 or -ENOMEM. */
int pg_stream_list(const struct pg_core *self, struct pg_array streams[2]);

/* The first event of a stream has that id; 0: the stream is empty. */
void pg_stream_begins(struct pg_core *self, int64_t member, int64_t id);

/* Ids go on above the clock, and above all that this process knows of, also where the database
 * knows less: none is given twice. */
int pg_stream_raise(struct pg_core *self);

/* Adds the places at which the event may be: of each stream that may have it the member and the
 * id. *n (which may be NULL): how many. 0 or -ENOMEM. */
int pg_stream_places(const struct pg_core *self, int64_t id, struct pg_array places[2], int *n);
