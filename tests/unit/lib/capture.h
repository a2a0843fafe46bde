/* SPDX-License-Identifier: MIT */
/* What is logged, for a test that reads it. */
#pragma once

/* Sends standard error to a file from now on. */
void capture_begin(void);
/* Ends that. Returns what was written meanwhile, which is valid until the next call. */
char *capture_end(void);

/* How many lines of a text hold a part. */
int capture_count(const char *text, const char *part);
