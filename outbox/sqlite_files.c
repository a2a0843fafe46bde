/* SPDX-License-Identifier: MIT */
/* The outbox's files. */
#include "outbox/sqlite_files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "outbox/sqlite_place.h"

const char *const sqlite_files_suffixes[SQLITE_FILES] = {"", "-wal", "-shm", "-journal"};

bool sqlite_files_exists(const char *path, const char *middle, const char *suffix)
{
    cleanup(freep) char *name = sqlite_place_name(path, middle, suffix);

    return name && access(name, F_OK) == 0;
}

static bool files_is(const char *name, const char *path, const char *middle, const char *suffix)
{
    cleanup(freep) char *own = sqlite_place_name(path, middle, suffix);

    return own && strcmp(name, own) == 0;
}

bool sqlite_files_has_use_for(const char *path, const char *name)
{
    static const char *const middles[] = {"", ".mending", ".saved"};

    for (size_t i = 0; i < array_len(middles); i++)
        for (size_t j = 0; j < SQLITE_FILES; j++)
            if (files_is(name, path, middles[i], sqlite_files_suffixes[j]))
                return true;
    return files_is(name, path, "", ".lock");
}

int sqlite_files_modes(const char *path)
{
    for (size_t i = 0; i < SQLITE_FILES; i++) {
        cleanup(freep) char *name = sqlite_place_name(path, "", sqlite_files_suffixes[i]);
        struct stat st;
        if (!name)
            return -ENOMEM;
        if (stat(name, &st) != 0 || !(st.st_mode & S_IRWXO))
            continue;
        if (chmod(name, S_IRUSR | S_IWUSR) == 0)
            log_warn("everybody could read or write the outbox: its mode is 0600 now", "path",
                     name);
        else
            log_warn("everybody can read or write the outbox, and the relay may not change that: "
                     "chmod 600 it",
                     "path", name, "error", strerror(errno));
    }
    return 0;
}

int sqlite_files_sync_folder(const char *path)
{
    cleanup(freep) char *copy = strdup(path);

    if (!copy)
        return error_origin(-ENOMEM);
    cleanup(closep) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return error_origin(-errno);
    return 0;
}

void sqlite_files_suspect(const char *path)
{
    cleanup(freep) char *name = sqlite_place_name(path, ".suspect", "");
    int fd = name ? open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

    closep(&fd);
}

bool sqlite_files_suspected(const char *path)
{
    return sqlite_files_exists(path, ".suspect", "");
}

void sqlite_files_trust(const char *path)
{
    cleanup(freep) char *name = sqlite_place_name(path, ".suspect", "");

    if (name)
        (void)unlink(name);
}
