/* SPDX-License-Identifier: MIT */
/* An environment that the settings are read from, and a file that holds one of them. */
#pragma once

#include <stddef.h>

enum { VARIABLES_MAX = 32 };

struct variable {
    const char *name;
    const char *value;
};

/* As getenv(). */
char *environment_lookup(const char *name);
/* A value of NULL takes the variable away. */
void environment_set(const char *name, const char *value);
/* A fixture: the settings that are required, and nothing else. */
int environment_reset(void **state);

/* The file's path, once a group's fixture has made it. */
extern char environment_file[];
int environment_file_make(void **state);
int environment_file_remove(void **state);
void environment_file_write(const void *text, size_t len);

/* What is said of a secret that lets everybody in. */
#define NO_SECRET                                                                                  \
    "not set or empty, which would let everybody in; make one up "                                 \
    "(openssl rand -hex 32) and give it to the sender, too"

/* The settings are refused, for just this reason, and none is read; no secret is told. */
void assert_config_refused(const char *why);
