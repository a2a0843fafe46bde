/* SPDX-License-Identifier: MIT */
/* Request ids. Nearly every request makes one, so making one must cost next to nothing. */
#include "handlers/request_id.h"

#include <stdbool.h>
#include <stdio.h>

static bool request_id_may_hold(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.' || c == ':' || c == '/' || c == '+' || c == '=';
}

static bool request_id_valid(struct span id)
{
    if (id.len == 0 || id.len > REQUEST_ID_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (!request_id_may_hold(id.at[i]))
            return false;
    return true;
}

void request_ids_init(struct request_ids *ids, struct dice *dice)
{
    (void)snprintf(ids->prefix, sizeof(ids->prefix), "%08x",
                   (unsigned)dice_roll(dice, UINT64_C(1) << 32));
    ids->made = 0;
}

/* As 1a2b3c4d-17. */
static void request_id_make(struct request_ids *ids, char id[REQUEST_ID_MAX + 1])
{
    char digits[20];
    size_t len = 0;
    uint64_t n = ++ids->made;

    do
        digits[len++] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    memcpy(id, ids->prefix, sizeof(ids->prefix) - 1);
    char *at = id + sizeof(ids->prefix) - 1;
    *at++ = '-';
    while (len > 0)
        *at++ = digits[--len];
    *at = '\0';
}

void request_id_take(struct request_ids *ids, struct span given, char id[REQUEST_ID_MAX + 1])
{
    if (!given.at || !request_id_valid(given)) {
        request_id_make(ids, id);
        return;
    }
    memcpy(id, given.at, given.len);
    id[given.len] = '\0';
}
