/* SPDX-License-Identifier: MIT */
/* Unstored events. */
#include "outbox/outbox_unstored.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void outbox_unstored_done(struct outbox_unstored *unstored)
{
    struct outbox_unstored_model *at = unstored->first;

    while (at) {
        struct outbox_unstored_model *next = at->next;
        free(at);
        at = next;
    }
}

static struct outbox_unstored_model *unstored_new(struct outbox_unstored *unstored,
                                                  struct span model)
{
    struct outbox_unstored_model *at = calloc(1, sizeof(*at) + model.len + 1);

    if (!at)
        return NULL;
    char *name = (char *)(at + 1);
    if (model.at)
        memcpy(name, model.at, model.len);
    at->model = model.at ? (struct span){name, model.len} : SPAN_NULL;
    at->next = unstored->first;
    unstored->first = at;
    return at;
}

static struct outbox_unstored_model *unstored_find(struct outbox_unstored *unstored,
                                                   struct span model)
{
    for (struct outbox_unstored_model *at = unstored->first; at; at = at->next)
        if (span_same(at->model, model))
            return at;
    return unstored_new(unstored, model);
}

int outbox_unstored_add(struct outbox_unstored *unstored, struct span model)
{
    struct outbox_unstored_model *at = unstored_find(unstored, model);

    if (!at)
        return error_origin(-ENOMEM);
    at->seen++;
    return 0;
}

void outbox_unstored_tell(struct outbox_unstored *unstored)
{
    for (struct outbox_unstored_model *at = unstored->first; at; at = at->next)
        at->told = at->seen;
}

bool outbox_unstored_take(struct outbox_unstored *unstored)
{
    bool any = false;

    for (struct outbox_unstored_model *at = unstored->first; at; at = at->next) {
        at->taken = at->told;
        any |= at->taken != at->written;
    }
    return any;
}

int outbox_unstored_write(struct outbox_unstored *unstored, struct store *store)
{
    int r = 0;

    for (struct outbox_unstored_model *at = unstored->first; at; at = at->next)
        if (!r && at->taken != at->written)
            r = store->ops->count_delivered(store, at->model, at->taken - at->written);
    return r;
}

void outbox_unstored_written(struct outbox_unstored *unstored)
{
    for (struct outbox_unstored_model *at = unstored->first; at; at = at->next)
        at->written = at->taken;
}

void outbox_unstored_show(struct outbox_unstored *unstored)
{
    for (struct outbox_unstored_model *at = unstored->first; at; at = at->next)
        at->shown = at->written;
}
