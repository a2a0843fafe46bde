/* SPDX-License-Identifier: MIT */
/*
 * Errors of two kinds.
 *
 *   0         fine
 *   negative  an unexpected -errno: logged where it arises (error_origin), forwarded untouched,
 *             ends in a 500 or an exit
 *   positive  an outcome named in the function's own enum: the caller handles it, and does not
 *             forward it
 *
 * Results come back through last parameters, which stay untouched on failure.
 */
#pragma once

/* Logs where an unexpected error arose. Evaluates to r: return error_origin(-ENOMEM); */
#define error_origin(r) error_origin_at((r), __FILE__, __LINE__)

/* Writes the log line. Only for error_origin(). */
void error_note(int r, const char *file, int line);

/* Only for error_origin(). Inline, so that compilers and analysers see that the result is r. */
static inline int error_origin_at(int r, const char *file, int line)
{
    error_note(r, file, line);
    return r;
}
