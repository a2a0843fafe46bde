/* SPDX-License-Identifier: MIT */
/*
 * Loaded before the C library (LD_PRELOAD): lets the allocations of the program itself fail, not
 * those of its libraries, one in so many. How many stands in the file that SCARCE names, as a
 * uint32_t; 0: none fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *at, size_t size);

static const volatile uint32_t *one_in;
static uintptr_t first, last; /* of the program's code */
static atomic_uint calls;

/* The program comes first. */
static int scarce_find(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size, (void)ctx;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && part->p_flags & PF_X) {
            first = info->dlpi_addr + part->p_vaddr;
            last = first + part->p_memsz;
        }
    }
    return 1;
}

static __attribute__((constructor)) void scarce_init(void)
{
    const char *name = getenv("SCARCE");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;

    (void)dl_iterate_phdr(scarce_find, NULL);
    if (fd >= 0) {
        void *at = mmap(NULL, sizeof(*one_in), PROT_READ, MAP_SHARED, fd, 0);
        one_in = at == MAP_FAILED ? NULL : at;
        (void)close(fd);
    }
}

/* A multiplicative hash spreads them: what always happens in the same place must fail, too. */
static bool scarce_fails(const void *caller)
{
    uintptr_t from = (uintptr_t)caller;
    uint32_t n = one_in && from >= first && from < last ? *one_in : 0;

    if (!n || (uint32_t)(atomic_fetch_add(&calls, 1) * UINT32_C(2654435761)) >= UINT32_MAX / n)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return scarce_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return scarce_fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    return scarce_fails(__builtin_return_address(0)) ? NULL : __libc_realloc(at, size);
}
