/* SPDX-License-Identifier: MIT */
/* UTF-8: which bytes may follow each other (RFC 3629, section 4), and how a code is written. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct utf8_rest {
    uint8_t left; /* bytes of the sequence that are still to come */
    uint8_t min; /* bounds of the next byte, which rule out long forms, surrogates and > U+10FFFF */
    uint8_t max;
};

/* Whether a byte that is not ASCII can begin a sequence. */
static inline bool utf8_begin(uint8_t lead, struct utf8_rest *rest)
{
    if (lead < 0xC2 || lead > 0xF4)
        return false;
    *rest = (struct utf8_rest){.left = 1, .min = 0x80, .max = 0xBF};
    if (lead >= 0xE0) {
        rest->left = 2;
        if (lead == 0xE0)
            rest->min = 0xA0;
        if (lead == 0xED)
            rest->max = 0x9F;
    }
    if (lead >= 0xF0) {
        rest->left = 3;
        if (lead == 0xF0)
            rest->min = 0x90;
        if (lead == 0xF4)
            rest->max = 0x8F;
    }
    return true;
}

/* Whether the byte continues the sequence; rest->left is 0 once the sequence is whole. */
static inline bool utf8_continue(uint8_t byte, struct utf8_rest *rest)
{
    if (byte < rest->min || byte > rest->max)
        return false;
    *rest = (struct utf8_rest){.left = (uint8_t)(rest->left - 1), .min = 0x80, .max = 0xBF};
    return true;
}

/* How many of len bytes form whole characters: where a text may be cut. text[len] must be there. */
static inline size_t utf8_whole(const char *text, size_t len)
{
    while (len > 0 && ((uint8_t)text[len] & 0xC0) == 0x80)
        len--;
    return len;
}

/* Writes a code point or a lone surrogate as WTF-8. Returns the number of bytes. */
static inline size_t utf8_put(int code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}
