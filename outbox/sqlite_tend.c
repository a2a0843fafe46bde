/* SPDX-License-Identifier: MIT */
/*
 * Tending.
 *
 * Damage can show while the relay serves: a start does not check large files, and a disk may go bad
 * later. A row on a damaged page would keep all later rows from being read, and cannot be deleted,
 * since that would change the same page. So the file is mended as at a start: readable rows go into
 * a new file, with which the relay goes on. Before that the whole file is checked, since the cause
 * may be a bit that flipped in memory alone. This takes seconds for 100 MiB. Meanwhile the writer
 * does nothing else, and commands find no file.
 *
 * A disk that fails to read is no damage: the failure may pass, or else a person has to save the
 * file.
 */
#include "outbox/sqlite_tend.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "outbox/sqlite_files.h"
#include "outbox/sqlite_open.h"
#include "outbox/sqlite_place.h"
#include "outbox/sqlite_transact.h"

/* Pauses between mendings double, since each one leaves a damaged file behind. */
enum {
    TEND_PAUSE_MS = 60 * 1000,
    TEND_PAUSE_MAX_MS = 3600 * 1000,
    TEND_AGAIN_MS = 5000, /* where nothing can be stored until it is mended */
    STAT_BLOCK_BYTES = 512,
};

/* Whether there is room for a copy. Takes the room and gives it back, since no call tells what a
 * quota leaves. Without room, mending would set everything aside and save nothing. */
static bool tend_has_room(const struct sqlite_core *self)
{
    cleanup(freep) char *name = sqlite_place_name(self->path, ".saved", "");
    struct stat st;

    if (stat(self->path, &st) != 0) /* a mending that was cut short has set the file aside */
        return true;
    if (!name)
        return false;
    cleanup(closep) int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool has_room =
        fd >= 0 &&
        posix_fallocate(fd, 0, (off_t)st.st_blocks * STAT_BLOCK_BYTES + self->reserve.bytes) == 0;
    (void)unlink(name);
    return has_room;
}

static void tend_pause(struct sqlite_core *self, int64_t now_ms)
{
    int64_t pause_ms = self->mend_pause_ms ? 2 * self->mend_pause_ms : TEND_PAUSE_MS;

    self->mend_pause_ms = pause_ms < TEND_PAUSE_MAX_MS ? pause_ms : TEND_PAUSE_MAX_MS;
    self->mend_at_ms = now_ms + self->mend_pause_ms;
}

int sqlite_tend(struct store *store, bool *mended)
{
    struct sqlite_core *self = sqlite_core_of(store);
    int64_t now_ms = clock_mono_ms(self->clock);

    if (mended)
        *mended = false;
    if (!self->damaged) /* a command may have met damage */
        self->damaged = sqlite_files_suspected(self->path);
    if (!self->damaged)
        return 0;
    if (now_ms < self->mend_at_ms)
        return STORE_BROKEN;
    int r = self->half_mended ? 0 : sqlite_transact_find(self);
    if (r) /* another file stands there, which must not be mended */
        return r;
    tend_pause(self, now_ms);
    if (!tend_has_room(self)) {
        log_error(
            "the outbox is damaged, and there is no room for a sound copy: make room on its disk",
            "path", self->path);
        return STORE_BROKEN;
    }
    r = sqlite_open_again(self);
    if (self->half_mended)
        self->mend_at_ms = now_ms + TEND_AGAIN_MS;
    if (mended)
        *mended = r == 0;
    return r;
}
