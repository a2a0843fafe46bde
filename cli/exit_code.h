/* SPDX-License-Identifier: MIT */
/* Exit codes of the program. */
#pragma once

enum {
    EXIT_FINE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2, /* the command line or a setting is wrong, and nothing was started */
};
