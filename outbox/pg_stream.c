/* SPDX-License-Identifier: MIT */
/* Streams. That of this member grows while the store is open; others are closed, and only shrink.
 */
#include "outbox/pg_stream.h"

#include <errno.h>

#include "base/error.h"
#include "outbox/pg_run.h"

/* The ids that one number is, which an append may give. */
enum { STREAM_IDS = 1024 };

static void stream_note_id(struct pg_core *self, int64_t id)
{
    if (id > self->highest_id)
        self->highest_id = id;
}

static int stream_take(struct pg_core *self, const PGresult *result, void *ctx)
{
    size_t len = (size_t)PQntuples(result);
    struct pg_stream *at = calloc(len + 1, sizeof(*at));

    (void)ctx;
    if (!at)
        return error_origin(-ENOMEM);
    self->streams.len = 0;
    for (size_t i = 0; i < len; i++) {
        const struct pg_stream stream = {pg_core_number(result, (int)i, 0),
                                         pg_core_number(result, (int)i, 1),
                                         pg_core_number(result, (int)i, 2)};
        if (stream.high > 0 && stream.member != self->member)
            at[++self->streams.len] = stream;
        else if (stream.member == self->member)
            at[0] = stream;
    }
    at[0].member = self->member;
    self->streams.len++;
    free(self->streams.at);
    self->streams.at = at;
    for (size_t i = 0; i < self->streams.len; i++)
        stream_note_id(self, at[i].high);
    return 0;
}

static int stream_ask(struct pg_core *self, enum pg_statement which)
{
    int r = pg_run_queue(self, which, NULL, 0, stream_take, NULL);

    return r ? r : pg_run_end(self);
}

int pg_stream_load(struct pg_core *self)
{
    self->reads = true;
    int r = stream_ask(self, PG_STREAMS);
    self->reads = false;

    if (r == STORE_BROKEN && pg_core_met_damage(self)) /* any of them may have any event */
        r = stream_ask(self, PG_STREAMS_ANY);
    return r;
}

void pg_stream_done(struct pg_core *self)
{
    free(self->streams.at);
    self->streams = (struct pg_streams){0};
}

void pg_stream_own(struct pg_core *self, int64_t id)
{
    struct pg_stream *own = self->streams.at;

    if (own->low == 0 || id < own->low)
        own->low = id;
    if (id + STREAM_IDS > own->high)
        own->high = id + STREAM_IDS;
    stream_note_id(self, own->high);
}

int pg_stream_list(const struct pg_core *self, struct pg_array streams[2])
{
    int r = 0;

    for (size_t i = 0; i < self->streams.len && !r; i++) {
        r = pg_array_add_int8(&streams[0], self->streams.at[i].member);
        if (!r)
            r = pg_array_add_int8(&streams[1], self->streams.at[i].low);
    }
    return r;
}

void pg_stream_begins(struct pg_core *self, int64_t member, int64_t id)
{
    for (size_t i = 0; i < self->streams.len; i++) {
        struct pg_stream *stream = &self->streams.at[i];
        if (stream->member != member)
            continue;
        stream->low = id;
        stream->high = id ? stream->high : 0;
    }
}

int pg_stream_raise(struct pg_core *self)
{
    int r = PG_QUEUE(self, PG_RAISE, NULL, NULL, PG_NUMBER(0),
                     PG_NUMBER(self->highest_id / STREAM_IDS + 1));

    return r ? r : pg_run_end(self);
}

int pg_stream_places(const struct pg_core *self, int64_t id, struct pg_array places[2], int *n)
{
    int r = 0;

    for (size_t i = 0; i < self->streams.len && !r; i++) {
        const struct pg_stream *stream = &self->streams.at[i];
        if (id < stream->low || id > stream->high)
            continue;
        r = pg_array_add_int8(&places[0], stream->member);
        if (!r)
            r = pg_array_add_int8(&places[1], id);
        if (n)
            ++*n;
    }
    return r;
}
