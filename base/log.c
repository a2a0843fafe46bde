/* SPDX-License-Identifier: MIT */
/*
 * The log: one line on stderr for each thing worth knowing.
 *
 * A line is built on the stack and written by one write(2): no lock, no allocation. While stderr is
 * a pipe or a terminal that nobody empties, lines are left out; once there is room again, a line
 * tells their number. Once a minute at most, a line waits up to a second for room.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/glyph.h"

_Static_assert(LOG_LINE_MAX <= PIPE_BUF, "a pipe may tear longer lines apart");

enum {
    LOG_TAIL = 8,           /* bytes kept free for an ellipsis, a quote, a brace and the line end */
    LOG_UTF8_MAX = 4,       /* bytes of a character */
    LOG_PATIENCE_MS = 1000, /* how long a line waits for a slow reader */
    LOG_IMPATIENCE_MS = 60 * 1000, /* how long after a lost line no other line waits */
};

struct log_line {
    char at[LOG_LINE_MAX];
    size_t len;
};

static enum log_level log_level_min = LOG_INFO;
static enum log_format log_format_now = LOG_TEXT;
static int log_fd = STDERR_FILENO;
static bool log_is_socket;
static atomic_bool log_torn;  /* the last line was written in part, as on a full disk */
static atomic_llong log_lost; /* lines since the last one that was written */
static atomic_llong log_lost_ms = -LOG_IMPATIENCE_MS; /* monotonic; when the last line was lost */

static const char *const log_level_names[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_level level, enum log_format format)
{
    log_level_min = level;
    log_format_now = format;
}

int log_enabled(enum log_level level)
{
    return level >= log_level_min;
}

static bool log_fits(const struct log_line *line, size_t len)
{
    return line->len + len <= LOG_LINE_MAX - LOG_TAIL;
}

/* The text must fit: log_fits() was asked, or LOG_TAIL has room for it. */
static void log_put(struct log_line *line, const char *text)
{
    size_t len = strlen(text);

    memcpy(line->at + line->len, text, len);
    line->len += len;
}

/* Decodes the first character of a C string. Returns its bytes; 0: no character. */
static size_t log_utf8(const char *s, uint32_t *code)
{
    size_t len = glyph_decode((struct span){s, strnlen(s, LOG_UTF8_MAX)}, code);

    return *code >= 0xD800 && *code <= 0xDFFF ? 0 : len; /* UTF-8 has no surrogates */
}

/* Writes the first character of text in a form that is safe in a value. Returns its bytes. */
static size_t log_escape(const char *text, bool json, char piece[GLYPH_ESCAPE_MAX])
{
    unsigned char c = (unsigned char)*text;
    uint32_t code = 0;
    size_t len = log_utf8(text, &code);

    if (c == '"' || c == '\\') {
        (void)snprintf(piece, GLYPH_ESCAPE_MAX, "\\%c", c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
        (void)snprintf(piece, GLYPH_ESCAPE_MAX, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    } else if (c < 0x20 || c == 0x7f) {
        (void)snprintf(piece, GLYPH_ESCAPE_MAX, json ? "\\u%04x" : "\\x%02x", c);
    } else if (len == 0 || (code < 0xa0 && code >= 0x80 && !json)) {
        (void)snprintf(piece, GLYPH_ESCAPE_MAX, json ? "\xef\xbf\xbd" : "\\x%02x", c);
        return 1;
    } else if (glyph_is_unsafe(code)) {
        glyph_escape(code, json, piece);
    } else {
        memcpy(piece, text, len);
        piece[len] = '\0';
    }
    return len;
}

/* Puts escaped text, and an ellipsis in the place of what does not fit. */
static void log_put_escaped(struct log_line *line, const char *text, bool json)
{
    size_t start = line->len;
    char piece[GLYPH_ESCAPE_MAX];

    while (*text) {
        text += log_escape(text, json, piece);
        if (!log_fits(line, strlen(piece)) || line->len - start + strlen(piece) > LOG_VALUE_MAX) {
            log_put(line, "…");
            return;
        }
        log_put(line, piece);
    }
}

/* Whether a value without quotes could be misread in the text format. */
static bool log_needs_quotes(const char *value)
{
    if (!*value)
        return true;
    for (const char *c = value; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\' || *c == '=')
            return true;
    return false;
}

static void log_put_field(struct log_line *line, const char *key, const char *value)
{
    bool json = log_format_now == LOG_JSON;
    bool quotes = json || log_needs_quotes(value);

    if (!log_fits(line, strlen(key) + strlen(",\"\":\"\"")))
        return;
    log_put(line, json ? ",\"" : " ");
    log_put(line, key);
    log_put(line, json ? "\":" : "=");
    log_put(line, quotes ? "\"" : "");
    log_put_escaped(line, value, json);
    log_put(line, quotes ? "\"" : "");
}

static void log_put_time(struct log_line *line)
{
    char time[CLOCK_ISO_MAX];

    log_put(line, clock_iso(clock_wall_ms(&clock_system), time) ? time : "-");
}

static void log_put_head(struct log_line *line, enum log_level level, const char *message)
{
    bool json = log_format_now == LOG_JSON;

    log_put(line, json ? "{\"time\":\"" : "");
    log_put_time(line);
    log_put(line, json ? "\",\"level\":\"" : " ");
    log_put(line, log_level_names[level]);
    log_put(line, json ? "\",\"msg\":\"" : " ");
    log_put_escaped(line, message, json);
    log_put(line, json ? "\"" : "");
}

/* ---- writing ---- */

/*
 * Opens stderr a second time, with O_NONBLOCK. poll(2) tells of room where there may be less than a
 * line, so a write must not wait. O_NONBLOCK on stderr would also hold for other programs that
 * share stderr. A socket needs no second opening: send(2) takes a flag.
 */
static void log_open_again(void)
{
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0)
        log_fd = fd; /* stays open to the end */
}

/*
 * Sets O_APPEND, so that a log that was emptied (logrotate's copytruncate) goes on at its
 * beginning, and not behind as many NULs as there were bytes. The flag suits other programs that
 * share stderr, too: all write to the end. A second opening is no way here: another user may own
 * the file.
 */
static void log_append(void)
{
    int flags = fcntl(STDERR_FILENO, F_GETFL);

    if (flags >= 0)
        (void)fcntl(STDERR_FILENO, F_SETFL, flags | O_APPEND);
}

void log_open(void)
{
    struct stat st;

    if (fstat(STDERR_FILENO, &st) < 0)
        return;
    log_is_socket = S_ISSOCK(st.st_mode);
    if (S_ISREG(st.st_mode))
        log_append();
    else if (S_ISFIFO(st.st_mode) || isatty(STDERR_FILENO))
        log_open_again();
}

static bool log_has_room(void)
{
    struct pollfd out = {.fd = log_fd, .events = POLLOUT};

    if (poll(&out, 1, 0) != 0)
        return true;
    if (clock_mono_ms(&clock_system) - atomic_load(&log_lost_ms) < LOG_IMPATIENCE_MS)
        return false;
    return poll(&out, 1, LOG_PATIENCE_MS) != 0;
}

static bool log_send(const struct log_line *line)
{
    ssize_t n;

    do
        n = log_is_socket ? send(log_fd, line->at, line->len, MSG_DONTWAIT | MSG_NOSIGNAL)
                          : write(log_fd, line->at, line->len);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        atomic_store(&log_torn, n < (ssize_t)line->len);
    return n == (ssize_t)line->len;
}

static void log_lose(long long lines)
{
    atomic_store(&log_lost_ms, clock_mono_ms(&clock_system));
    atomic_fetch_add(&log_lost, lines);
}

static void log_end(struct log_line *line)
{
    log_put(line, log_format_now == LOG_JSON ? "}\n" : "\n");
}

static bool log_tell_lost(long long lost)
{
    struct log_line line;
    char text[24];

    line.len = 0;
    if (atomic_load(&log_torn))
        log_put(&line, "\n");
    log_put_head(&line, LOG_WARN, "the log had no room: lines are missing");
    log_put_field(&line, "lines", log_number_text(text, lost));
    log_end(&line);
    return log_send(&line);
}

/* Whether a line can be written. Tells about lost lines first. */
static bool log_may_send(void)
{
    if (!log_has_room())
        return false;
    long long lost = atomic_exchange(&log_lost, 0);
    if (lost == 0 || log_tell_lost(lost))
        return true;
    log_lose(lost);
    return false;
}

void log_write(enum log_level level, const char *message, ...)
{
    int saved = errno;
    struct log_line line;
    va_list fields;

    if (!log_enabled(level))
        return;
    if (!log_may_send()) {
        log_lose(1);
        errno = saved;
        return;
    }
    line.len = 0;
    log_put_head(&line, level, message);
    va_start(fields, message);
    for (const char *key; (key = va_arg(fields, const char *));) {
        const char *value = va_arg(fields, const char *);
        if (value)
            log_put_field(&line, key, value);
    }
    va_end(fields);
    log_end(&line);
    if (!log_send(&line))
        log_lose(1);
    errno = saved;
}

const char *log_number_text(char text[24], long long n)
{
    (void)snprintf(text, 24, "%lld", n);
    return text;
}
