/* SPDX-License-Identifier: MIT */
/*
 * Skips values of JSON text that has passed the scanner.
 *
 * A container may be megabytes of brackets and short strings, and the loop waits while its end is
 * searched. So containers are read 16 bytes at a time where the processor has SSE2, and so are
 * strings with many escapes.
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
    SKIP_BLOCK = 16, /* bytes */
    SKIP_STRING_BLOCK = 64,
    SKIP_BY_BYTES = 64, /* of a container, before blocks are worth their cost */
    SKIP_SLOW_MAX = 8,  /* runs of bytes in a string, before blocks are worth their cost */
};

const char *json_skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

/* ---- strings ---- */

/* Sets the top bit of each of eight bytes that is c. The borrow may set the top bits of bytes above
 * such a byte, too. */
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

/* Whether eight bytes of a string hold neither its end nor an escape. */
static bool skip_string_goes_on(const char *at)
{
    uint64_t bytes = skip_load_8(at);

    return !(skip_bytes_that_are(bytes, '"') | skip_bytes_that_are(bytes, '\\'));
}

#ifdef __SSE2__

static __m128i skip_bytes_equal(__m128i bytes, char c)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

/* Returns a bit for each of 64 bytes: 1 where the byte is c. */
static uint64_t skip_bits_equal(const char *at, char c)
{
    uint64_t bits = 0;

    for (int i = 0; i < SKIP_STRING_BLOCK; i += SKIP_BLOCK) {
        __m128i bytes = _mm_loadu_si128((const void *)(at + i));
        bits |= (uint64_t)(unsigned)_mm_movemask_epi8(skip_bytes_equal(bytes, c)) << i;
    }
    return bits;
}

/*
 * Returns a bit for each of 16 or 64 bytes: 1 where a backslash escapes the byte. Before, *first is
 * 1 where the byte in front escapes the first one; after, where the last byte escapes the one
 * behind.
 *
 * In a run of backslashes every other one escapes. An addition carries a run's first bit to its
 * end, and there the parity of the run's length shows. Source: Langdale, Lemire, "Parsing Gigabytes
 * of JSON per Second", 2019, section 3.1.1.
 */
static uint64_t skip_bits_escaped(uint64_t backslashes, unsigned bytes, uint64_t *first)
{
    const uint64_t even = UINT64_C(0x5555555555555555);
    uint64_t runs;

    backslashes &= ~*first;
    uint64_t follows = backslashes << 1 | *first;
    uint64_t odd_starts = backslashes & ~even & ~follows;
    bool carried = __builtin_add_overflow(odd_starts, backslashes, &runs);
    *first = bytes == SKIP_STRING_BLOCK ? carried : runs >> bytes & 1;
    return (even ^ runs << 1) & follows;
}

/* Goes on to the string's end, or to where fewer than 64 bytes are left. */
static const char *skip_string_by_blocks(const char *at, const char *end)
{
    uint64_t first = 0;

    for (; end - at >= SKIP_STRING_BLOCK; at += SKIP_STRING_BLOCK) {
        uint64_t escaped = skip_bits_escaped(skip_bits_equal(at, '\\'), SKIP_STRING_BLOCK, &first);
        uint64_t quotes = skip_bits_equal(at, '"') & ~escaped;
        if (quotes)
            return at + __builtin_ctzll(quotes);
    }
    return at + (first && at < end);
}

#else

static const char *skip_string_by_blocks(const char *at, const char *end)
{
    (void)end;
    return at;
}

#endif

/* at is inside a string. Returns the place behind the string. */
static const char *skip_rest_of_string(const char *at, const char *end)
{
    for (int slow = 0;; slow++) {
        if (slow == SKIP_SLOW_MAX)
            at = skip_string_by_blocks(at, end);
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

/* Goes on for SKIP_BY_BYTES, or to the container's end. at is outside of strings, *depth levels
 * deep. */
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

/* Makes each byte the exclusive or of all bytes up to and with that one. */
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

/* How many levels deeper the place behind each byte is than the place before the first byte.
 * strings: all ones where a byte is inside a string. */
static __m128i skip_depths(__m128i bytes, __m128i strings)
{
    __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20)); /* [ and ] become { and } */
    __m128i opens = _mm_andnot_si128(strings, skip_bytes_equal(folded, '{'));
    __m128i closes = _mm_andnot_si128(strings, skip_bytes_equal(folded, '}'));

    return skip_sums(_mm_sub_epi8(closes, opens)); /* all ones are -1 */
}

/* Makes a byte of each bit: all ones, or zero. */
static __m128i skip_spread(unsigned bits)
{
    const __m128i each = _mm_set1_epi64x((int64_t)UINT64_C(0x8040201008040201));
    __m128i bytes = _mm_cvtsi32_si128((int)bits);

    bytes = _mm_unpacklo_epi8(bytes, bytes);
    bytes = _mm_shufflelo_epi16(bytes, _MM_SHUFFLE(1, 1, 0, 0));
    bytes = _mm_shuffle_epi32(bytes, _MM_SHUFFLE(1, 1, 0, 0)); /* eight times each of the two */
    return _mm_cmpeq_epi8(_mm_and_si128(bytes, each), each);
}

/* Loads a block and makes escaped bytes harmless. *first: see skip_bits_escaped(). */
static __m128i skip_load_block(const char *at, uint64_t *first)
{
    __m128i bytes = _mm_loadu_si128((const void *)at);
    unsigned backslashes = (unsigned)_mm_movemask_epi8(skip_bytes_equal(bytes, '\\'));

    if (!backslashes && !*first)
        return bytes;
    uint64_t escaped = skip_bits_escaped(backslashes, SKIP_BLOCK, first);
    return _mm_or_si128(bytes, skip_spread((unsigned)escaped));
}

/* The same as skip_by_bytes(), as far as there are blocks. */
static const char *skip_by_blocks(const char *at, const char *end, size_t *depth)
{
    bool inside = false; /* the block begins inside of a string */
    uint64_t first = 0;  /* the block's first byte is escaped */

    for (; end - at >= SKIP_BLOCK; at += SKIP_BLOCK) {
        __m128i bytes = skip_load_block(at, &first);
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
    return inside ? skip_rest_of_string(at + first, end) : at;
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
