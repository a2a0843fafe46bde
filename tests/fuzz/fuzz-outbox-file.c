/* SPDX-License-Identifier: MIT */
/*
 * The outbox's file, damaged. The input is a list of patches on a small file with a log (WAL), made
 * anew in each process; see enum patch.
 *
 *   - The file opens, or is refused for being another program's or of a newer version.
 *   - Then every row can be read (after one more start where only reading has shown the damage),
 *     the counters agree with the rows, and the store works: an event is appended and delivered.
 *   - Where the damage is in the trees above the rows, in indexes or in the log, a row that is
 *     still there is unchanged. (Nothing guards the rows themselves: no checksums.)
 *   - A damaged log alone loses nothing that is in the file.
 *   - Damage is mended once: the next start finds none.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>

#include "base/file.h"
#include "outbox/store_sqlite.h"

enum {
    ROWS_IN_FILE = 40,
    ROWS = 44, /* the others are in the log alone */
    DELIVERED_IN_LOG = 3,
    PAGE = 4096,
    PATCHES_MAX = 64,
    FILE_MAX = 1 << 20,
};

/* How a patch begins; bit 7: on the log. Then come an offset (3 bytes, modulo the size) and ... */
enum patch {
    PATCH_BYTES, /* a length (1) and as many bytes, which are written there */
    PATCH_FILL,  /* a length (2) and a byte, which fills that much */
    PATCH_PAGE,  /* a page's number (2), which is copied over the one there */
    PATCH_CUT,   /* nothing: the file ends there */
    PATCH_COUNT,
};

static struct buf seed_file, seed_log;
static char folder[64], path[96], log_path[104];

/* ---- What is in the file ---- */

static struct store_row row_of(uint64_t id)
{
    static char body[6000], record[16];
    size_t len = id == 7 ? sizeof(body) : 60 + id * 31 % 400;

    (void)snprintf(record, sizeof(record), "r%d", (int)(id % 9));
    memset(body, 'a' + (int)(id % 26), sizeof(body));
    (void)snprintf(body, sizeof(body), "body of %d", (int)id);
    return (struct store_row){
        .id = id,
        .state = id % 5 == 0 ? STORE_DEAD : STORE_PENDING,
        .model = id % 2 ? SPAN("users") : SPAN("posts"),
        .record = id % 9 ? span_of(record) : SPAN_NULL,
        .body = {body, len},
        .arrived_ms = 1000 + (int64_t)id,
        .reason = id % 5 == 0 ? SPAN("because") : SPAN_NULL,
        .died_ms = id % 5 == 0 ? 5000 : 0,
    };
}

static int open_store(struct store **store)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    const struct store_options options = {.path = path, .mode = STORE_SERVE, .why = &why};
    int r = store_sqlite_open(&options, store);

    fuzz_check((r == 0) == (why.len == 0));
    if (r == 0)
        return 0;
    fuzz_check(r == STORE_REFUSED && buf_string(&why));
    fuzz_check(strstr(why.at, "newer version") || strstr(why.at, "something else"));
    return r;
}

static void append(struct store *store, uint64_t first, uint64_t last)
{
    fuzz_check(store->ops->begin(store) == 0);
    for (uint64_t id = first; id <= last; id++) {
        struct store_row row = row_of(id);
        fuzz_check(store->ops->append(store, &row) == 0);
    }
    fuzz_check(store->ops->commit(store) == 0);
}

static void deliver(struct store *store, uint64_t id)
{
    fuzz_check(store->ops->begin(store) == 0);
    fuzz_check(store->ops->deliver(store, &(struct store_row){.id = id}, false) == 0);
    fuzz_check(store->ops->commit(store) == 0);
}

static void read_file(const char *name, struct buf *bytes)
{
    cleanup(buf_done) struct buf why = BUF_NULL;

    fuzz_check(file_read(name, FILE_MAX, bytes, &why) == 0);
}

static int is_file(const struct dirent *entry)
{
    return entry->d_type != DT_DIR;
}

/* How many files have a name with part in it; removes all where part is NULL. */
static int count_files(const char *part)
{
    struct dirent **entries;
    int len = scandir(folder, &entries, is_file, NULL), n = 0;

    fuzz_check(len >= 0);
    for (int i = 0; i < len; i++) {
        cleanup(buf_done) struct buf name = BUF_NULL;
        fuzz_check(buf_printf(&name, "%s/%s", folder, entries[i]->d_name) == 0);
        if (!part)
            (void)unlink(buf_string(&name));
        else
            n += strstr(entries[i]->d_name, part) != NULL;
        free(entries[i]);
    }
    free(entries);
    return n;
}

static void make_seed(void)
{
    struct store *store = NULL;

    fuzz_check(open_store(&store) == 0);
    append(store, 1, ROWS_IN_FILE);
    store->ops->close(store);
    fuzz_check(open_store(&store) == 0);
    append(store, ROWS_IN_FILE + 1, ROWS);
    for (uint64_t id = 1; id <= DELIVERED_IN_LOG; id++)
        deliver(store, id);
    read_file(path, &seed_file);
    read_file(log_path, &seed_log);
    store->ops->close(store);
    (void)count_files(NULL);
}

/* ---- Damaging it ---- */

struct damage {
    struct buf file, log;
    int rows;  /* patches that met bytes that a row may be made of */
    int trees; /* others in the file */
};

/* Pages that only lead to rows: inner ones of tables, and those of indexes. */
static bool page_leads_only(const struct buf *file, size_t page)
{
    unsigned char type = (unsigned char)file->at[page * PAGE];

    return page > 0 && (type == 0x05 || type == 0x02 || type == 0x0A);
}

/* Before the patches are done: a page with rows may be copied over one that leads to them. */
static void damage_note(struct damage *damage, bool log, size_t at, size_t len)
{
    for (size_t page = at / PAGE; !log && len > 0 && page <= (at + len - 1) / PAGE; page++) {
        if (page_leads_only(&seed_file, page) && page_leads_only(&damage->file, page))
            damage->trees++;
        else
            damage->rows++;
    }
}

static void damage_one(struct damage *damage, struct fuzz_input *input)
{
    uint8_t how = fuzz_byte(input);
    struct buf *file = how & 0x80 ? &damage->log : &damage->file;
    size_t at = fuzz_number(input, 3) % (file->len + 1);
    size_t room = file->len - at, len = 0;

    switch ((how & 0x7F) % PATCH_COUNT) {
    case PATCH_BYTES: {
        struct span bytes = fuzz_bytes(input, fuzz_byte(input));
        len = bytes.len < room ? bytes.len : room;
        damage_note(damage, how & 0x80, at, len);
        memcpy(file->at + at, bytes.at, len);
        break;
    }
    case PATCH_FILL:
        len = fuzz_number(input, 2);
        len = len < room ? len : room;
        damage_note(damage, how & 0x80, at, len);
        memset(file->at + at, fuzz_byte(input), len);
        break;
    case PATCH_PAGE: {
        size_t pages = file->len / PAGE;
        size_t from = pages ? fuzz_number(input, 2) % pages * PAGE : 0;
        at = at / PAGE * PAGE;
        len = file->len - at < PAGE ? 0 : PAGE;
        damage_note(damage, how & 0x80, at, len);
        memmove(file->at + at, file->at + from, len);
        break;
    }
    default: /* a page that is gone is damaged, too */
        damage_note(damage, how & 0x80, at, room);
        file->len = at;
        break;
    }
}

static void damage_all(struct damage *damage, struct fuzz_input input)
{
    fuzz_check(buf_append_span(&damage->file, buf_span(&seed_file)) == 0);
    fuzz_check(buf_append_span(&damage->log, buf_span(&seed_log)) == 0);
    for (int i = 0; i < PATCHES_MAX && input.len > 0; i++)
        damage_one(damage, &input);
    fuzz_write_file(path, buf_span(&damage->file));
    fuzz_write_file(log_path, buf_span(&damage->log));
}

/* ---- Looking at what opens ---- */

struct found {
    const struct damage *damage;
    size_t rows, letters, delivered_in_log;
};

static void check_row(const struct store_row *row)
{
    fuzz_check(row->id >= 1 && row->id <= ROWS);
    struct store_row known = row_of(row->id);
    fuzz_check(span_eq(row->body, known.body));
    if (!row->record.at && known.record.at) { /* of the event only its body was left */
        fuzz_check(row->state == STORE_DEAD && row->reason.at);
        return;
    }
    fuzz_check(span_eq(row->model, known.model));
    fuzz_check(!row->record.at == !known.record.at && span_eq(row->record, known.record));
    fuzz_check(row->state == known.state || !row->model.at);
    fuzz_check(row->arrived_ms == known.arrived_ms && row->attempts == 0);
}

static int find_row(void *ctx, const struct store_row *row)
{
    struct found *found = ctx;

    found->rows++;
    fuzz_check(row->body.at);
    if (found->damage->rows == 0)
        check_row(row);
    return 0;
}

static int find_all(struct store *store, struct found *found)
{
    const struct store_filter all = {.first = STORE_PENDING, .last = STORE_FORCED};
    const struct damage *damage = found->damage;

    *found = (struct found){.damage = damage};
    return store->ops->read(store, &all, find_row, found);
}

static void check_counts(struct store *store, size_t rows)
{
    struct store_counts counts;

    fuzz_check(store->ops->counts(store, &counts) == 0);
    fuzz_check(counts.pending + counts.dead == rows);
    fuzz_check(counts.accepted ==
               counts.delivered + counts.discarded + counts.pending + counts.dead);
}

static void check_works(struct store *store, struct found *found)
{
    uint64_t last_id;
    struct store_row row = row_of(1);

    check_counts(store, found->rows);
    fuzz_check(store->ops->id_mark(store, &last_id) == 0);
    row.id = last_id + 1;
    fuzz_check(store->ops->begin(store) == 0);
    fuzz_check(store->ops->append(store, &row) == 0);
    fuzz_check(store->ops->commit(store) == 0);
    check_counts(store, found->rows + 1);
    deliver(store, row.id);
    check_counts(store, found->rows);
}

static void check_opens(const struct damage *damage)
{
    struct found found = {.damage = damage}, again = {.damage = damage};
    struct store *store = NULL;

    if (open_store(&store) != 0) {
        fuzz_check(damage->rows > 0);
        return;
    }
    if (find_all(store, &found) != 0) {
        store->ops->close(store);
        fuzz_check(open_store(&store) == 0);
        fuzz_check(find_all(store, &found) == 0);
    }
    fuzz_check(count_files(".mending") == 0 && count_files(".saved") == 0);
    if (damage->rows == 0 && damage->trees == 0)
        fuzz_check(found.rows >= ROWS_IN_FILE - DELIVERED_IN_LOG);
    check_works(store, &found);
    int set_aside = count_files(".damaged-");
    store->ops->close(store);

    fuzz_check(open_store(&store) == 0);
    fuzz_check(count_files(".damaged-") == set_aside);
    fuzz_check(find_all(store, &again) == 0);
    fuzz_check(again.rows == found.rows);
    store->ops->close(store);
}

static void remove_folder(void)
{
    (void)count_files(NULL);
    (void)rmdir(folder);
    buf_done(&seed_file);
    buf_done(&seed_log);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    fuzz_log_nothing();
    (void)sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, NULL); /* the same log each time */
    (void)snprintf(folder, sizeof(folder), "%s/convex-relay-fuzz-XXXXXX", fuzz_scratch());
    fuzz_check(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/outbox.db", folder);
    (void)snprintf(log_path, sizeof(log_path), "%s-wal", path);
    make_seed();
    (void)atexit(remove_folder);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct damage damage = {0};

    damage_all(&damage, (struct fuzz_input){data, size});
    check_opens(&damage);
    (void)count_files(NULL);
    buf_done(&damage.file);
    buf_done(&damage.log);
    return 0;
}
