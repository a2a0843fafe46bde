/* SPDX-License-Identifier: MIT */
/* What is logged goes to a file, where a test counts it. */
#pragma once

struct capture {
    char path[32];
    int file, before;
};

/* Standard error goes to a file of its own from now on, from LOG_INFO. */
void capture_begin(struct capture *capture);
/* Standard error is what it was, and errors alone are logged. The file stays. */
void capture_end(struct capture *capture);
/* How many lines hold a text. */
int capture_count(struct capture *capture, const char *text);
/* Removes the file. */
void capture_done(struct capture *capture);
