/* SPDX-License-Identifier: MIT */
/* Complaints on stderr, for a person whose command did not do what it should. */
#include "base/complain.h"

#include <stdint.h>

#include "base/glyph.h"

static void complain_put(FILE *to, struct span text)
{
    while (text.len > 0) {
        uint32_t code = 0;
        size_t len = glyph_decode(text, &code);
        size_t taken = len > 0 ? len : 1; /* a byte that is part of no character */
        if (len > 0 && glyph_is_unsafe(code))
            (void)fputc('?', to);
        else
            (void)fwrite(text.at, 1, taken, to);
        text = (struct span){text.at + taken, text.len - taken};
    }
}

void complain_to(FILE *to, const char *format, va_list args)
{
    char *text = NULL;
    int len = vasprintf(&text, format, args);

    (void)fputs("convex-relay: ", to);
    complain_put(to, span_of(len < 0 ? format : text));
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
