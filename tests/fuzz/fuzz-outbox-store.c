/* SPDX-License-Identifier: MIT */
/*
 * What goes into the outbox and comes out of it. The input is a list of changes, see enum change,
 * with texts of any bytes.
 *
 *   - Rows come out as they went in: every byte of body, model, record and reason, and none is not
 *     the same as an empty one. So does the copy of a row that crosses the threads.
 *   - Each change ends as a plain array of rows says that it must.
 *   - All that survives the file's being closed and opened.
 */
#include "fuzz.h"

#include "outbox/outbox_row.h"
#include "outbox/store_sqlite.h"

enum { ROWS_MAX = 64 };

/* Each byte of the input that begins a change; what follows it is told by the code. */
enum change { APPEND, DELIVER, NOTE_FAILURE, BURY, REPLAY, DISCARD, REOPEN, CHANGES };

struct model {
    struct store *store;
    struct store_row rows[ROWS_MAX]; /* by rising id */
    char *texts[ROWS_MAX][4];
    bool there[ROWS_MAX];
    size_t len;
    uint64_t gone; /* delivered or discarded */
};

static char folder[64], path[96];

static void open_store(struct model *model)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    const struct store_options options = {.path = path, .mode = STORE_SERVE, .why = &why};

    fuzz_check(store_sqlite_open(&options, &model->store) == 0);
}

/* ---- Comparing ---- */

static bool same_text(struct span a, struct span b)
{
    return !a.at == !b.at && span_eq(a, b);
}

static void check_same(const struct store_row *row, const struct store_row *known)
{
    fuzz_check(row->id == known->id && row->state == known->state);
    fuzz_check(same_text(row->body, known->body));
    fuzz_check(same_text(row->model, known->model));
    fuzz_check(same_text(row->record, known->record));
    fuzz_check(same_text(row->reason, known->reason));
    fuzz_check(row->arrived_ms == known->arrived_ms && row->attempts == known->attempts);
    fuzz_check(row->tried_ms == known->tried_ms && row->died_ms == known->died_ms);
    fuzz_check(row->stale == known->stale);
}

struct reading {
    const struct model *model;
    size_t next;
};

static int check_row(void *ctx, const struct store_row *row)
{
    struct reading *reading = ctx;
    const struct model *model = reading->model;

    while (reading->next < model->len && !model->there[reading->next])
        reading->next++;
    fuzz_check(reading->next < model->len);
    check_same(row, &model->rows[reading->next++]);
    struct outbox_row *copy = outbox_row_copy(row, NULL);
    fuzz_check(copy);
    check_same(&copy->row, row);
    outbox_row_free(copy);
    return 0;
}

static void check_all(const struct model *model)
{
    const struct store_filter all = {.first = STORE_PENDING, .last = STORE_FORCED};
    struct reading reading = {.model = model};
    struct store_counts counts;

    fuzz_check(model->store->ops->read(model->store, &all, check_row, &reading) == 0);
    for (; reading.next < model->len; reading.next++)
        fuzz_check(!model->there[reading.next]);
    fuzz_check(model->store->ops->counts(model->store, &counts) == 0);
    fuzz_check(counts.delivered + counts.discarded == model->gone);
    fuzz_check(counts.accepted == model->len);
    fuzz_check(counts.pending + counts.dead == model->len - model->gone);
}

/* ---- Changing ---- */

/* A text: the length plus one, so that 0 is no text at all, and the bytes. */
static struct span take_text(struct fuzz_input *input, char **copy)
{
    size_t len = fuzz_byte(input);

    if (len == 0)
        return SPAN_NULL;
    struct span text = fuzz_bytes(input, len - 1);
    free(*copy);
    *copy = fuzz_copy(text);
    return (struct span){*copy, text.len};
}

static void change_append(struct model *model, struct fuzz_input *input)
{
    struct store_row *row = &model->rows[model->len];
    char **texts = model->texts[model->len];

    if (model->len == ROWS_MAX)
        return;
    *row = (struct store_row){.id = ++model->len, .arrived_ms = fuzz_byte(input)};
    row->model = take_text(input, &texts[0]);
    row->record = take_text(input, &texts[1]);
    row->body = take_text(input, &texts[2]);
    if (!row->body.at)
        row->body = SPAN("");
    row->state = row->arrived_ms & 1 ? STORE_DEAD : STORE_PENDING;
    row->died_ms = row->state == STORE_DEAD ? 5 : 0;
    fuzz_check(model->store->ops->append(model->store, row) == 0);
    model->there[model->len - 1] = true;
}

static void overtake(struct model *model, const struct store_row *by)
{
    for (size_t i = 0; i < model->len; i++) {
        struct store_row *row = &model->rows[i];
        if (row->state != STORE_PENDING && row->id < by->id && by->record.at && row->record.at &&
            span_eq(row->record, by->record) && same_text(row->model, by->model))
            row->stale = true;
    }
}

static void change_gone(struct model *model, size_t i, bool deliver)
{
    struct store *store = model->store;
    const struct store_row *row = &model->rows[i];
    bool fits = model->there[i] && (deliver || row->state == STORE_DEAD);
    int r = deliver ? store->ops->deliver(store, row, false) : store->ops->discard(store, row->id);

    fuzz_check(r == (fits ? 0 : STORE_MISSING));
    if (deliver)
        overtake(model, row);
    if (!fits)
        return;
    model->there[i] = false;
    model->gone++;
}

static void change_tried(struct model *model, size_t i, bool bury, struct fuzz_input *input)
{
    struct store *store = model->store;
    struct store_row *row = &model->rows[i];
    struct store_row tried = {.id = i + 1, .attempts = fuzz_byte(input), .tried_ms = 7};
    bool fits = model->there[i] && (bury || row->state == STORE_PENDING);
    char *text = NULL;

    tried.reason = take_text(input, &text);
    tried.died_ms = bury ? 9 : 0;
    tried.stale = bury && tried.attempts & 1;
    int r = 0;
    if (!bury)
        r = store->ops->note_failure(store, &tried);
    else if (fits) /* it would be stored anew otherwise */
        r = store->ops->bury(store, &tried);
    fuzz_check(r == (fits || bury ? 0 : STORE_MISSING));
    if (!fits) {
        free(text);
        return;
    }
    free(model->texts[i][3]);
    model->texts[i][3] = text;
    row->attempts = tried.attempts;
    row->tried_ms = tried.tried_ms;
    row->reason = tried.reason;
    row->died_ms = bury ? tried.died_ms : row->died_ms;
    row->stale = row->stale || tried.stale;
    row->state = bury ? STORE_DEAD : row->state;
}

static void change_replay(struct model *model, size_t i, bool force)
{
    struct store_row *row = &model->rows[i];
    int should = 0;

    if (!model->there[i] || row->state != STORE_DEAD)
        should = STORE_MISSING;
    else if (row->stale && !force)
        should = STORE_STALE;
    fuzz_check(model->store->ops->offer(model->store, i + 1, force) == should);
    if (should == 0)
        row->state = force ? STORE_FORCED : STORE_OFFERED;
}

static void change_one(struct model *model, struct fuzz_input *input)
{
    enum change change = fuzz_byte(input) % CHANGES;

    if (change == REOPEN) {
        model->store->ops->close(model->store);
        open_store(model);
        check_all(model);
        return;
    }
    fuzz_check(model->store->ops->begin(model->store) == 0);
    if (change == APPEND) {
        change_append(model, input);
    } else if (model->len > 0) {
        uint8_t which = fuzz_byte(input);
        size_t i = (which & 0x7F) % model->len;
        if (change == DELIVER || change == DISCARD)
            change_gone(model, i, change == DELIVER);
        else if (change == REPLAY)
            change_replay(model, i, which & 0x80);
        else
            change_tried(model, i, change == BURY, input);
    }
    fuzz_check(model->store->ops->commit(model->store) == 0);
}

/* ---- The target ---- */

static void remove_files(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};

    for (size_t i = 0; i < array_len(suffixes); i++) {
        char name[112];
        (void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
}

static void remove_folder(void)
{
    remove_files();
    (void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    fuzz_log_nothing();
    (void)snprintf(folder, sizeof(folder), "%s/convex-relay-fuzz-XXXXXX", fuzz_scratch());
    fuzz_check(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/outbox.db", folder);
    (void)atexit(remove_folder);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct model model = {0};

    open_store(&model);
    for (int changes = 0; changes < 100 && input.len > 0; changes++)
        change_one(&model, &input);
    check_all(&model);
    model.store->ops->close(model.store);
    remove_files();
    for (size_t i = 0; i < ROWS_MAX; i++)
        for (size_t j = 0; j < array_len(model.texts[i]); j++)
            free(model.texts[i][j]);
    return 0;
}
