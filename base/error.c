/* SPDX-License-Identifier: MIT */
/* Errors of two kinds: unexpected ones are logged where they arise. */
#include "base/error.h"

#include <string.h>

#include "base/log.h"

void error_note(int r, const char *file, int line)
{
    log_error("unexpected error", "error", strerror(-r), "file", file, "line", log_number(line));
}
