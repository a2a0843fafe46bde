/* SPDX-License-Identifier: MIT */
/*
 * The log: one line on stderr for each thing worth knowing, with a time, a level, a message and
 * fields.
 *
 *   log_info("listening", "address", "127.0.0.1:3000");
 *   2026-11-22T16:53:10.123Z info listening address=127.0.0.1:3000
 *
 * The message is a constant. All that varies goes into fields, which are pairs of a key and a C
 * string. A NULL value leaves its field out. Values are escaped, so that a line stays one line, and
 * are cut at LOG_VALUE_MAX bytes. No field ever holds a secret or a record's contents.
 *
 * Any thread may log. errno stays as it was. A reader of stderr that went away or does not read
 * costs lines, not the process: lines that a pipe does not take within a second are left out and
 * counted.
 */
#pragma once

#include <stddef.h>

enum {
    LOG_LINE_MAX = 4096, /* PIPE_BUF: a pipe takes a line as a whole, so that lines never mix */
    LOG_VALUE_MAX = 1024,
};

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* Gets stderr ready: from this call on no line waits long for room, and in a file each line goes to
 * the end. To be called before there are other threads. */
void log_open(void);

/* Sets what is logged and how; before that: info and text. To be called before there are other
 * threads. */
void log_setup(enum log_level level, enum log_format format);

/* Whether lines of that level are written. A caller whose fields cost something asks first. */
int log_enabled(enum log_level level);

/* Writes a line: fields as above, ended by LOG_END. The macros below add that end. */
void log_write(enum log_level level, const char *message, ...) __attribute__((__sentinel__));

/* Twice NULL: log_write() stops at the second one where a key was given without a value. */
#define LOG_END (char *)NULL, (char *)NULL

#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__, LOG_END)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__, LOG_END)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__, LOG_END)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__, LOG_END)

/* A number as the value of a field. Valid until the end of the enclosing block. */
#define log_number(n) log_number_text((char[24]){0}, (long long)(n))
const char *log_number_text(char text[24], long long n);
