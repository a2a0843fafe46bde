/* SPDX-License-Identifier: MIT */
/* Lines on stderr, which is a file or a pipe here. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/json_scan.h"
#include "base/util.h"
#include "tests/unit/lib/capture.h"

static char *captured; /* the line that was logged last */

/* The one line about a field "v" of that value, or of none, without the time and the line end. */
static const char *line_of(enum log_format format, const char *value)
{
    log_setup(LOG_INFO, format);
    capture_begin();
    log_info("said", "v", value);
    captured = capture_end();
    size_t len = strlen(captured);
    assert_true(len > 0 && captured[len - 1] == '\n');
    captured[len - 1] = '\0';
    assert_null(strchr(captured, '\n'));
    return strstr(captured, format == LOG_TEXT ? "info" : "\"level\"");
}

static const struct row {
    const char *name;
    const char *value;
    const char *text;
    const char *json;
} rows[] = {
    {"plain", "127.0.0.1:3000", "v=127.0.0.1:3000", "127.0.0.1:3000"},
    {"empty", "", "v=\"\"", ""},
    {"blank", "a b", "v=\"a b\"", "a b"},
    {"equals sign", "a=b", "v=\"a=b\"", "a=b"},
    {"quotes", "say \"hi\"", "v=\"say \\\"hi\\\"\"", "say \\\"hi\\\""},
    {"backslash", "a\\n", "v=\"a\\\\n\"", "a\\\\n"},
    {"a forged line", "x\n2026 error fake", "v=\"x\\n2026 error fake\"", "x\\n2026 error fake"},
    {"other ends", "a\rb\tc", "v=\"a\\rb\\tc\"", "a\\rb\\tc"},
    {"escape sequence", "\x1b[31m\x7f", "v=\"\\x1b[31m\\x7f\"", "\\u001b[31m\\u007f"},
    {"UTF-8", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", "v=\"grüß 😀\"", "grüß 😀"},
    {"C1 control",
     "a\xc2\x9b"
     "b",
     "v=\"a\\xc2\\x9bb\"", "a\\u009bb"},
    {"right-to-left override",
     "a\xe2\x80\xae"
     "b",
     "v=\"a\\u202eb\"", "a\\u202eb"},
    {"embedding, pop", "\xe2\x80\xab\xe2\x80\xac", "v=\"\\u202b\\u202c\"", "\\u202b\\u202c"},
    {"isolates", "\xe2\x81\xa7x\xe2\x81\xa9", "v=\"\\u2067x\\u2069\"", "\\u2067x\\u2069"},
    {"marks of direction", "\xe2\x80\x8f\xd8\x9c", "v=\"\\u200f\\u061c\"", "\\u200f\\u061c"},
    {"separators of lines and paragraphs", "\xe2\x80\xa8\xe2\x80\xa9", "v=\"\\u2028\\u2029\"",
     "\\u2028\\u2029"},
    {"no width", "a\xe2\x80\x8b\xef\xbb\xbf\xc2\xad", "v=\"a\\u200b\\ufeff\\u00ad\"",
     "a\\u200b\\ufeff\\u00ad"},
    {"a tag", "\xf3\xa0\x80\x81", "v=\"\\U000e0001\"", "\\udb40\\udc01"},
    {"next line", "\xc2\x85", "v=\"\\xc2\\x85\"", "\\u0085"},
    {"right to left, as it is written", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "v=\"שלום\"", "שלום"},
    {"an accent of its own", "e\xcc\x81", "v=\"e\xcc\x81\"", "e\xcc\x81"},
    {"not UTF-8", "a\xff\xfe", "v=\"a\\xff\\xfe\"", "a\xef\xbf\xbd\xef\xbf\xbd"},
    {"overlong", "\xc0\xaf", "v=\"\\xc0\\xaf\"", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"surrogate", "\xed\xa0\x80", "v=\"\\xed\\xa0\\x80\"", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"cut UTF-8", "\xf0\x9f\x98", "v=\"\\xf0\\x9f\\x98\"", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
};

static void test_value(void **state)
{
    const struct row *row = *state;
    char expected[256];

    (void)snprintf(expected, sizeof(expected), "info said %s", row->text);
    assert_string_equal(line_of(LOG_TEXT, row->value), expected);
    (void)snprintf(expected, sizeof(expected), "\"level\":\"info\",\"msg\":\"said\",\"v\":\"%s\"}",
                   row->json);
    assert_string_equal(line_of(LOG_JSON, row->value), expected);
    assert_int_equal(json_check(span_of(captured)), JSON_FINE);
}

static void test_time(void **state)
{
    int ms = -1;
    int end = 0;

    (void)state;
    (void)line_of(LOG_TEXT, "x");
    assert_int_equal(sscanf(captured, "%*4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ %n", &ms, &end), 1);
    assert_int_equal(end, strlen("2026-11-22T16:53:10.123Z "));
    assert_in_range(ms, 0, 999);
    (void)line_of(LOG_JSON, "x");
    assert_int_equal(
        sscanf(captured, "{\"time\":\"%*4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ\",%n", &ms, &end), 1);
    assert_int_equal(end, strlen("{\"time\":\"2026-11-22T16:53:10.123Z\","));
}

static void test_no_value_no_field(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    log_info("said", "a", NULL, "b", "2", "c", NULL);
    log_info("said");
    log_info("said", "forgotten");
    const char *lines = capture_end();
    assert_non_null(strstr(lines, "Z info said b=2\n"));
    const char *second = strchr(lines, '\n') + 1;
    assert_string_equal(second + strlen("2026-11-22T16:53:10.123Z "),
                        strstr(second, "info said\n"));
    assert_non_null(strstr(second, "Z info said\n2"));
    assert_null(strstr(second, "forgotten"));
}

static void test_levels(void **state)
{
    const enum log_level levels[] = {LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR};
    const char *const names[] = {"debug", "info", "warn", "error"};

    (void)state;
    for (size_t i = 0; i < array_len(levels); i++) {
        log_setup(levels[i], LOG_TEXT);
        capture_begin();
        log_debug("m");
        log_info("m");
        log_warn("m");
        log_error("m");
        const char *lines = capture_end();
        for (size_t j = 0; j < array_len(levels); j++) {
            assert_int_equal(log_enabled(levels[j]), j >= i);
            assert_int_equal(strstr(lines, names[j]) != NULL, j >= i);
        }
    }
}

static void test_numbers(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    log_info("m", "min", log_number(INT64_MIN), "max", log_number(INT64_MAX), "n", log_number(0));
    assert_non_null(
        strstr(capture_end(), " m min=-9223372036854775808 max=9223372036854775807 n=0\n"));
}

static void test_long_value_is_cut(void **state)
{
    char value[LOG_VALUE_MAX + 2];

    (void)state;
    memset(value, 'x', sizeof(value));
    value[LOG_VALUE_MAX] = '\0';
    assert_null(strstr(line_of(LOG_TEXT, value), "…"));
    value[LOG_VALUE_MAX] = 'x';
    value[LOG_VALUE_MAX + 1] = '\0';
    const char *line = line_of(LOG_TEXT, value);
    assert_int_equal(strlen(line), strlen("info said v=") + LOG_VALUE_MAX + strlen("…"));
    assert_string_equal(line + strlen(line) - strlen("x…"), "x…");
    /* Never in the middle of a character or an escape. */
    for (size_t i = 0; i < LOG_VALUE_MAX; i += 2)
        memcpy(value + i, "\xc3\xbc", 2);
    value[0] = 'x';
    value[1] = 'x';
    memcpy(value + LOG_VALUE_MAX - 1, "\xc3\xbc", 3);
    value[LOG_VALUE_MAX - 2] = '\n';
    (void)line_of(LOG_JSON, value);
    assert_int_equal(json_check(span_of(captured)), JSON_FINE);
    assert_non_null(strstr(captured, "…\"}"));
}

static void test_long_line_is_cut(void **state)
{
    char value[LOG_VALUE_MAX];

    (void)state;
    /* Each length of the first field, so that the line is full at each place of the others. */
    for (size_t len = 0; len < sizeof(value) - 1; len++)
        for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
            memset(value, '\x01', sizeof(value));
            value[sizeof(value) - 1] = '\0';
            const char *first = value + sizeof(value) - 1 - len;
            log_setup(LOG_INFO, (enum log_format)format);
            capture_begin();
            log_info(value, "a", first, "b", value, "c", value, "d", value, "e", "x", "f", "");
            const char *line = capture_end();
            size_t line_len = strlen(line);
            assert_in_range(line_len, 2, LOG_LINE_MAX);
            assert_ptr_equal(strchr(line, '\n'), line + line_len - 1);
            if (format == LOG_JSON)
                assert_int_equal(json_check(span_of(line)), JSON_FINE);
        }
}

static void test_any_bytes_make_one_line(void **state)
{
    unsigned seed = 7;
    char value[64];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        size_t len = (size_t)rand_r(&seed) % sizeof(value);
        for (size_t j = 0; j < len; j++)
            value[j] =
                (char)(rand_r(&seed) % 3 ? 0x80 + rand_r(&seed) % 0x80 : 1 + rand_r(&seed) % 0x7f);
        value[len] = '\0';
        (void)line_of(LOG_JSON, value);
        assert_int_equal(json_check(span_of(captured)), JSON_FINE);
        for (const char *c = line_of(LOG_TEXT, value); *c; c++)
            assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
    }
}

/* The next line that goes out tells how many did not, once. */
static void assert_told_lost(const char *lines)
{
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    log_info("said");
    log_info("said");
    const char *first = capture_end();
    const char *second = strchr(first, '\n');

    assert_non_null(strstr(first, " warn the log had no room: lines are missing lines="));
    assert_memory_equal(strstr(first, "lines=") + strlen("lines="), lines, strlen(lines));
    assert_non_null(second);
    assert_null(strstr(second, "missing"));
    assert_non_null(strstr(second, " info said\n"));
}

static void test_errno_stays(void **state)
{
    (void)state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int saved = dup(STDERR_FILENO);
    (void)dup2(full, STDERR_FILENO);
    errno = ENOTTY;
    log_error("nobody reads this");
    int after = errno;
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    (void)close(full);
    assert_int_equal(after, ENOTTY);
    assert_told_lost("1\n");
}

/* What a full disk has taken of a line is not the beginning of the next one. */
static void test_torn_line_ends(void **state)
{
    (void)state;
    struct rlimit limit;
    log_setup(LOG_INFO, LOG_TEXT);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    rlim_t before = limit.rlim_cur;

    capture_begin();
    log_info("said");
    limit.rlim_cur = (rlim_t)lseek(STDERR_FILENO, 0, SEEK_CUR) + 10;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    log_info("torn");
    limit.rlim_cur = before;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    log_info("said again");
    const char *torn = strchr(capture_end(), '\n') + 1;
    const char *told = torn + 11;

    assert_int_equal(torn[10], '\n');
    assert_memory_equal(told, torn, 4); /* the year */
    assert_non_null(strstr(told, " warn the log had no room: lines are missing lines=1\n"));
    assert_non_null(strstr(told, " info said again\n"));
    assert_null(strstr(told, "torn"));
}

static void test_reader_gone(void **state)
{
    int ends[2];

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[0]);
    int saved = dup(STDERR_FILENO);
    (void)dup2(ends[1], STDERR_FILENO);
    log_error("nobody reads this");
    log_error("nor this");
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    (void)close(ends[1]);
    assert_told_lost("2\n");
}

/* ---- Threads ---- */

enum { THREADS = 4, LINES = 500, LETTERS = 900 };

static void *write_lines(void *letter)
{
    char value[LETTERS + 1];

    memset(value, *(char *)letter, LETTERS);
    value[LETTERS] = '\0';
    for (int i = 0; i < LINES; i++)
        log_info("m", "a", value, "b", value, "c", value);
    return NULL;
}

static void check_whole(const char *line)
{
    const char *a = strstr(line, " a=");
    char expected[LETTERS + 1];

    assert_non_null(a);
    memset(expected, a[3], LETTERS);
    expected[LETTERS] = '\0';
    assert_int_equal(strlen(a), 3 * (LETTERS + strlen(" a=")));
    for (int i = 0; i < 3; i++)
        assert_memory_equal(a + i * (LETTERS + 3) + 3, expected, LETTERS);
}

static void test_threads_do_not_mix_lines(void **state)
{
    static char letters[THREADS] = {'p', 'q', 'r', 's'};
    pthread_t threads[THREADS];
    int ends[2];
    cleanup(freep) char *line = NULL;
    size_t cap = 0;
    int lines = 0;

    (void)state;
    log_setup(LOG_INFO, LOG_TEXT);
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    (void)dup2(ends[1], STDERR_FILENO);
    (void)close(ends[1]);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &letters[i]), 0);
    FILE *reader = fdopen(ends[0], "r");
    for (; lines < THREADS * LINES && getline(&line, &cap, reader) > 0; lines++) {
        line[strcspn(line, "\n")] = '\0';
        check_whole(line);
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    (void)fclose(reader);
    assert_int_equal(lines, THREADS * LINES);
}

int main(void)
{
    struct CMUnitTest tests[10 + array_len(rows)] = {
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_no_value_no_field),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_long_value_is_cut),
        cmocka_unit_test(test_long_line_is_cut),
        cmocka_unit_test(test_any_bytes_make_one_line),
        cmocka_unit_test(test_threads_do_not_mix_lines), /* it has patience: no line is lost yet */
        cmocka_unit_test(test_errno_stays),
        cmocka_unit_test(test_torn_line_ends),
        cmocka_unit_test(test_reader_gone),
    };
    size_t n = 10;

    for (size_t i = 0; i < array_len(rows); i++)
        tests[n++] =
            (struct CMUnitTest){rows[i].name, test_value, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    return _cmocka_run_group_tests("log", tests, n, NULL, NULL);
}
