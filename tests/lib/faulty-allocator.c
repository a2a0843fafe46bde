/* SPDX-License-Identifier: MIT */
/*
 * Loaded before the C library (LD_PRELOAD): lets the program's allocations fail, and none of a
 * library's. The file that FAULTY_ALLOCATOR names holds three uint32_t:
 *
 *   one_in   one allocation in so many fails; 0: none does
 *   nth      the allocation of that number fails, counted from 1; 0: none does
 *   round    any number; when it changes, the counting for nth begins anew
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

static const volatile struct faults {
    uint32_t one_in, nth, round;
} * faults;
static uintptr_t first, last; /* of the program's code */
static atomic_uint calls;
static atomic_uint round_seen, round_calls;

/* Notes where the code of the program is, which comes first in the list, and ends the walk. */
static int faulty_find(struct dl_phdr_info *info, size_t size, void *ctx)
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

static __attribute__((constructor)) void faulty_init(void)
{
    const char *name = getenv("FAULTY_ALLOCATOR");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;

    (void)dl_iterate_phdr(faulty_find, NULL);
    if (fd >= 0) {
        void *at = mmap(NULL, sizeof(*faults), PROT_READ, MAP_SHARED, fd, 0);
        faults = at == MAP_FAILED ? NULL : at;
        (void)close(fd);
    }
}

static bool faulty_is_nth(void)
{
    uint32_t nth = faults->nth, round = faults->round;

    if (!nth)
        return false;
    if (atomic_exchange(&round_seen, round) != round)
        atomic_store(&round_calls, 0);
    return atomic_fetch_add(&round_calls, 1) + 1 == nth;
}

/* A multiplicative hash of the call's number decides, so that an allocation which is always as many
 * calls behind another one fails at times, too. */
static bool faulty_fails(const void *caller)
{
    uintptr_t from = (uintptr_t)caller;
    bool ours = faults && from >= first && from < last;
    uint32_t n = ours ? faults->one_in : 0;
    bool fails =
        n && (uint32_t)(atomic_fetch_add(&calls, 1) * UINT32_C(2654435761)) < UINT32_MAX / n;

    if (ours && faulty_is_nth())
        fails = true;
    if (!fails)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return faulty_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return faulty_fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    return faulty_fails(__builtin_return_address(0)) ? NULL : __libc_realloc(at, size);
}
