/* SPDX-License-Identifier: MIT */
/*
 * Finds the end of a value. A container may be megabytes of brackets and short strings, and the
 * loop waits meanwhile: so it is looked at 16 bytes at a time where there is SSE2.
 */
#include "base/json_skip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    SKIP_BLOCK = 16,    /* bytes */
    SKIP_BY_BYTES = 64, /* before blocks are worth it */
};

const char *json_skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

/* ---- strings ---- */

/* Sets the top bit of each byte of eight that is c, and perhaps of bytes above one that is. */
static uint64_t skip_bytes_that_are(uint64_t bytes, char c)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t zero = bytes ^ each * (uint8_t)c;

    return (zero - each) & ~zero & each * 0x80;
}

static uint64_t skip_load_8(const char *at)
{
    uint64_t bytes;

    memcpy(&bytes, at, sizeof(bytes));
    return bytes;
}

/* Whether eight bytes of a string are all inside it, and no escape begins there. */
static bool skip_string_goes_on(const char *at)
{
    uint64_t bytes = skip_load_8(at);

    return !(skip_bytes_that_are(bytes, '"') | skip_bytes_that_are(bytes, '\\'));
}

/* at is inside of the string. */
static const char *skip_rest_of_string(const char *at, const char *end)
{
    for (;;) {
        while (end - at >= 8 && skip_string_goes_on(at))
            at += 8;
        for (int i = 0; i < 8; i++, at++) {
            if (at >= end)
                return end;
            if (*at == '"')
                return at + 1;
            at += *at == '\\';
        }
    }
}

const char *json_skip_string(const char *at, const char *end)
{
    return skip_rest_of_string(at + 1, end);
}

/* ---- containers ---- */

/* at is outside of strings, depth levels deep. Goes on for a while, or to the end. */
static const char *skip_by_bytes(const char *at, const char *end, size_t *depth)
{
    const char *until = end - at > SKIP_BY_BYTES ? at + SKIP_BY_BYTES : end;

    while (at < until) {
        if (*at == '"') {
            at = json_skip_string(at, end);
            continue;
        }
        if (*at == '{' || *at == '[')
            ++*depth;
        else if (*at == '}' || *at == ']')
            --*depth;
        at++;
        if (*depth == 0)
            break;
    }
    return at;
}

#ifdef __SSE2__

static __m128i skip_bytes_equal(__m128i bytes, char c)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

/* Each byte becomes the exclusive or of itself and those before it. */
static __m128i skip_parities(__m128i bytes)
{
    bytes = _mm_xor_si128(bytes, _mm_slli_si128(bytes, 1));
    bytes = _mm_xor_si128(bytes, _mm_slli_si128(bytes, 2));
    bytes = _mm_xor_si128(bytes, _mm_slli_si128(bytes, 4));
    return _mm_xor_si128(bytes, _mm_slli_si128(bytes, 8));
}

static __m128i skip_sums(__m128i bytes)
{
    bytes = _mm_add_epi8(bytes, _mm_slli_si128(bytes, 1));
    bytes = _mm_add_epi8(bytes, _mm_slli_si128(bytes, 2));
    bytes = _mm_add_epi8(bytes, _mm_slli_si128(bytes, 4));
    return _mm_add_epi8(bytes, _mm_slli_si128(bytes, 8));
}

/* How much deeper it is behind each byte than before the first; strings: all ones inside. */
static __m128i skip_depths(__m128i bytes, __m128i strings)
{
    __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20)); /* [ and ] become { and } */
    __m128i opens = _mm_andnot_si128(strings, skip_bytes_equal(folded, '{'));
    __m128i closes = _mm_andnot_si128(strings, skip_bytes_equal(folded, '}'));

    return skip_sums(_mm_sub_epi8(closes, opens)); /* all ones are -1 */
}

/* What is escaped becomes plain, a byte at a time, where an escape may be escaped itself. */
static __m128i skip_unescape(const char *at, unsigned escapes, bool *escaped)
{
    char plain[SKIP_BLOCK + 1];

    memcpy(plain, at, SKIP_BLOCK);
    if (*escaped) {
        plain[0] = 'x';
        escapes &= ~1U;
    }
    *escaped = false;
    while (escapes) {
        int i = __builtin_ctz(escapes);
        plain[i + 1] = 'x';
        *escaped = i + 1 == SKIP_BLOCK;
        escapes &= ~(3U << i);
    }
    return _mm_loadu_si128((const void *)plain);
}

/* Loads a block. *escaped: the byte behind the block, or before the call its first. */
static __m128i skip_load_block(const char *at, bool *escaped)
{
    __m128i bytes = _mm_loadu_si128((const void *)at);
    __m128i backslashes = skip_bytes_equal(bytes, '\\');
    unsigned escapes = (unsigned)_mm_movemask_epi8(backslashes);

    if (!escapes && !*escaped)
        return bytes;
    if (escapes & (escapes << 1 | *escaped))
        return skip_unescape(at, escapes, escaped);
    __m128i first = _mm_cvtsi32_si128(*escaped ? UINT8_MAX : 0);
    *escaped = escapes >> (SKIP_BLOCK - 1);
    return _mm_or_si128(bytes, _mm_or_si128(_mm_slli_si128(backslashes, 1), first));
}

/* The same as above, as far as there are blocks. */
static const char *skip_by_blocks(const char *at, const char *end, size_t *depth)
{
    bool inside = false; /* the block begins inside of a string */
    bool escaped = false;

    for (; end - at >= SKIP_BLOCK; at += SKIP_BLOCK) {
        __m128i bytes = skip_load_block(at, &escaped);
        __m128i quotes = skip_bytes_equal(bytes, '"');
        __m128i strings = _mm_xor_si128(skip_parities(quotes), _mm_set1_epi8(inside ? -1 : 0));
        __m128i depths = skip_depths(bytes, strings);
        if (*depth <= SKIP_BLOCK) {
            int ends = _mm_movemask_epi8(skip_bytes_equal(depths, (char)-(int)*depth));
            if (ends) {
                *depth = 0;
                return at + __builtin_ctz((unsigned)ends) + 1;
            }
        }
        *depth += (size_t)(int8_t)(_mm_extract_epi16(depths, SKIP_BLOCK / 2 - 1) >> 8);
        inside ^= __builtin_parity((unsigned)_mm_movemask_epi8(quotes));
    }
    return inside ? skip_rest_of_string(at + escaped, end) : at;
}

#else

static const char *skip_by_blocks(const char *at, const char *end, size_t *depth)
{
    (void)end;
    (void)depth;
    return at;
}

#endif

static const char *skip_container(const char *at, const char *end)
{
    size_t depth = 0;

    do {
        at = skip_by_bytes(at, end, &depth);
        if (depth > 0)
            at = skip_by_blocks(at, end, &depth);
    } while (at < end && depth > 0);
    return at;
}

const char *json_skip_value(const char *at, const char *end)
{
    if (at == end)
        return at;
    if (*at == '"')
        return json_skip_string(at, end);
    if (*at == '{' || *at == '[')
        return skip_container(at, end);
    while (at < end && !strchr(",]} \t\n\r", *at))
        at++;
    return at;
}
