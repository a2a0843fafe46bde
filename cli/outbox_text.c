/* SPDX-License-Identifier: MIT */
/* Strangers' text, made harmless. */
#include "cli/outbox_text.h"

#include <stdint.h>
#include <stdio.h>

#include "base/json.h"

enum { PIECE_MAX = 16 };

/* ---- Characters ---- */

/* The first character's code (a surrogate's, too: WTF-8) and its bytes; 0 bytes: it is none. */
static size_t text_decode(struct span text, uint32_t *code)
{
    static const uint8_t lead_bits[] = {0x7F, 0x1F, 0x0F, 0x07};
    const uint8_t *at = (const uint8_t *)text.at;
    struct utf8_rest rest = {0};
    size_t len = 1;

    if (*at >= 0x80 && !utf8_begin(*at, &rest))
        return 0;
    if (*at == 0xED)
        rest.max = 0xBF;
    *code = *at & lead_bits[rest.left];
    for (; rest.left > 0; len++) {
        if (len == text.len || !utf8_continue(at[len], &rest))
            return 0;
        *code = *code << 6 | (at[len] & 0x3Fu);
    }
    return len;
}

/* Controls, and what hides or reorders the text around it. */
static bool text_is_unsafe(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } unsafe[] = {
        {0x00, 0x1F},     {0x7F, 0x9F},     {0x61C, 0x61C},   {0x200B, 0x200F}, {0x2028, 0x202E},
        {0x2060, 0x206F}, {0xD800, 0xDFFF}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB},
    };

    for (size_t i = 0; i < array_len(unsafe); i++)
        if (code >= unsafe[i].first && code <= unsafe[i].last)
            return true;
    return false;
}

/* The letter that stands for it behind a backslash; 0: none does. */
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

/* The first character as a terminal may have it: its bytes in text, and its columns. */
static size_t text_escape(struct span text, char piece[PIECE_MAX], size_t *columns)
{
    uint32_t code = 0;
    size_t len = text_decode(text, &code);

    if (len > 0 && !text_is_unsafe(code)) {
        memcpy(piece, text.at, len);
        piece[len] = '\0';
        *columns = 1;
        return len;
    }
    if (len == 0)
        (void)snprintf(piece, PIECE_MAX, "\\x%02x", (uint8_t)*text.at);
    else if (text_letter(code))
        (void)snprintf(piece, PIECE_MAX, "\\%c", text_letter(code));
    else
        (void)snprintf(piece, PIECE_MAX, code < 0x80 ? "\\x%02x" : "\\u%04x", code);
    *columns = strlen(piece);
    return len > 0 ? len : 1;
}

/* ---- Runs of them ---- */

int outbox_text_whole(struct span text, const char *line_break, struct buf *out)
{
    char piece[PIECE_MAX];
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
    } before_dots = {out->len, 0}; /* as far as there is room for dots behind it */
    char piece[PIECE_MAX];
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
        size_t len = text_decode(rest, &code);
        if (len == 0)
            r = buf_append_span(out, SPAN("\xEF\xBF\xBD"));
        else if (text_is_unsafe(code))
            r = buf_printf(out, "\\u%04x", code);
        else
            r = buf_append(out, rest.at, len);
        len += len == 0;
        rest = (struct span){rest.at + len, rest.len - len};
    }
    return r;
}
