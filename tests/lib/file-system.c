/* SPDX-License-Identifier: MIT */
/*
 * Loaded before the C library (LD_PRELOAD): every file system says that it is of the kind whose
 * magic number stands in FILE_SYSTEM, in hexadecimal.
 */
#undef _FILE_OFFSET_BITS /* so that the two names stay two */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static long file_system_magic(void)
{
    const char *text = getenv("FILE_SYSTEM");

    return text ? strtol(text, NULL, 16) : 0;
}

int statfs(const char *path, struct statfs *fs)
{
    int r = (int)syscall(SYS_statfs, path, fs);

    if (r == 0)
        fs->f_type = file_system_magic();
    return r;
}

/* The same call and shape where a long has 64 bits. */
int statfs64(const char *path, struct statfs64 *fs)
{
    return statfs(path, (struct statfs *)(void *)fs);
}
