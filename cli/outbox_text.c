/* SPDX-License-Identifier: MIT */
/* Text that strangers wrote, escaped for terminals and for programs. */
#include "cli/outbox_text.h"

#include <stdio.h>

#include "base/glyph.h"
#include "base/json.h"

/* ---- Characters ---- */

/* The letter that stands for the character behind a backslash; 0: none. */
static char text_letter(uint32_t code)
{
    switch (code) {
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

/* Writes the first character of text in a form that is safe on a terminal, and how many columns
 * that form takes. Returns how many bytes of text the character has. */
static size_t text_escape(struct span text, char piece[GLYPH_ESCAPE_MAX], size_t *columns)
{
    uint32_t code = 0;
    size_t len = glyph_decode(text, &code);

    if (len > 0 && !glyph_is_unsafe(code)) {
        memcpy(piece, text.at, len);
        piece[len] = '\0';
        *columns = glyph_columns(code);
        return len;
    }
    if (len == 0)
        (void)snprintf(piece, GLYPH_ESCAPE_MAX, "\\x%02x", (uint8_t)*text.at);
    else if (text_letter(code))
        (void)snprintf(piece, GLYPH_ESCAPE_MAX, "\\%c", text_letter(code));
    else if (code < 0x80)
        (void)snprintf(piece, GLYPH_ESCAPE_MAX, "\\x%02x", code);
    else
        glyph_escape(code, false, piece);
    *columns = strlen(piece);
    return len > 0 ? len : 1;
}

/* ---- Runs of them ---- */

int outbox_text_whole(struct span text, const char *line_break, struct buf *out)
{
    char piece[GLYPH_ESCAPE_MAX];
    size_t columns;
    int r = 0;

    while (!r && text.len > 0) {
        size_t len = text_escape(text, piece, &columns);
        bool breaks = line_break && *text.at == '\n';
        r = buf_append_span(out, span_of(breaks ? line_break : piece));
        text = (struct span){text.at + len, text.len - len};
    }
    return r;
}

int outbox_text_cut(struct span text, size_t width, size_t *used, struct buf *out)
{
    struct {
        size_t len, used;
    } before_dots = {out->len, 0}; /* the longest beginning that leaves a column for the dots */
    char piece[GLYPH_ESCAPE_MAX];
    size_t columns;
    int r = 0;

    *used = 0;
    while (!r && text.len > 0) {
        size_t len = text_escape(text, piece, &columns);
        if (*used + columns > width) {
            out->len = before_dots.len;
            *used = before_dots.used + 1;
            return buf_append_span(out, SPAN("…"));
        }
        r = buf_append_span(out, span_of(piece));
        *used += columns;
        if (*used < width) {
            before_dots.len = out->len;
            before_dots.used = *used;
        }
        text = (struct span){text.at + len, text.len - len};
    }
    return r;
}

int outbox_text_json(struct span text, struct buf *out)
{
    cleanup(buf_done) struct buf quoted = BUF_NULL;
    int r = json_quote(text, &quoted);
    struct span rest = buf_span(&quoted);

    while (!r && rest.len > 0) {
        uint32_t code = 0;
        char piece[GLYPH_ESCAPE_MAX];
        size_t len = glyph_decode(rest, &code);
        bool unsafe = len > 0 && glyph_is_unsafe(code);
        if (unsafe)
            glyph_escape(code, true, piece);
        if (len == 0)
            r = buf_append_span(out, SPAN("\xEF\xBF\xBD"));
        else if (unsafe)
            r = buf_append_span(out, span_of(piece));
        else
            r = buf_append(out, rest.at, len);
        len += len == 0;
        rest = (struct span){rest.at + len, rest.len - len};
    }
    return r;
}
