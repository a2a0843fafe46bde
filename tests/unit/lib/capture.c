/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/lib/rows.h"

void capture_begin(struct capture *capture)
{
    (void)snprintf(capture->path, sizeof(capture->path), "/tmp/relay-log-XXXXXX");
    capture->file = mkstemp(capture->path);
    capture->before = dup(STDERR_FILENO);
    assert_true(capture->file >= 0 && capture->before >= 0);
    log_setup(LOG_INFO, LOG_TEXT);
    assert_true(dup2(capture->file, STDERR_FILENO) >= 0);
}

void capture_end(struct capture *capture)
{
    assert_true(dup2(capture->before, STDERR_FILENO) >= 0);
    log_setup(LOG_ERROR, LOG_TEXT);
    (void)close(capture->file);
    (void)close(capture->before);
}

int capture_count(struct capture *capture, const char *text)
{
    FILE *in = fopen(capture->path, "r");
    char line[1024];
    int lines = 0;

    assert_non_null(in);
    while (fgets(line, sizeof(line), in))
        lines += strstr(line, text) != NULL;
    assert_int_equal(fclose(in), 0);
    return lines;
}

void capture_done(struct capture *capture)
{
    assert_int_equal(unlink(capture->path), 0);
}
