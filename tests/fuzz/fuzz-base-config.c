/* SPDX-License-Identifier: MIT */
/*
 * The settings. The input is the environment, a line each, NAME=value; behind a line that is only
 * "--" stands what the file that every NAME_FILE=@ names holds.
 *
 *   - Where a value is refused, one printable line says why and begins with the setting's name; it
 *     never holds a secret. *config is then untouched.
 *   - Where all are taken, every number is in its setting's range, and a header can carry every
 *     secret.
 *   - One setting alone comes to the same as among all.
 */
#include "fuzz.h"

#include <ctype.h>

#include "base/config.h"

enum { LINES_MAX = 64, SECRET_SHOWN_MIN = 6 };

static const char *const secrets[] = {"SYNC_SECRET", "SYNC_SECRET_PREVIOUS", "CONVEX_DEPLOY_KEY"};

static char folder[64], path[96];
static char *lines[LINES_MAX];
static size_t lines_len;

static void remove_folder(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

static char *look_up(const char *name)
{
    for (size_t i = 0; i < lines_len; i++) {
        size_t len = strcspn(lines[i], "=");
        if (strlen(name) == len && memcmp(lines[i], name, len) == 0 && lines[i][len])
            return strcmp(lines[i] + len + 1, "@") == 0 ? path : lines[i] + len + 1;
    }
    return NULL;
}

static void read_environment(struct span text)
{
    struct span file = SPAN_NULL;
    const char *end = text.at + text.len;

    for (const char *at = text.at; at < end && lines_len < LINES_MAX;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        struct span line = {at, (size_t)((line_end ? line_end : end) - at)};
        at = line_end ? line_end + 1 : end;
        if (span_eq(line, SPAN("--"))) {
            file = (struct span){at, (size_t)(end - at)};
            break;
        }
        lines[lines_len++] = fuzz_string(line);
    }
    fuzz_write_file(path, file.at ? file : SPAN(""));
}

static void check_why(struct span why)
{
    fuzz_check(why.len > 0 && isupper((unsigned char)*why.at) && memchr(why.at, ':', why.len));
    for (size_t i = 0; i < why.len; i++)
        fuzz_check(why.at[i] != '\n');
    for (size_t i = 0; i < array_len(secrets); i++) {
        const char *secret = look_up(secrets[i]);
        size_t len = strlen(secrets[i]);
        if (secret && strlen(secret) >= SECRET_SHOWN_MIN && why.len > len &&
            memcmp(why.at, secrets[i], len) == 0 && why.at[len] == ':')
            fuzz_check(!memmem(why.at + len, why.len - len, secret, strlen(secret)));
    }
}

static void check_secret(const char *secret, size_t max)
{
    if (!secret)
        return;
    size_t len = strlen(secret);
    fuzz_check(len > 0 && len <= max);
    fuzz_check(secret[0] != ' ' && secret[len - 1] != ' ');
    for (size_t i = 0; i < len; i++)
        fuzz_check(!iscntrl((unsigned char)secret[i]));
}

static void check_config(const struct config *config)
{
    const int64_t hour_ms = 3600000, mib = 1 << 20;

    fuzz_check(config->convex_url && config->sync_secret && config->host && config->admin_host);
    check_secret(config->sync_secret, CONFIG_SECRET_MAX);
    check_secret(config->sync_secret_previous, CONFIG_SECRET_MAX);
    check_secret(config->convex_deploy_key, CONFIG_DEPLOY_KEY_MAX);
    fuzz_check(config->port >= 0 && config->port <= 65535);
    fuzz_check(config->admin_port >= CONFIG_OFF && config->admin_port <= 65535);
    fuzz_check(config->lease_ms >= 2000 && config->lease_ms <= 60000);
    fuzz_check(config->outbox_schema && *config->outbox_schema);
    fuzz_check(config->sync_wait_ms >= 0 && config->sync_wait_ms <= hour_ms);
    fuzz_check(config->convex_timeout_ms >= 1 && config->convex_timeout_ms <= hour_ms);
    fuzz_check(config->convex_concurrency >= 1 && config->convex_concurrency <= 1024);
    fuzz_check(config->retry_max_age_ms >= hour_ms && config->retry_max_age_ms <= 8760 * hour_ms);
    fuzz_check(config->outbox_max_bytes >= mib && config->outbox_max_bytes <= 1048576 * mib);
    fuzz_check(config->max_body_bytes >= 1024 && config->max_body_bytes <= 64 * mib);
    fuzz_check(config->request_timeout_ms >= 1 && config->request_timeout_ms <= hour_ms);
    fuzz_check(config->drain_ms >= 0 && config->drain_ms <= hour_ms);
    fuzz_check(config->log_level <= LOG_ERROR && config->log_format <= LOG_JSON);
}

static void check_alone(const struct config *config)
{
    struct config alone = {0};
    struct buf why = BUF_NULL;

    fuzz_check(config_read_one(look_up, "OUTBOX", &alone, &why) == 0);
    fuzz_check(!alone.outbox == !config->outbox);
    fuzz_check(!alone.outbox || strcmp(alone.outbox, config->outbox) == 0);
    config_done(&alone);
    buf_done(&why);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    (void)snprintf(folder, sizeof(folder), "%s/convex-relay-fuzz-XXXXXX", fuzz_scratch());
    fuzz_check(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/secret", folder);
    (void)atexit(remove_folder);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct config untouched = {.port = 77};
    struct config config = untouched;
    struct buf why = BUF_NULL;

    read_environment((struct span){(const char *)data, size});
    int r = config_read(look_up, &config, &why);
    fuzz_check(r == 0 || r == CONFIG_INVALID);
    if (r) {
        check_why(buf_span(&why));
        fuzz_check(config.port == untouched.port && !config.sync_secret);
    } else {
        fuzz_check(why.len == 0);
        check_config(&config);
        check_alone(&config);
        config_done(&config);
    }
    buf_done(&why);
    while (lines_len > 0)
        free(lines[--lines_len]);
    return 0;
}
