/* SPDX-License-Identifier: MIT */
/*
 * Mending: a damaged file is set aside, and what can be read of it is saved into a new one.
 *
 * A mending can be cut short at any of these steps, and the next start goes on with it:
 *
 *   path, path-wal             renamed to path.mending, path.mending-wal
 *   path.saved                 made anew from path.mending, synced
 *   path.saved                 renamed to path
 *   path.mending, …            renamed to path.damaged-<time>, …
 *
 * While path.mending exists, a file at path is complete.
 */
#include "outbox/sqlite_mend.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "outbox/sqlite_files.h"
#include "outbox/sqlite_place.h"
#include "outbox/sqlite_reserve.h"
#include "outbox/sqlite_salvage.h"

/* An empty file counts as none: SQLite would take it for a new one. */
static bool mend_has_content(const char *path, const char *middle, const char *suffix)
{
    cleanup(freep) char *name = sqlite_place_name(path, middle, suffix);
    struct stat st;

    return name && stat(name, &st) == 0 && st.st_size > 0;
}

/* Renames the file and any beside it. The SQLite file is the first to get the name .mending, and
 * the last to lose that name: a start that finds the name knows that a mending was cut short. 0 or
 * an -errno. */
static int mend_move(const char *path, const char *from, const char *to)
{
    bool file_first = *from == '\0';

    for (size_t i = 0; i < SQLITE_FILES; i++) {
        const char *suffix = sqlite_files_suffixes[file_first ? i : SQLITE_FILES - 1 - i];
        cleanup(freep) char *old = sqlite_place_name(path, from, suffix);
        cleanup(freep) char *new = sqlite_place_name(path, to, suffix);
        if (!old || !new)
            return -ENOMEM;
        if (rename(old, new) != 0 && errno != ENOENT)
            return error_origin(-errno);
    }
    return 0;
}

bool sqlite_mend_unfinished(const char *path)
{
    if (sqlite_files_exists(path, ".mending", ""))
        return true;
    /* SQLite would remove a WAL that has no file. */
    return !mend_has_content(path, "", "") && mend_has_content(path, "", "-wal");
}

int sqlite_mend_set_aside(const char *path)
{
    return mend_move(path, "", ".mending");
}

static void mend_remove(const char *path)
{
    (void)unlink(path);
}

/* Makes an empty file for its owner alone. */
static int mend_create(const char *path)
{
    mend_remove(path);
    cleanup(closep) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && sqlite_reserve_errno_is_full(errno))
        return STORE_FULL;
    return fd < 0 ? error_origin(-errno) : 0;
}

/* Makes the file at path from what was set aside. */
static int mend_save(const char *path, struct sqlite_saved *saved)
{
    cleanup(freep) char *from = sqlite_place_name(path, ".mending", "");
    cleanup(freep) char *to = sqlite_place_name(path, ".saved", "");

    if (!from || !to)
        return -ENOMEM;
    int r = mend_create(to);
    if (!r)
        r = sqlite_salvage(from, to, saved);
    if (!r && rename(to, path) != 0)
        r = error_origin(-errno);
    if (!r)
        return sqlite_files_sync_folder(path);
    mend_remove(to);
    return r;
}

/* Removes what salvage made beside the damaged file: shared memory, and a WAL if there was none. */
static void mend_drop_scratch(const char *path)
{
    cleanup(freep) char *shared = sqlite_place_name(path, ".mending", "-shm");
    cleanup(freep) char *wal = sqlite_place_name(path, ".mending", "-wal");

    if (shared)
        mend_remove(shared);
    if (wal && !mend_has_content(path, ".mending", "-wal"))
        mend_remove(wal);
}

enum { MEND_MIDDLE_MAX = 64 };

/* Finds a free middle for the names of what is set aside: .damaged-20261122T175200Z; where that is
 * taken, the same with -2 behind, then -3, and so on. */
static void mend_choose_middle(const char *path, char middle[MEND_MIDDLE_MAX])
{
    char time[32];
    time_t now = (time_t)(clock_wall_ms(&clock_system) / 1000);
    struct tm tm = {0};

    (void)strftime(time, sizeof(time), ".damaged-%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
    (void)snprintf(middle, MEND_MIDDLE_MAX, "%s", time);
    for (int i = 2;
         sqlite_files_exists(path, middle, "") || sqlite_files_exists(path, middle, "-wal"); i++)
        (void)snprintf(middle, MEND_MIDDLE_MAX, "%s-%d", time, i);
}

/* Gives what was set aside its last name. *name: the file's, which is the caller's. */
static int mend_put_away(const char *path, char **name)
{
    char middle[MEND_MIDDLE_MAX];

    mend_choose_middle(path, middle);
    *name = sqlite_place_name(path, middle, "");
    mend_drop_scratch(path);
    return mend_move(path, ".mending", middle);
}

int sqlite_mend_set_wal_aside(const char *path)
{
    char middle[MEND_MIDDLE_MAX];

    mend_choose_middle(path, middle);
    cleanup(freep) char *wal = sqlite_place_name(path, "", "-wal");
    cleanup(freep) char *aside = sqlite_place_name(path, middle, "-wal");
    cleanup(freep) char *shared = sqlite_place_name(path, "", "-shm");
    if (!wal || !aside || !shared)
        return -ENOMEM;
    if (rename(wal, aside) != 0)
        return error_origin(-errno);
    mend_remove(shared);
    log_error("a log that is not the outbox's was beside it, and has been set aside", "path", path,
              "set_aside", aside);
    return sqlite_files_sync_folder(path);
}

/* Makes the new file, unless an earlier mending has made one. *lone_wal: there is nothing to make
 * one from, since a WAL was left without its file. */
static int mend_make(const char *path, struct sqlite_saved *saved, bool *lone_wal)
{
    *lone_wal = false;
    if (mend_has_content(path, "", ""))
        return 0;
    mend_remove(path);
    int r = mend_move(path, "", ".mending"); /* a WAL may still have its old name */
    if (r)
        return r;
    *lone_wal = !mend_has_content(path, ".mending", "");
    return *lone_wal ? 0 : mend_save(path, saved);
}

/* Logs how the mending has ended. error: why nothing was saved, or NULL. */
static void mend_tell(const char *path, const char *put_away, const struct sqlite_saved *saved,
                      bool lone_wal, const char *error)
{
    if (lone_wal)
        log_error("the outbox's log was there without its file, and has been set aside", "path",
                  path, "set_aside", put_away, "to_have_it",
                  "stop the relay, and put the file back with its log as -wal beside it");
    else
        log_error("the outbox was damaged, and has been replaced by what could be read of it",
                  "path", path, "set_aside", put_away, "events_saved",
                  log_number((int64_t)saved->rows), "events_lost",
                  log_number((int64_t)saved->rows_spoilt), "not_saved_because", error);
}

int sqlite_mend_finish(const char *path, bool may_go_without, uint64_t *rows_spoilt)
{
    cleanup(freep) char *put_away = NULL;
    struct sqlite_saved saved = {0};
    bool lone_wal;
    int r = mend_make(path, &saved, &lone_wal);

    if (r && !(r == STORE_FULL && may_go_without)) {
        (void)mend_move(path, ".mending", ""); /* the next start may find the disk well */
        return r;
    }
    /* A full disk must not keep the relay from serving. What was set aside stays, for a person. */
    const char *error = r ? "the disk is full" : NULL;
    r = mend_put_away(path, &put_away);
    if (r)
        return r;
    sqlite_files_trust(path);
    mend_tell(path, put_away, &saved, lone_wal, error);
    *rows_spoilt += saved.rows_spoilt;
    return 0;
}
