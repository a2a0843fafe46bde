/* SPDX-License-Identifier: MIT */
/* The place of the SQLite file. */
#include "outbox/sqlite_place.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "outbox/sqlite_header.h"

enum { PLACE_LINKS_MAX = 40 }; /* the kernel's own limit */

/* ---- Refusals ---- */

int sqlite_place_refuse(const struct store_options *options, const char *text, const char *cause)
{
    int r = buf_printf(options->why, "OUTBOX: %s: %s%s%s", options->path, text, cause ? ": " : "",
                       cause ? cause : "");

    return r ? r : STORE_REFUSED;
}

int sqlite_place_put_off(const struct store_options *options, const char *text, const char *cause)
{
    int r = sqlite_place_refuse(options, text, cause);

    return r == STORE_REFUSED ? STORE_BUSY : r;
}

/* The owner of the file at path, or of the last folder on the way there that this user can see. */
static bool place_owner(const char *path, uid_t *owner)
{
    cleanup(freep) char *at = strdup(path);
    struct stat st;

    while (at && stat(at, &st) != 0) {
        if (strcmp(at, "/") == 0 || strcmp(at, ".") == 0)
            return false;
        char *folder = sqlite_place_folder(at);
        free(at);
        at = folder;
    }
    if (at)
        *owner = st.st_uid;
    return at != NULL;
}

static int place_denied(const struct store_options *options, const char *path)
{
    cleanup(buf_done) struct buf cause = BUF_NULL;
    uid_t owner = 0;
    bool known = place_owner(path, &owner);
    char texts[1024];
    struct passwd entry, *user = NULL;
    int r = 0;

    if (known && owner == geteuid())
        return sqlite_place_refuse(options, "Permission denied",
                                   "this user owns it: its mode (chmod u+rwX), SELinux or AppArmor "
                                   "must allow more");
    if (known)
        (void)getpwuid_r(owner, &entry, texts, sizeof(texts), &user);
    if (user)
        r = buf_printf(&cause, "run it as %s", user->pw_name);
    else if (known)
        r = buf_printf(&cause, "run it as the user %lu", (unsigned long)owner);
    if (r)
        return r;
    return sqlite_place_refuse(options, "Permission denied", known ? buf_string(&cause) : NULL);
}

int sqlite_place_failed(const struct store_options *options, const char *path, const char *text)
{
    switch (errno) {
    case ENOMEM:
        return error_origin(-ENOMEM);
    case EACCES:
        return place_denied(options, path);
    case EROFS:
        return sqlite_place_refuse(options, "is on a read-only file system", NULL);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return sqlite_place_put_off(options, text, strerror(errno));
    default:
        return sqlite_place_refuse(options, text, strerror(errno));
    }
}

/* ---- Names ---- */

char *sqlite_place_name(const char *a, const char *b, const char *c)
{
    char *name;

    if (asprintf(&name, "%s%s%s", a, b, c) < 0) {
        (void)error_origin(-ENOMEM);
        errno = ENOMEM;
        return NULL;
    }
    return name;
}

char *sqlite_place_folder(const char *path)
{
    cleanup(freep) char *copy = strdup(path);

    return copy ? strdup(dirname(copy)) : NULL;
}

char *sqlite_place_real_name(const char *path)
{
    cleanup(freep) char *folder = sqlite_place_folder(path);
    cleanup(freep) char *real = folder ? realpath(folder, NULL) : NULL;
    cleanup(freep) char *copy = strdup(path);

    return real && copy ? sqlite_place_name(strcmp(real, "/") == 0 ? "" : real, "/", basename(copy))
                        : NULL;
}

/* Where the link at name leads. NULL: with errno 0 it is no link. */
static char *place_read_link(const char *name)
{
    char target[PATH_MAX];
    ssize_t len = readlink(name, target, sizeof(target) - 1);

    if (len < 0) {
        errno = errno == EINVAL || errno == ENOENT ? 0 : errno;
        return NULL;
    }
    target[len] = '\0';
    if (target[0] == '/')
        return strdup(target);
    cleanup(freep) char *folder = sqlite_place_folder(name);
    return folder ? sqlite_place_name(folder, "/", target) : NULL;
}

/* The real name of a file that does not exist yet, through links. NULL: errno says why. */
static char *place_follow(const char *path)
{
    cleanup(freep) char *at = strdup(path);

    for (int links = 0; at && links < PLACE_LINKS_MAX; links++) {
        cleanup(freep) char *name = sqlite_place_real_name(at);
        char *target = name ? place_read_link(name) : NULL;
        if (!target)
            return name && errno == 0 ? take(name) : NULL;
        free(at);
        at = target;
    }
    errno = at ? ELOOP : ENOMEM;
    return NULL;
}

/* The file does not exist. The folder may be made or mounted later, so that is worth another
 * try. */
static int place_to_be_made(const struct store_options *options, char **path)
{
    size_t len = strlen(options->path);

    if (len > 0 && options->path[len - 1] == '/')
        return sqlite_place_refuse(options, "names a folder; a file is wanted", NULL);
    *path = place_follow(options->path);
    if (*path)
        return 0;
    if (errno == ENOENT)
        return sqlite_place_put_off(options, "its folder cannot be entered", strerror(ENOENT));
    return sqlite_place_failed(options, options->path, "its folder cannot be entered");
}

/* Finds the real name: two names of one file must lead to the same lock. */
static int place_resolve(const struct store_options *options, char **path)
{
    struct stat st;

    *path = realpath(options->path, NULL);
    if (!*path && errno == ENOENT && options->mode == STORE_SERVE)
        return place_to_be_made(options, path);
    if (!*path && errno == ENOENT)
        return sqlite_place_refuse(
            options, "there is no such file; the relay makes it when it serves", NULL);
    if (!*path || stat(*path, &st) != 0)
        return sqlite_place_failed(options, options->path, "cannot be opened");
    if (!S_ISREG(st.st_mode))
        return sqlite_place_refuse(options, "is not a file", NULL);
    return 0;
}

/* ---- The file system ---- */

/* Magic numbers that linux/magic.h lacks. Source: each file system's own code. */
enum {
    LUSTRE_MAGIC = 0x0BD00BD0,
    GPFS_MAGIC = 0x47504653,
    GFS2_SUPER_MAGIC = 0x01161970,
    BEEGFS_MAGIC = 0x19830326,
    ORANGEFS_MAGIC = 0x20030528,
    VBOX_SHARED_MAGIC = 0x786F4256,
};

/* The WAL needs locks and shared memory, which hold within one machine only. Source:
 * https://sqlite.org/wal.html, "All processes using a database must be on the same host". */
static const struct place_file_system {
    uint32_t magic;
    const char *name;
    const char *risk; /* why the outbox may be lost there; NULL: other machines share it */
} place_file_systems[] = {
    {NFS_SUPER_MAGIC, "NFS", NULL},
    {SMB_SUPER_MAGIC, "SMB", NULL},
    {CIFS_SUPER_MAGIC, "SMB", NULL},
    {SMB2_SUPER_MAGIC, "SMB", NULL},
    {AFS_SUPER_MAGIC, "AFS", NULL},
    {AFS_FS_MAGIC, "AFS", NULL},
    {CODA_SUPER_MAGIC, "Coda", NULL},
    {NCP_SUPER_MAGIC, "NCP", NULL},
    {CEPH_SUPER_MAGIC, "Ceph", NULL},
    {LUSTRE_MAGIC, "Lustre", NULL},
    {GPFS_MAGIC, "GPFS", NULL},
    {GFS2_SUPER_MAGIC, "GFS2", NULL},
    {OCFS2_SUPER_MAGIC, "OCFS2", NULL},
    {BEEGFS_MAGIC, "BeeGFS", NULL},
    {ORANGEFS_MAGIC, "OrangeFS", NULL},
    {TMPFS_MAGIC, "tmpfs", "it is memory, and gone with the machine's next start"},
    {RAMFS_MAGIC, "ramfs", "it is memory, and gone with the machine's next start"},
    {OVERLAYFS_SUPER_MAGIC, "overlay", "a container's own files go with it: mount a folder"},
    {V9FS_MAGIC, "9p", "what it calls written may not be on a disk"},
    {FUSE_SUPER_MAGIC, "FUSE", "what it calls written may not be on a disk"},
    {VBOX_SHARED_MAGIC, "vboxsf", "what it calls written may not be on a disk"},
};

static const struct place_file_system *place_file_system(const char *folder)
{
    struct statfs fs;

    if (statfs(folder, &fs) != 0)
        return NULL;
    for (size_t i = 0; i < array_len(place_file_systems); i++)
        if ((uint32_t)fs.f_type == place_file_systems[i].magic)
            return &place_file_systems[i];
    return NULL;
}

/* Checks the folder's file system, since the file may not exist yet. */
static int place_check_file_system(const struct store_options *options, const char *folder)
{
    const struct place_file_system *found = place_file_system(folder);

    if (found && !found->risk)
        return sqlite_place_refuse(options,
                                   "is on a file system of other machines, where locks and shared "
                                   "memory do not hold; name a file on a disk of this one",
                                   found->name);
    return 0;
}

static bool place_is_mount(const char *path, const char *suffix)
{
    cleanup(freep) char *name = sqlite_place_name(path, suffix, "");
    struct statx st;

    return name && statx(AT_FDCWD, name, AT_NO_AUTOMOUNT, STATX_TYPE, &st) == 0 &&
           st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* Refuses a file that is mounted without its folder. The WAL would stand in the container's own
 * folder, and be lost, with the accepted events in it, when the container is removed. */
static int place_check_mounts(const struct store_options *options, const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < array_len(suffixes); i++)
        if (place_is_mount(path, suffixes[i]))
            return sqlite_place_refuse(options,
                                       "is mounted without its folder, where its log is kept, too; "
                                       "mount the folder",
                                       NULL);
    return 0;
}

/* ---- The rights ---- */

/* Old container runtimes deny faccessat() as a whole, by another errno: that is no answer. */
bool sqlite_place_denies(const char *path, int how)
{
    return faccessat(AT_FDCWD, path, how, AT_EACCESS) != 0 && (errno == EACCES || errno == EROFS);
}

/* A command may need fewer rights than a relay, and learns from SQLite if one is missing. */
static int place_check_access(const struct store_options *options, const char *path,
                              const char *folder)
{
    bool serve = options->mode == STORE_SERVE;

    if (sqlite_place_denies(path, serve ? R_OK | W_OK : R_OK))
        return sqlite_place_failed(options, path, "cannot be opened");
    if (serve && sqlite_place_denies(folder, W_OK | X_OK))
        return sqlite_place_failed(options, folder, "its folder cannot be written");
    return 0;
}

/* ---- Whose the file is ---- */

static int place_check_owner(const struct store_options *options, const char *path)
{
    switch (sqlite_header_owner(path)) {
    case HEADER_OF_OURS:
        return 0;
    case HEADER_OF_ANOTHER_DATABASE:
        return sqlite_place_refuse(
            options, "is an SQLite database of something else; choose another file", NULL);
    case HEADER_OF_NO_DATABASE: /* a command changes nothing in it, and learns so from SQLite */
        return options->mode == STORE_SERVE
                   ? sqlite_place_refuse(
                         options, "is no outbox but somebody else's file; name another", NULL)
                   : 0;
    case HEADER_OF_A_BACKUP_BESIDE_A_WAL:
        return sqlite_place_refuse(options,
                                   "is a backup beside the log of the file that it replaces; move "
                                   "the ones that end in -wal and -shm away",
                                   NULL);
    case HEADER_OF_OURS_BESIDE_A_WAL:
        return options->mode == STORE_SERVE
                   ? 0
                   : sqlite_place_refuse(options,
                                         "is beside the log of another file, which the relay sets "
                                         "aside when it serves",
                                         NULL);
    }
    return 0;
}

/* ---- The whole ---- */

int sqlite_place_find(const struct store_options *options, char **out)
{
    cleanup(freep) char *path = NULL;
    int r = place_resolve(options, &path);

    if (r)
        return r;
    cleanup(freep) char *folder = sqlite_place_folder(path);
    if (!folder)
        return error_origin(-ENOMEM);
    r = place_check_file_system(options, folder);
    if (!r)
        r = place_check_mounts(options, path);
    if (!r)
        r = place_check_access(options, path, folder);
    if (!r)
        r = place_check_owner(options, path);
    if (!r)
        *out = take(path);
    return r;
}

void sqlite_place_warn(const char *path)
{
    cleanup(freep) char *folder = sqlite_place_folder(path);
    const struct place_file_system *found = folder ? place_file_system(folder) : NULL;
    struct stat st;

    if (found && found->risk)
        log_warn("the outbox may be lost with its file system", "path", path, "file_system",
                 found->name, "because", found->risk);
    if (stat(path, &st) == 0 && st.st_nlink > 1) /* https://sqlite.org/howtocorrupt.html, 2.5 */
        log_warn("the outbox has another name (a hard link): a start by that would miss its log; "
                 "remove it",
                 "path", path, "names", log_number((long long)st.st_nlink));
}
