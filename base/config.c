/* SPDX-License-Identifier: MIT */
/*
 * The table of all settings.
 *
 * A row says all there is to say about a setting; struct setting explains the columns. --help and
 * complaints keep the order of the rows.
 */
#include "base/config.h"

#include <errno.h>

#include "base/error.h"
#include "base/setting_value.h"

#define CONFIG_HOUR_MS INT64_C(3600000)
#define CONFIG_MIB INT64_C(1048576)
#define CONFIG_WAIT_MAX_MS CONFIG_HOUR_MS /* a longer wait is a typing error */

/* Both enums of struct config are kept as an unsigned int. */
#define SETTING_TYPE(field)                                                                        \
    _Generic(((struct config *)NULL)->field,                                                       \
        char *: SETTING_STRING,                                                                    \
        int: SETTING_INT,                                                                          \
        int64_t: SETTING_INT64,                                                                    \
        unsigned int: SETTING_CHOICE)
#define FIELD(field) .type = SETTING_TYPE(field), .offset = offsetof(struct config, field)
#define RANGE(from, to) .min = (from), .max = (to)

static const char *const config_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const config_formats[] = {"text", "json", NULL};

/* clang-format off */
static const struct setting config_settings[] = {
    {.name = "CONVEX_URL", FIELD(convex_url),
     .meaning = "the deployment: https://NAME.convex.cloud",
     .missing = "not set; give the deployment's address, https://NAME.convex.cloud"},
    {.name = "SYNC_SECRET", FIELD(sync_secret), .secret = true, RANGE(1, CONFIG_SECRET_MAX),
     .meaning = "what senders send as X-Sync-Secret",
     .missing = "not set or empty, which would let everybody in; make one up "
                "(openssl rand -hex 32) and give it to the sender, too"},
    {.name = "SYNC_SECRET_PREVIOUS", FIELD(sync_secret_previous), .secret = true,
     RANGE(1, CONFIG_SECRET_MAX),
     .meaning = "the secret before, still accepted"},
    {.name = "CONVEX_DEPLOY_KEY", FIELD(convex_deploy_key), .secret = true,
     RANGE(1, CONFIG_DEPLOY_KEY_MAX),
     .meaning = "needed for internal mutations"},
    {.name = "CONVEX_CA_FILE", FIELD(convex_ca_file),
     .meaning = "trusted PEM certificates, not the system's"},
    {.name = "HOST", FIELD(host), .fallback = "127.0.0.1",
     .meaning = "address to listen on"},
    {.name = "PORT", FIELD(port), .fallback = "3000", RANGE(0, 65535),
     .meaning = "port to listen on; 0: any free one"},
    {.name = "ADMIN_HOST", FIELD(admin_host), .fallback = "127.0.0.1",
     .meaning = "address to listen on for metrics, status"},
    {.name = "ADMIN_PORT", FIELD(admin_port), .fallback = "3001", RANGE(0, 65535), .off = true,
     .meaning = "port for these; 0: any free one; off: none"},
    {.name = "ROUTES", FIELD(routes_file),
     .meaning = "JSON file of routes; unset: users, posts"},
    {.name = "OUTBOX", FIELD(outbox), .fallback = "outbox.db", .off = true, .in_state = true,
     .database = true,
     .meaning = "file or postgresql://..., or off"},
    {.name = "OUTBOX_SCHEMA", FIELD(outbox_schema), .fallback = "convex_relay",
     .fault = setting_value_schema_fault,
     .meaning = "schema in PostgreSQL"},
    {.name = "RELAY_NAME", FIELD(relay_name), .fault = setting_value_name_fault,
     .meaning = "this relay's name; unset: the host's"},
    {.name = "LEASE_MS", FIELD(lease_ms), .fallback = "6000", RANGE(2000, 60000),
     .meaning = "how long a silent relay counts as there"},
    {.name = "SYNC_WAIT_MS", FIELD(sync_wait_ms), .fallback = "10000",
     RANGE(0, CONFIG_WAIT_MAX_MS),
     .meaning = "longest wait for Convex before a 202"},
    {.name = "CONVEX_TIMEOUT_MS", FIELD(convex_timeout_ms), .fallback = "30000",
     RANGE(1, CONFIG_WAIT_MAX_MS),
     .meaning = "limit of one attempt"},
    {.name = "CONVEX_CONCURRENCY", FIELD(convex_concurrency), .fallback = "16", RANGE(1, 1024),
     .meaning = "attempts in flight at most"},
    {.name = "RETRY_MAX_AGE_HOURS", FIELD(retry_max_age_ms), .fallback = "72", RANGE(1, 8760),
     .unit = CONFIG_HOUR_MS,
     .meaning = "older events become dead letters"},
    {.name = "OUTBOX_MAX_MB", FIELD(outbox_max_bytes), .fallback = "1024", RANGE(1, 1048576),
     .unit = CONFIG_MIB,
     .meaning = "beyond that, new events get a 503"},
    /* Convex takes 16 MiB; a self-hosted one may be set to take more. */
    {.name = "MAX_BODY_BYTES", FIELD(max_body_bytes), .fallback = "16777216",
     RANGE(1024, 64 * CONFIG_MIB),
     .meaning = "larger bodies get a 413"},
    {.name = "REQUEST_TIMEOUT_MS", FIELD(request_timeout_ms), .fallback = "30000",
     RANGE(1, CONFIG_WAIT_MAX_MS),
     .meaning = "how long a request may take to arrive"},
    {.name = "DRAIN_MS", FIELD(drain_ms), .fallback = "10000", RANGE(0, CONFIG_WAIT_MAX_MS),
     .meaning = "how long a stop waits for calls in flight"},
    {.name = "LOG_LEVEL", FIELD(log_level), .fallback = "info", .choices = config_levels,
     .meaning = "debug, info, warn or error"},
    {.name = "LOG_FORMAT", FIELD(log_format), .fallback = "text", .choices = config_formats,
     .meaning = "text (key=value) or json"},
};
/* clang-format on */

int config_read(char *(*lookup)(const char *name), struct config *config, struct buf *why)
{
    cleanup(config_done) struct config made = {0};

    for (size_t i = 0; i < array_len(config_settings); i++) {
        int r = setting_read(&config_settings[i], lookup, &made, why);
        if (r)
            return r;
    }
    *config = made;
    made = (struct config){0};
    return 0;
}

int config_read_one(char *(*lookup)(const char *name), const char *name, struct config *config,
                    struct buf *why)
{
    cleanup(config_done) struct config made = {0};

    for (size_t i = 0; i < array_len(config_settings); i++) {
        if (strcmp(config_settings[i].name, name) != 0)
            continue;
        int r = setting_read(&config_settings[i], lookup, &made, why);
        if (r)
            return r;
        *config = made;
        made = (struct config){0};
        return 0;
    }
    return error_origin(-ENOENT);
}

void config_done(struct config *config)
{
    for (size_t i = 0; i < array_len(config_settings); i++)
        setting_done(&config_settings[i], config);
}

void config_warn(char *(*lookup)(const char *name), const struct config *config)
{
    for (size_t i = 0; i < array_len(config_settings); i++)
        setting_warn(&config_settings[i], lookup, config);
}

void config_print(FILE *out)
{
    for (size_t i = 0; i < array_len(config_settings); i++)
        setting_print(&config_settings[i], out);
    (void)fprintf(out, "(_FILE): may also come from a file, as in "
                       "SYNC_SECRET_FILE=/run/secrets/sync\n");
}
