/* SPDX-License-Identifier: MIT */
/*
 * The settings: one table, and what reads and prints it.
 *
 * A row says all there is to say about its setting. How the value is kept follows from the type of
 * its field in struct config; the rest of the row says what it may be.
 */
#include "base/config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <strings.h>

#include "base/config_value.h"
#include "base/error.h"
#include "base/file.h"

enum {
    CONFIG_FILE_MAX = 64 * 1024,
    CONFIG_SHOWN_MAX = 40, /* of a bad value, in the message about it */
    CONFIG_NAME_MAX = 64,
};

#define CONFIG_HOUR_MS INT64_C(3600000)
#define CONFIG_MIB INT64_C(1048576)
#define CONFIG_WAIT_MAX_MS CONFIG_HOUR_MS /* a longer wait is a slip of the hand */

enum setting_type { SETTING_STRING, SETTING_INT, SETTING_INT64, SETTING_CHOICE };

struct setting {
    const char *name;
    const char *fallback; /* as it would be written; NULL: none */
    const char *meaning;  /* for --help: short, so that a row fits a line */
    enum setting_type type;
    size_t offset;              /* of its field in struct config */
    int64_t min, max;           /* of a number as written; of a secret's bytes */
    int64_t unit;               /* what the field gets for each one written; 0: 1 */
    const char *const *choices; /* a choice: the field gets the index; NULL at the end */
    const char *missing;        /* it is required: what to say when it is not there */
    bool secret;                /* never shown; may come from NAME_FILE */
    bool off;                   /* may be "off": CONFIG_OFF in a number, NULL in a file's name */
    bool in_state;              /* the default is a file under $STATE_DIRECTORY, if there is one */
};

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
     .meaning = "what senders show: X-Sync-Secret",
     .missing = "not set or empty, which would let everybody in; make one up "
                "(openssl rand -hex 32) and give it to the sender, too"},
    {.name = "SYNC_SECRET_PREVIOUS", FIELD(sync_secret_previous), .secret = true,
     RANGE(1, CONFIG_SECRET_MAX),
     .meaning = "the one before, still accepted"},
    {.name = "CONVEX_DEPLOY_KEY", FIELD(convex_deploy_key), .secret = true,
     RANGE(1, CONFIG_DEPLOY_KEY_MAX),
     .meaning = "for mutations that are internal"},
    {.name = "CONVEX_CA_FILE", FIELD(convex_ca_file),
     .meaning = "PEM bundle to trust, not the system's"},
    {.name = "HOST", FIELD(host), .fallback = "127.0.0.1",
     .meaning = "address to serve on"},
    {.name = "PORT", FIELD(port), .fallback = "3000", RANGE(0, 65535),
     .meaning = "port to serve on; 0: any free one"},
    {.name = "ADMIN_HOST", FIELD(admin_host), .fallback = "127.0.0.1",
     .meaning = "address of metrics and status"},
    {.name = "ADMIN_PORT", FIELD(admin_port), .fallback = "3001", RANGE(0, 65535), .off = true,
     .meaning = "port of these; 0: any free one; off: none"},
    {.name = "ROUTES", FIELD(routes_file),
     .meaning = "JSON file of routes; unset: users and posts"},
    {.name = "OUTBOX", FIELD(outbox), .fallback = "outbox.db", .off = true, .in_state = true,
     .meaning = "file of undelivered events; off: keeps none"},
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
     .meaning = "past that new events get a 503"},
    /* Convex takes 16 MiB; a self-hosted one may be set to take more. */
    {.name = "MAX_BODY_BYTES", FIELD(max_body_bytes), .fallback = "16777216",
     RANGE(1024, 64 * CONFIG_MIB),
     .meaning = "larger requests get a 413"},
    {.name = "REQUEST_TIMEOUT_MS", FIELD(request_timeout_ms), .fallback = "30000",
     RANGE(1, CONFIG_WAIT_MAX_MS),
     .meaning = "for a sender to send a whole request"},
    {.name = "DRAIN_MS", FIELD(drain_ms), .fallback = "10000", RANGE(0, CONFIG_WAIT_MAX_MS),
     .meaning = "for a stop to finish what is in flight"},
    {.name = "LOG_LEVEL", FIELD(log_level), .fallback = "info", .choices = config_levels,
     .meaning = "debug, info, warn or error"},
    {.name = "LOG_FORMAT", FIELD(log_format), .fallback = "text", .choices = config_formats,
     .meaning = "text (key=value) or json"},
};
/* clang-format on */

/* What a message about an unusable value comes to, once it has been written. */
static int config_invalid(int r)
{
    return r ? r : CONFIG_INVALID;
}

static int config_missing(const struct setting *setting, const char *name, struct buf *why)
{
    return config_invalid(buf_printf(why, "%s: %s", name, setting->missing));
}

/* `NAME: "value" is not `, for the caller to go on: cut, and with nothing that breaks a line. */
static int config_begin_unusable(const struct setting *setting, const char *value, struct buf *why)
{
    int r = buf_printf(why, "%s: \"", setting->name);

    for (size_t i = 0; !r && value[i] && i < CONFIG_SHOWN_MAX; i++)
        r = buf_append_char(why, isprint((unsigned char)value[i]) ? value[i] : '?');
    if (r)
        return r;
    return buf_printf(why, "%s\" is not ", strlen(value) > CONFIG_SHOWN_MAX ? "..." : "");
}

static int config_not_a_number(const struct setting *setting, const char *value, struct buf *why)
{
    int r = config_begin_unusable(setting, value, why);

    if (r)
        return r;
    return config_invalid(buf_printf(why, "a number from %lld to %lld%s", (long long)setting->min,
                                     (long long)setting->max, setting->off ? ", or off" : ""));
}

static int config_not_a_choice(const struct setting *setting, const char *value, struct buf *why)
{
    int r = config_begin_unusable(setting, value, why);

    for (size_t i = 0; !r && setting->choices[i]; i++)
        r = buf_printf(why, "%s%s", i == 0 ? "one of " : ", ", setting->choices[i]);
    return config_invalid(r);
}

/* ---- Where a value comes from ---- */

/* The value of a variable; NULL when it is not set, or empty. */
static const char *config_lookup(char *(*lookup)(const char *name), const char *name)
{
    const char *value = lookup(name);

    return value && *value ? value : NULL;
}

static void config_file_name(const struct setting *setting, char name[CONFIG_NAME_MAX])
{
    (void)snprintf(name, CONFIG_NAME_MAX, "%s_FILE", setting->name);
}

static int config_read_file(const char *name, const char *path, struct buf *value, struct buf *why)
{
    cleanup(buf_done) struct buf reason = BUF_NULL;

    int r = file_read(path, CONFIG_FILE_MAX, value, &reason);
    if (r == FILE_INVALID)
        return config_invalid(buf_printf(why, "%s: %.*s", name, (int)reason.len, reason.at));
    if (r)
        return r;
    if (value->len > 0 && value->at[value->len - 1] == '\n')
        value->len--;
    if (value->len > 0 && value->at[value->len - 1] == '\r')
        value->len--;
    return 0;
}

static int config_fallback(const struct setting *setting, char *(*lookup)(const char *name),
                           struct buf *value)
{
    const char *state = setting->in_state ? config_lookup(lookup, "STATE_DIRECTORY") : NULL;

    if (!setting->fallback)
        return 0;
    /* systemd writes several as a list with colons; the first is the unit's main one. */
    if (state)
        return buf_printf(value, "%.*s/%s", (int)strcspn(state, ":"), state, setting->fallback);
    return buf_append_span(value, span_of(setting->fallback));
}

/* Appends what the setting says, or its default, or nothing. */
static int config_find(const struct setting *setting, char *(*lookup)(const char *name),
                       struct buf *value, struct buf *why)
{
    const char *given = config_lookup(lookup, setting->name);
    char file_name[CONFIG_NAME_MAX];
    const char *file = NULL;
    int r = 0;

    config_file_name(setting, file_name);
    if (setting->secret)
        file = config_lookup(lookup, file_name);
    if (given && file)
        return config_invalid(buf_printf(why, "%s: set as well as %s; keep one of the two",
                                         file_name, setting->name));
    if (file)
        r = config_read_file(file_name, file, value, why);
    else if (given)
        r = buf_append_span(value, span_of(given));
    else
        r = config_fallback(setting, lookup, value);
    if (r)
        return r;
    if (value->len == 0 && setting->missing)
        return config_missing(setting, file ? file_name : setting->name, why);
    return 0;
}

/* ---- What a value is ---- */

static int config_check_secret(const struct setting *setting, struct span value, struct buf *why)
{
    if (value.len > (size_t)setting->max)
        return config_invalid(
            buf_printf(why, "%s: longer than %lld bytes", setting->name, (long long)setting->max));
    for (size_t i = 0; i < value.len; i++)
        if (iscntrl((unsigned char)value.at[i]))
            return config_invalid(buf_printf(why,
                                             "%s: holds a line end or another control character, "
                                             "which no header can carry",
                                             setting->name));
    if (!config_value_fits_header(value))
        return config_invalid(
            buf_printf(why, "%s: holds a character that no header can carry", setting->name));
    if (value.len > 0 && (value.at[0] == ' ' || value.at[value.len - 1] == ' '))
        return config_invalid(buf_printf(
            why, "%s: starts or ends with a blank, which no header can carry", setting->name));
    return 0;
}

/* What would become a file of that name, where somebody meant something else. A URI may hold a
 * password, and is not shown. */
static int config_check_file_or_off(const struct setting *setting, const char *value,
                                    struct buf *why)
{
    if (config_value_is_uri(value))
        return config_invalid(
            buf_printf(why, "%s: is a URI; the name of a file is wanted, or off", setting->name));
    if (!config_value_is_switch(value))
        return 0;
    int r = config_begin_unusable(setting, value, why);
    return r ? r
             : config_invalid(buf_printf(
                   why, "taken for a file's name: off, in small letters, keeps nothing; a file of "
                        "that name wants its folder before it, as in ./NAME"));
}

static int config_set_string(const struct setting *setting, struct buf *value,
                             struct config *config, struct buf *why)
{
    char **field = (char **)(void *)((char *)config + setting->offset);

    int r = 0;

    if (setting->off && strcmp(value->at, "off") == 0)
        return 0;
    if (setting->off)
        r = config_check_file_or_off(setting, value->at, why);
    if (setting->secret)
        r = config_check_secret(setting, buf_span(value), why);
    if (r)
        return r;
    *field = take(value->at);
    return 0;
}

/* Digits and nothing else: no sign, no blanks, no hex. Beyond 64 bits it is the largest number,
 * which is out of every range. */
static bool config_parse_number(const char *text, int64_t *number)
{
    char *end = NULL;

    if (!isdigit((unsigned char)*text))
        return false;
    *number = strtoll(text, &end, 10);
    return !*end;
}

static int config_set_number(const struct setting *setting, const char *value,
                             struct config *config, struct buf *why)
{
    void *field = (char *)config + setting->offset;
    int64_t number = 0;

    if (setting->off && strcmp(value, "off") == 0)
        number = CONFIG_OFF;
    else if (!config_parse_number(value, &number) || number < setting->min || number > setting->max)
        return config_not_a_number(setting, value, why);
    else if (setting->unit)
        number *= setting->unit;

    if (setting->type == SETTING_INT)
        *(int *)field = (int)number;
    else
        *(int64_t *)field = number;
    return 0;
}

static int config_set_choice(const struct setting *setting, const char *value,
                             struct config *config, struct buf *why)
{
    unsigned int *field = (unsigned int *)(void *)((char *)config + setting->offset);

    for (unsigned int i = 0; setting->choices[i]; i++)
        if (strcmp(value, setting->choices[i]) == 0) {
            *field = i;
            return 0;
        }
    return config_not_a_choice(setting, value, why);
}

/* A value may be a secret: it leaves nothing behind in memory. */
static void config_wipe(struct buf *value)
{
    if (value->at)
        explicit_bzero(value->at, value->cap);
    buf_done(value);
}

static int config_read_setting(const struct setting *setting, char *(*lookup)(const char *name),
                               struct config *config, struct buf *why)
{
    cleanup(config_wipe) struct buf value = BUF_NULL;

    int r = config_find(setting, lookup, &value, why);
    if (r || value.len == 0)
        return r;
    if (!buf_string(&value))
        return -ENOMEM;
    switch (setting->type) {
    case SETTING_STRING:
        return config_set_string(setting, &value, config, why);
    case SETTING_INT:
    case SETTING_INT64:
        return config_set_number(setting, value.at, config, why);
    case SETTING_CHOICE:
        return config_set_choice(setting, value.at, config, why);
    }
    return 0;
}

/* ---- What may not be meant ---- */

void config_warn(char *(*lookup)(const char *name), const struct config *config)
{
    for (size_t i = 0; i < array_len(config_settings); i++) {
        const struct setting *setting = &config_settings[i];
        char file_name[CONFIG_NAME_MAX];
        if (!setting->secret)
            continue;
        const char *const *field =
            (const char *const *)(const void *)((const char *)config + setting->offset);
        const char *doubt = *field ? config_value_doubt(span_of(*field)) : NULL;
        config_file_name(setting, file_name);
        if (doubt)
            log_warn("a secret may not be what is meant", "setting",
                     config_lookup(lookup, file_name) ? file_name : setting->name, "reason", doubt);
    }
}

/* ---- The whole ---- */

int config_read(char *(*lookup)(const char *name), struct config *config, struct buf *why)
{
    cleanup(config_done) struct config made = {0};

    for (size_t i = 0; i < array_len(config_settings); i++) {
        int r = config_read_setting(&config_settings[i], lookup, &made, why);
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
        int r = config_read_setting(&config_settings[i], lookup, &made, why);
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
    for (size_t i = 0; i < array_len(config_settings); i++) {
        const struct setting *setting = &config_settings[i];
        if (setting->type != SETTING_STRING)
            continue;
        char **field = (char **)(void *)((char *)config + setting->offset);
        if (*field && setting->secret)
            explicit_bzero(*field, strlen(*field));
        free(*field);
        *field = NULL;
    }
}

void config_print(FILE *out)
{
    for (size_t i = 0; i < array_len(config_settings); i++) {
        const struct setting *setting = &config_settings[i];
        const char *fallback = setting->missing ? "required" : "-";
        (void)fprintf(out, "  %-20s  %-9s  %s%s\n", setting->name,
                      setting->fallback ? setting->fallback : fallback, setting->meaning,
                      setting->secret ? " (_FILE)" : "");
    }
    (void)fprintf(out, "(_FILE): may instead stand in a file, as in "
                       "SYNC_SECRET_FILE=/run/secrets/sync\n");
}
