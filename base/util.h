/* SPDX-License-Identifier: MIT */
/* Small things that C lacks: cleanup of locals, container_of, array sizes. */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* Runs fn(&variable) when the local leaves its scope. */
#define cleanup(fn) __attribute__((__cleanup__(fn)))

/* Defines fn##p(), a cleanup function for pointers, which hands the pointer to fn. fn takes NULL.
 */
#define CLEANUP_POINTER(type, fn)                                                                  \
    static inline void fn##p(type **p)                                                             \
    {                                                                                              \
        (void)fn(*p);                                                                              \
    }                                                                                              \
    struct util_swallow_semicolon /* so that a semicolon can stand behind the macro */

/* freep() and closep() are for cleanup(): p is the address of a pointer or of a descriptor. */
static inline void freep(void *p)
{
    free(*(void **)p);
}

static inline void closep(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* Evaluates to a guarded pointer's value and leaves NULL behind: the value has a new owner. */
#define take(pointer)                                                                              \
    __extension__({                                                                                \
        __typeof__(pointer) *take_from_ = &(pointer);                                              \
        __typeof__(pointer) taken_ = *take_from_;                                                  \
        *take_from_ = NULL;                                                                        \
        taken_;                                                                                    \
    })

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#define array_len(array) (sizeof(array) / sizeof(*(array)))

#define printf_like(format, first) __attribute__((__format__(__printf__, format, first)))
