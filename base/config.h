/* SPDX-License-Identifier: MIT */
/*
 * The settings, read from the environment. One table (config.c) is the only list: --help, the
 * table of docs/settings.md and docker/convex-relay.env.sample are held against it by a test.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/setting.h"

enum { CONFIG_INVALID = SETTING_INVALID };

enum {
    CONFIG_SECRET_MAX = 512,      /* what auth/ hashes at most */
    CONFIG_DEPLOY_KEY_MAX = 4096, /* far above any that Convex makes */
};

/* Strings are owned by the config; NULL where the setting is not given and has no default. */
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
 * Reads every setting through lookup (getenv in the program; tests bring their own). An empty value
 * counts as none. A secret may instead come from the file that NAME_FILE names, of at most 64 KiB;
 * one line end at its end is dropped, and an empty file is no secret. 0, CONFIG_INVALID and *why
 * has grown by one line that names the setting and says what to mend, or an -errno. *config is
 * untouched on failure.
 *
 * To read the settings again while running, call it again: the environment of a process does not
 * change, so that only the secrets from files can differ. (What the file in ROUTES holds is not
 * read here.)
 */
int config_read(char *(*lookup)(const char *name), struct config *config, struct buf *why);

/*
 * Reads the setting of that name alone, by the same rules, for a command that needs no other: in
 * *config all else is zero.
 */
int config_read_one(char *(*lookup)(const char *name), const char *name, struct config *config,
                    struct buf *why);

/* A log line for each secret that looks as if more had been copied than is meant: its quotes, a
 * no-break space. It names the setting, and shows nothing of it. */
void config_warn(char *(*lookup)(const char *name), const struct config *config);

/* Wipes the secrets and frees the strings. */
void config_done(struct config *config);

/* The table for --help: name, default, meaning, one setting a line of at most 80 columns. */
void config_print(FILE *out);
