/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/damage_world.h"

/* ---- A store with known rows ---- */

struct store_row known_row(uint64_t id)
{
    static char body[400];
    static char record[24];

    (void)snprintf(record, sizeof(record), "r%llu", (unsigned long long)id);
    memset(body, 'a' + (int)(id % 26), sizeof(body));
    (void)snprintf(body, sizeof(body), "body of %llu", (unsigned long long)id);
    return (struct store_row){.id = id,
                              .state = id % 5 == 0 ? STORE_DEAD : STORE_PENDING,
                              .model = SPAN("users"),
                              .record = span_of(record),
                              .body = {body, sizeof(body) - id % 200},
                              .arrived_ms = 1000 + (int64_t)id,
                              .died_ms = id % 5 == 0 ? 5000 : 0};
}

struct store *fill(struct folder *folder)
{
    struct store *store = folder_open(folder, STORE_SERVE);

    must_begin(store);
    for (uint64_t id = 1; id <= ROWS; id++) {
        struct store_row row = known_row(id);
        assert_int_equal(store->ops->append(store, &row), 0);
    }
    assert_int_equal(store->ops->count_delivered(store, SPAN_NULL, 77), 0);
    must_commit(store);
    must_begin(store);
    assert_int_equal(store->ops->offer(store, 5, true), 0);
    assert_int_equal(store->ops->offer(store, 10, false), 0);
    must_commit(store);
    return store;
}

static int found_add(void *ctx, const struct store_row *row)
{
    struct found *found = ctx;
    bool early = row->id > OUTBOX_IDS_EARLY; /* of a body whose id looks like one of version 1 */
    uint64_t id = early ? row->id - OUTBOX_IDS_EARLY : row->id;
    struct store_row known = known_row(id);

    assert_in_range(id, 1, ROWS);
    assert_int_equal(early, row->record.at == NULL);
    assert_int_equal(row->body.len, known.body.len);
    if (!span_eq(row->body, known.body))
        found->torn++;
    if (!row->record.at) {
        assert_int_equal(row->state, STORE_DEAD);
        assert_true(row->stale); /* nobody knows what was delivered since */
        assert_non_null(row->reason.at);
        found->letters++;
        return 0;
    }
    assert_same_text(row->model, known.model);
    assert_same_text(row->record, known.record);
    assert_int_equal(row->arrived_ms, known.arrived_ms);
    if (row->id != 5 && row->id != 10)
        assert_int_equal(row->state, known.state);
    found->whole++;
    return 0;
}

struct found find_all(struct store *store)
{
    const struct store_filter all = {.last = STORE_FORCED};
    struct found found = {0};

    assert_int_equal(store->ops->read(store, &all, found_add, &found), 0);
    return found;
}

/* ---- Damaging it ---- */

void overwrite(const struct folder *folder, int64_t at, size_t len, int with)
{
    int fd = open(folder->path, O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0);
    char *bytes = malloc(len + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(with < 0 ? rand() : with);
    assert_int_equal(pwrite(fd, bytes, len, at), len);
    free(bytes);
    (void)close(fd);
}

int64_t size_of(const struct folder *folder)
{
    struct stat st;

    assert_int_equal(stat(folder->path, &st), 0);
    return st.st_size;
}

void cut(const struct folder *folder, int64_t bytes)
{
    assert_int_equal(truncate(folder->path, bytes), 0);
}

int64_t page_by(const struct folder *folder, const char *query, const char *name)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *find = NULL;

    assert_int_equal(sqlite3_open(folder->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &find, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_bind_text(find, 1, name, -1, SQLITE_STATIC), SQLITE_OK);
    assert_int_equal(sqlite3_step(find), SQLITE_ROW);
    int64_t page = sqlite3_column_int64(find, 0);
    (void)sqlite3_finalize(find);
    (void)sqlite3_close(db);
    return (page - 1) * PAGE;
}

int64_t root_of(const struct folder *folder, const char *name)
{
    return page_by(folder, "SELECT rootpage FROM sqlite_schema WHERE name = ?1", name);
}

int count_row(void *ctx, const struct store_row *row)
{
    (void)row;
    ++*(size_t *)ctx;
    return 0;
}

void assert_works(struct store *store)
{
    uint64_t last_id;
    struct store_counts before = counts_of(store);

    assert_int_equal(store->ops->id_mark(store, &last_id), 0);
    must_append(store, row_of(OUTBOX_IDS_FROM + last_id));
    must_deliver(store, OUTBOX_IDS_FROM + last_id);
    assert_int_equal(counts_of(store).delivered, before.delivered + 1);
}

/* ---- Damage that no start has looked for ---- */

int damaged_files(const struct folder *folder)
{
    return folder_count(folder, ".damaged-") -
           (folder_count(folder, "-wal") - folder_count(folder, "outbox.db-wal"));
}

void lose_a_body(const struct folder *folder)
{
    run_sql(folder, "DELETE FROM body WHERE id = 301");
}

struct store *open_damaged(struct folder *folder, void (*damage)(const struct folder *folder))
{
    struct store *store = fill(folder);

    store->ops->close(store);
    damage(folder);
    assert_int_equal(truncate(folder->path, UNCHECKED_BYTES), 0);
    store = folder_open(folder, STORE_SERVE);
    assert_int_equal(damaged_files(folder), 0);
    return store;
}

int read_pending(struct store *store)
{
    const struct store_filter pending = {
        .first = STORE_PENDING, .last = STORE_PENDING, .model = SPAN("users")};
    size_t rows = 0;

    return store->ops->read(store, &pending, count_row, &rows);
}
