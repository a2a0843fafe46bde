/* SPDX-License-Identifier: MIT */
/* What people read who started a program that does not do what they wanted. */
#include "base/complain.h"

#include <stdbool.h>
#include <stdint.h>

/* The bytes of the control character that text begins with; 0: it begins with none. */
static size_t complain_control_len(const uint8_t *text)
{
    if (text[0] < 0x20 || text[0] == 0x7f)
        return 1;
    if (text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0)
        return 2;
    /* Unicode's ends of lines and turns of direction: U+2028 to U+202E, U+2066 to U+2069. */
    bool turns = text[0] == 0xe2 && ((text[1] == 0x80 && text[2] >= 0xa8 && text[2] <= 0xae) ||
                                     (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9));
    return turns ? 3 : 0;
}

static void complain_put(FILE *to, const char *text)
{
    const uint8_t *at = (const uint8_t *)text;

    while (*at) {
        size_t len = complain_control_len(at);
        (void)fputc(len > 0 ? '?' : *at, to);
        at += len > 0 ? len : 1;
    }
}

void complain_to(FILE *to, const char *format, va_list args)
{
    char *text = NULL;
    int len = vasprintf(&text, format, args);

    (void)fputs("convex-relay: ", to);
    complain_put(to, len < 0 ? format : text);
    (void)fputc('\n', to);
    if (len >= 0)
        free(text);
}

void complain(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain_to(stderr, format, args);
    va_end(args);
}
