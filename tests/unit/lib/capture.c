/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/capture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/lib/rows.h"

static char captured[256 * 1024];
static int capture_stderr = -1;
static int capture_file = -1;

void capture_begin(void)
{
    if (capture_file < 0)
        capture_file = fileno(tmpfile());
    assert_int_equal(ftruncate(capture_file, 0), 0);
    assert_int_equal(lseek(capture_file, 0, SEEK_SET), 0);
    capture_stderr = dup(STDERR_FILENO);
    assert_true(dup2(capture_file, STDERR_FILENO) >= 0);
}

char *capture_end(void)
{
    (void)dup2(capture_stderr, STDERR_FILENO);
    (void)close(capture_stderr);
    ssize_t len = pread(capture_file, captured, sizeof(captured) - 1, 0);
    captured[len < 0 ? 0 : len] = '\0';
    return captured;
}

int capture_count(const char *text, const char *part)
{
    int lines = 0;

    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
        lines += memmem(text, (size_t)(end - text), part, strlen(part)) != NULL;
    return lines;
}
