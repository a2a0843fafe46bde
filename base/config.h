/* SPDX-License-Identifier: MIT */
/* The settings, read from the environment. Only the table in config.c lists all settings: a test
 * compares --help, docs/settings.md and docker/convex-relay.env.sample with the table. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/setting.h"

enum { CONFIG_INVALID = SETTING_INVALID };

enum {
    CONFIG_SECRET_MAX = 512,      /* bytes; KEYRING_SECRET_MAX, which base/ may not include */
    CONFIG_DEPLOY_KEY_MAX = 4096, /* bytes; far more than a key of Convex has */
};

/* The config owns its strings. NULL: the setting is not given and has no default. */
struct config {
    char *convex_url;
    char *sync_secret;
    char *sync_secret_previous;
    char *convex_deploy_key;
    char *convex_ca_file;
    char *host;
    int port; /* 0: the kernel chooses */
    char *admin_host;
    int admin_port; /* CONFIG_OFF: none */
    char *routes_file;
    char *outbox; /* NULL: off */
    char *outbox_schema;
    char *relay_name;
    int64_t lease_ms;
    int64_t sync_wait_ms;
    int64_t convex_timeout_ms;
    int convex_concurrency;
    int64_t retry_max_age_ms;
    int64_t outbox_max_bytes;
    int64_t max_body_bytes;
    int64_t request_timeout_ms;
    int64_t drain_ms;
    enum log_level log_level;
    enum log_format log_format;
};

enum { CONFIG_OFF = SETTING_OFF };

/*
 * Reads every setting through lookup (getenv in the program). An empty value counts as none. A
 * secret may instead come from the file that NAME_FILE names, of at most 64 KiB; one line end at
 * its end is dropped, and an empty file is no secret. 0; CONFIG_INVALID, and *why has grown by one
 * line that names the setting and says what to mend; or an -errno. *config is untouched on failure.
 *
 * A process can read its settings again. The environment of a process does not change, so only
 * secrets from files can be new. (The file that ROUTES names is not read here.)
 */
int config_read(char *(*lookup)(const char *name), struct config *config, struct buf *why);

/* Reads one setting by the same rules, for a command that needs no other. All else in *config is
 * zero. */
int config_read_one(char *(*lookup)(const char *name), const char *name, struct config *config,
                    struct buf *why);

/* Logs a warning about each secret that looks as if more had been copied than is meant, such as its
 * quotes. The line names the setting and shows nothing of the secret. */
void config_warn(char *(*lookup)(const char *name), const struct config *config);

/* Wipes the secrets and frees the strings. */
void config_done(struct config *config);

/* Prints the table for --help: name, default, meaning, one setting a line of at most 80 columns. */
void config_print(FILE *out);
