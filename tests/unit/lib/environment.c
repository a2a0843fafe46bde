/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/environment.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/util.h"
#include "tests/unit/lib/rows.h"

/* ---- An environment ---- */

static struct variable environment[VARIABLES_MAX];

char *environment_lookup(const char *name)
{
    for (size_t i = 0; i < VARIABLES_MAX && environment[i].name; i++)
        if (strcmp(environment[i].name, name) == 0)
            return (char *)(uintptr_t)environment[i].value;
    return NULL;
}

void environment_set(const char *name, const char *value)
{
    size_t i = 0;

    while (environment[i].name && strcmp(environment[i].name, name) != 0)
        i++;
    assert_in_range(i, 0, VARIABLES_MAX - 2);
    environment[i] = (struct variable){name, value};
}

int environment_reset(void **state)
{
    (void)state;
    memset(environment, 0, sizeof(environment));
    environment_set("CONVEX_URL", "https://happy-otter-1.convex.cloud");
    environment_set("SYNC_SECRET", "s3cret");
    return 0;
}

/* ---- A file ---- */

char environment_file[] = "/tmp/test-base-config-XXXXXX";

int environment_file_make(void **state)
{
    int fd = mkstemp(environment_file);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

int environment_file_remove(void **state)
{
    (void)state;
    return unlink(environment_file);
}

void environment_file_write(const void *text, size_t len)
{
    cleanup(closep) int fd = open(environment_file, O_WRONLY | O_TRUNC | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
}

void assert_config_refused(const char *why)
{
    struct config config;
    struct config before;
    cleanup(buf_done) struct buf said = BUF_NULL;

    memset(&config, 0x5a, sizeof(config));
    before = config;
    assert_int_equal(config_read(environment_lookup, &config, &said), CONFIG_INVALID);
    assert_string_equal(buf_string(&said), why);
    assert_memory_equal(&config, &before, sizeof(config));
    assert_null(strstr(buf_string(&said), "hunter2"));
}
