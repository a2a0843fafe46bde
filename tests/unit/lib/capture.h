/* SPDX-License-Identifier: MIT */
/* What is logged, for a test that reads it. */
#pragma once

/* Standard error goes to a file from now on. */
void capture_begin(void);
/* Standard error is what it was. What was written to the file, until the next call. */
char *capture_end(void);

/* How many lines of a text hold a part. */
int capture_count(const char *text, const char *part);
