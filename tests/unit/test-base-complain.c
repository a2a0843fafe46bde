/* SPDX-License-Identifier: MIT */
/* Complaints are one line, whatever the names in them hold. */
#include "base/complain.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/lib/rows.h"

struct complaint {
    const char *name;
    const char *text;
    const char *line;
};

static struct complaint complaints[] = {
    {"a plain text", "OUTBOX: x.db: is not a file", "convex-relay: OUTBOX: x.db: is not a file\n"},
    {"ends of lines", "a\nb\rc", "convex-relay: a?b?c\n"},
    {"what moves a cursor", "\x1b[2J\tx\x7f", "convex-relay: ?[2J?x?\n"},
    {"a control of Latin-1",
     "a\xc2\x9b"
     "b\xc2\x85"
     "c",
     "convex-relay: a?b?c\n"},
    {"Unicode's ends of lines", "a\u2028b\u2029c", "convex-relay: a?b?c\n"},
    {"what turns a line around", "\u202agpj\u202e.\u2066x\u2069", "convex-relay: ?gpj?.?x?\n"},
    {"what is not seen", "a\u200bb\u206ac", "convex-relay: a?b?c\n"},
    {"other characters", "\u00e9\u00a0\u2027\u202f", "convex-relay: \u00e9\u00a0\u2027\u202f\n"},
    {"bytes that are no text", "a\xe2\x80", "convex-relay: a\xe2\x80\n"},
};

static void complain_by(FILE *to, const char *format, ...) printf_like(2, 3);
static void complain_by(FILE *to, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain_to(to, format, args);
    va_end(args);
}

static void complaint_is_one_line(void **state)
{
    const struct complaint *complaint = *state;
    cleanup(freep) char *written = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&written, &len);

    assert_non_null(to);
    complain_by(to, "%s", complaint->text);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(written, complaint->line);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(complaints)];

    rows_add(tests, 0, complaints, complaint_is_one_line);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
