/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/disk_world.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static char body[BODY];

struct store_row full_row(uint64_t id)
{
    struct store_row row = row_of(id);

    row.body = (struct span){body, sizeof(body)};
    return row;
}

int append_one(struct store *store, uint64_t id)
{
    struct store_row row = full_row(id);

    must_begin(store);
    int r = store->ops->append(store, &row);
    if (!r)
        return store->ops->commit(store);
    store->ops->rollback(store);
    return r;
}

uint64_t fill_up(struct store *store, uint64_t id)
{
    int r;

    while ((r = append_one(store, id)) == 0)
        id++;
    assert_int_equal(r, STORE_FULL);
    return id - 1;
}

void settle_all(struct store *store, uint64_t first, uint64_t last)
{
    static char reason[1000];

    memset(reason, 'r', sizeof(reason) - 1);
    for (uint64_t id = first; id <= last; id++) {
        if (id % 4 == 0)
            must_bury(store, died(id, reason));
        else
            must_deliver(store, id);
    }
    for (uint64_t id = first; id <= last; id++) {
        must_begin(store);
        assert_int_equal(store->ops->discard(store, id), id % 4 == 0 ? 0 : STORE_MISSING);
        must_commit(store);
    }
    assert_int_equal(counts_of(store).pending, 0);
}

struct store *open_with_quota(struct folder *folder)
{
    struct store *store = NULL;
    const struct store_options options = {
        .path = folder->path, .mode = STORE_SERVE, .max_bytes = SMALL_QUOTA, .why = &folder->why};

    assert_int_equal(store_sqlite_open(&options, &store), 0);
    return store;
}

/* ---- Disks ---- */

static bool can_mount; /* set by disk_world_init() */

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)!write(fd, text, strlen(text));
        (void)close(fd);
    }
}

/* A name space in which mounting is allowed, to root and, mostly, to others. */
static bool enter_name_space(void)
{
    char map[32];
    uid_t uid = getuid();

    if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
        return false;
    if (uid != 0) {
        (void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
        write_file("/proc/self/uid_map", map);
    }
    return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
}

void mount_disk(struct folder *folder, const char *size)
{
    char options[32];

    if (!can_mount) {
        print_message("skipped: this user may not mount a file system here\n");
        skip();
    }
    folder_make(folder);
    (void)snprintf(options, sizeof(options), "size=%s", size);
    assert_int_equal(mount("none", folder->at, "tmpfs", 0, options), 0);
}

void unmount_disk(struct folder *folder)
{
    assert_int_equal(umount(folder->at), 0);
    folder_empty(folder);
}

struct store *open_on_disk(struct folder *folder, const char *size)
{
    mount_disk(folder, size);
    return folder_open(folder, STORE_SERVE);
}

void close_on_disk(struct folder *folder, struct store *store)
{
    store->ops->close(store);
    unmount_disk(folder);
}

int64_t bytes_free(const struct folder *folder)
{
    struct statfs disk;

    assert_int_equal(statfs(folder->at, &disk), 0);
    return (int64_t)disk.f_bavail * disk.f_bsize;
}

int open_ballast(const struct folder *folder, char name[128])
{
    (void)snprintf(name, 128, "%s/ballast", folder->at);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

void take_the_rest(const struct folder *folder, char name[128])
{
    static const char zeros[4096];
    int fd = open_ballast(folder, name);

    while (syscall(SYS_write, fd, zeros, sizeof(zeros)) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
    (void)close(fd);
    assert_int_equal(bytes_free(folder), 0);
}

void assert_settles_with_nothing_left(const struct folder *folder, struct store *store)
{
    char ballast[128];
    uint64_t last = fill_up(store, 1);

    assert_true(last * BODY > 1 << 20);
    take_the_rest(folder, ballast);
    assert_int_equal(append_one(store, last + 1), STORE_FULL);
    settle_all(store, 1, last);
    uint64_t first = last + 1;
    last = fill_up(store, first);
    assert_true((last - first + 1) * BODY > 1 << 20);
    settle_all(store, first, last);
    assert_int_equal(unlink(ballast), 0);
    assert_int_equal(append_one(store, last + 1), 0);
}

void disk_world_init(void)
{
    memset(body, 'x', sizeof(body));
    can_mount = enter_name_space();
}
