/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/store_world.h"

#include <dirent.h>
#include <ftw.h>

#include "base/clock.h"

void folder_make_in(struct folder *folder, const char *parent)
{
    *folder = (struct folder){0};
    (void)snprintf(folder->at, sizeof(folder->at), "%s/convex-relay-store-XXXXXX", parent);
    assert_non_null(mkdtemp(folder->at));
    (void)snprintf(folder->path, sizeof(folder->path), "%s/outbox.db", folder->at);
}

void folder_make(struct folder *folder)
{
    folder_make_in(folder, "/tmp");
}

static int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

void folder_empty(struct folder *folder)
{
    buf_done(&folder->why);
    (void)nftw(folder->at, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *folder_beside(const struct folder *folder, const char *suffix)
{
    static char name[160];

    (void)snprintf(name, sizeof(name), "%s%s", folder->path, suffix);
    return name;
}

void folder_write(const struct folder *folder, const char *suffix, const char *text)
{
    FILE *file = fopen(folder_beside(folder, suffix), "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void run_sql(const struct folder *folder, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(folder->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int folder_count(const struct folder *folder, const char *part)
{
    DIR *dir = opendir(folder->at);
    struct dirent *entry;
    int n = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        n += strstr(entry->d_name, part) != NULL;
    (void)closedir(dir);
    return n;
}

int folder_setup(void **state)
{
    struct folder *folder = malloc(sizeof(*folder));

    assert_non_null(folder);
    folder_make(folder);
    *state = folder;
    return 0;
}

int folder_teardown(void **state)
{
    folder_empty(*state);
    free(*state);
    return 0;
}

static int64_t store_clock_ahead_ms;

static int64_t store_clock_mono_ms(struct clock *clock)
{
    (void)clock;
    return clock_mono_ms(&clock_system) + store_clock_ahead_ms;
}

static struct clock store_clock = {.mono_ms = store_clock_mono_ms};

void store_clock_leap(void)
{
    store_clock_ahead_ms += 3600 * 1000;
}

int folder_try_open(struct folder *folder, enum store_mode mode, struct store **store)
{
    const struct store_options options = {
        .path = folder->path, .mode = mode, .clock = &store_clock, .why = &folder->why};

    buf_done(&folder->why);
    return store_sqlite_open(&options, store);
}

struct store *folder_open(struct folder *folder, enum store_mode mode)
{
    struct store *store = NULL;
    int r = folder_try_open(folder, mode, &store);

    if (r)
        print_error("open: %d %.*s\n", r, (int)folder->why.len, folder->why.at);
    assert_int_equal(r, 0);
    return store;
}

/* The store cannot be opened, for a reason that holds text. r: STORE_REFUSED or STORE_BUSY. */
static void assert_not_opened(struct folder *folder, enum store_mode mode, int r, const char *text)
{
    struct store *store = NULL;

    assert_int_equal(folder_try_open(folder, mode, &store), r);
    assert_null(store);
    assert_non_null(buf_string(&folder->why));
    if (!strstr(folder->why.at, text) || !strstr(folder->why.at, folder->path) ||
        strchr(folder->why.at, '\n')) {
        print_error("why:    %s\nshould: %s\n", folder->why.at, text);
        fail();
    }
}

void assert_refused(struct folder *folder, enum store_mode mode, const char *text)
{
    assert_not_opened(folder, mode, STORE_REFUSED, text);
}

void assert_put_off(struct folder *folder, enum store_mode mode, const char *text)
{
    assert_not_opened(folder, mode, STORE_BUSY, text);
}

/* ---- Rows ---- */

struct store_row row_of(uint64_t id)
{
    return (struct store_row){
        .id = id,
        .model = SPAN("users"),
        .record = SPAN("r1"),
        .body = SPAN("{\"model\":\"users\"}"),
        .arrived_ms = 1000 + (int64_t)id,
    };
}

struct store_row tried(uint64_t id, int attempts, const char *reason)
{
    struct store_row row = row_of(id);

    row.attempts = attempts;
    row.tried_ms = 5000;
    row.reason = span_of(reason);
    return row;
}

struct store_row died(uint64_t id, const char *reason)
{
    struct store_row row = tried(id, 3, reason);

    row.died_ms = 6000;
    return row;
}

/* ---- Changes, each in a transaction of its own ---- */

void must_begin(struct store *store)
{
    assert_int_equal(store->ops->begin(store), 0);
}

void must_commit(struct store *store)
{
    assert_int_equal(store->ops->commit(store), 0);
}

void must_append(struct store *store, struct store_row row)
{
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    must_commit(store);
}

void must_bury(struct store *store, struct store_row row)
{
    must_begin(store);
    assert_int_equal(store->ops->bury(store, &row), 0);
    must_commit(store);
}

static int deliver_row(void *ctx, const struct store_row *row)
{
    struct store *store = ctx;

    must_begin(store);
    assert_int_equal(store->ops->deliver(store, row, false), 0);
    must_commit(store);
    return 77; /* it is not there any more */
}

void must_deliver(struct store *store, uint64_t id)
{
    const struct store_filter only = {.last = STORE_FORCED, .after = id - 1, .upto = id};

    assert_int_equal(store->ops->read(store, &only, deliver_row, store), 77);
}

/* ---- What is in it ---- */

struct store_counts counts_of(struct store *store)
{
    struct store_counts counts;

    assert_int_equal(store->ops->counts(store, &counts), 0);
    assert_int_equal(counts.accepted,
                     counts.delivered + counts.discarded + counts.pending + counts.dead);
    return counts;
}

int id_list_add(void *ctx, const struct store_row *row)
{
    struct id_list *ids = ctx;

    assert_true(ids->len < array_len(ids->at));
    ids->at[ids->len++] = row->id;
    return ids->len == ids->stop_after ? 77 : 0;
}

const char *ids_of(struct store *store, struct store_filter filter)
{
    static char text[512];
    struct id_list ids = {0};
    size_t len = 0;

    assert_int_equal(store->ops->read(store, &filter, id_list_add, &ids), 0);
    text[0] = '\0';
    for (size_t i = 0; i < ids.len; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llu", i ? " " : "",
                                (unsigned long long)ids.at[i]);
    return text;
}

const char *ids_in(struct store *store, enum store_state state)
{
    return ids_of(store, (struct store_filter){.first = state, .last = state, .bare = true});
}
