/* SPDX-License-Identifier: MIT */
/* The doors. */
#include "handlers/endpoints.h"

#include "handlers/health.h"
#include "handlers/sync.h"

/* clang-format off */
static const struct endpoint endpoints[] = {
    {"/convex/sync", "POST", GUARD_SECRET, REPLY_NOT_ALLOWED_POST, true,  sync_handle},
    {"/healthz",     "GET",  GUARD_NONE,   REPLY_NOT_ALLOWED_GET,  false, health_handle_alive},
    {"/readyz",      "GET",  GUARD_NONE,   REPLY_NOT_ALLOWED_GET,  false, health_handle_ready},
};
/* clang-format on */

int endpoints_find(struct span path, const char *method, const struct endpoint **endpoint)
{
    for (size_t i = 0; i < array_len(endpoints); i++) {
        if (!span_eq(path, span_of(endpoints[i].path)))
            continue;
        *endpoint = &endpoints[i];
        return strcmp(method, endpoints[i].method) == 0 ? 0 : ENDPOINTS_NO_METHOD;
    }
    return ENDPOINTS_NO_PATH;
}
