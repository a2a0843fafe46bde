/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. A target is one LLVMFuzzerTestOneInput(), and checks its invariants,
 * which must hold of every input, by fuzz_check(). libFuzzer finds inputs; replay_main.c runs the
 * kept ones, in corpus/, as ordinary tests.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/span.h"
#include "base/util.h"

/* Called once, before the first input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant. Not assert(), which a release build leaves out. */
#define fuzz_check(holds)                                                                          \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);       \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* No level is that high: what inputs make the code log is not worth the time to write it. */
static inline void fuzz_log_nothing(void)
{
    log_setup((enum log_level)(LOG_ERROR + 1), LOG_TEXT);
}

/* ---- Taking an input apart: past its end there are zeros ---- */

struct fuzz_input {
    const uint8_t *at;
    size_t len;
};

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
    if (input->len == 0)
        return 0;
    input->len--;
    return *input->at++;
}

static inline uint32_t fuzz_number(struct fuzz_input *input, int bytes)
{
    uint32_t number = 0;

    while (bytes-- > 0)
        number = number << 8 | fuzz_byte(input);
    return number;
}

/* At most len bytes. */
static inline struct span fuzz_bytes(struct fuzz_input *input, size_t len)
{
    struct span bytes = {(const char *)input->at, len < input->len ? len : input->len};

    input->at += bytes.len;
    input->len -= bytes.len;
    return bytes;
}

/* A copy of just its size, so that a sanitizer sees a reader that goes too far. */
static inline char *fuzz_copy(struct span bytes)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);

    fuzz_check(copy);
    if (bytes.len)
        memcpy(copy, bytes.at, bytes.len);
    return copy;
}

/* The same with a NUL behind it. */
static inline char *fuzz_string(struct span bytes)
{
    char *copy = malloc(bytes.len + 1);

    fuzz_check(copy);
    if (bytes.len)
        memcpy(copy, bytes.at, bytes.len);
    copy[bytes.len] = '\0';
    return copy;
}

static inline bool fuzz_is_printable(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < 0x20 || text.at[i] > 0x7E)
            return false;
    return true;
}

/* ---- Files ---- */

/* Where folders of files that come and go with each input are made: in memory, where there is some.
 */
static inline const char *fuzz_scratch(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static inline void fuzz_write_file(const char *path, struct span bytes)
{
    FILE *file = fopen(path, "we");

    fuzz_check(file);
    fuzz_check(fwrite(bytes.at, 1, bytes.len, file) == bytes.len);
    fuzz_check(fclose(file) == 0);
}
