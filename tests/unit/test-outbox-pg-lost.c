/* SPDX-License-Identifier: MIT */
/*
 * Connections that end in the middle of a transaction, in front of any message and in both
 * directions: afterwards the store says for certain whether the transaction is there, nothing is
 * there twice, and the counts are exact.
 */
#include "outbox/pg_core.h"
#include "outbox/store_pg.h"
#include "tests/unit/lib/any_store.h"
#include "tests/unit/lib/pg_cluster.h"
#include "tests/unit/lib/pg_proxy.h"
#include "tests/unit/lib/store_walk.h"

enum { MESSAGES_MAX = 200, TRIES = 100 };

static struct store *open_by(const char *uri, const char *schema)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    struct store *store = NULL;
    const struct store_options options = {
        .uri = uri, .schema = schema, .mode = STORE_SERVE, .why = &why};
    int r = store_pg_open(&options, &store);

    if (r)
        print_error("open: %d %.*s\n", r, (int)why.len, why.at);
    assert_int_equal(r, 0);
    return store;
}

static bool resumed(struct store *store)
{
    bool committed = false;
    int r = STORE_AWAY;

    for (int i = 0; i < TRIES && r == STORE_AWAY; i++) {
        assert_non_null(store->why_away);
        r = store->ops->resume(store, &committed);
        if (r)
            (void)usleep(20 * 1000);
    }
    if (r)
        print_error("away: %s\n", store->why_away);
    assert_int_equal(r, 0);
    return committed;
}

static void forget_schema(const char *schema)
{
    char sql[96];

    (void)snprintf(sql, sizeof(sql), "DROP SCHEMA IF EXISTS \"%s\" CASCADE", schema);
    (void)pg_cluster_sql(sql);
}

/* Quicker than to make the schema anew. */
static void empty_schema(void)
{
    (void)pg_cluster_sql("DELETE FROM lost.event; DELETE FROM lost.letter;"
                         " DELETE FROM lost.ledger; DELETE FROM lost.member;"
                         " UPDATE lost.sender SET member = NULL; UPDATE lost.total SET"
                         " delivered = 0, discarded = 0, pending = 0, dead = 0, bytes = 0");
}

/* ---- A commit ---- */

struct life {
    struct store *store;
    struct store_row rows[3];
    struct store_row gone, dead, letter;
};

static struct store_row new_row(const char *record)
{
    struct store_row row = row_of(0);

    row.record = span_of(record);
    return row;
}

/* An event, a letter, and an offer, which the transaction below is about. */
static void life_begin(struct life *life, const char *uri)
{
    struct store *store = open_by(uri, "lost");

    *life = (struct life){.store = store};
    life->gone = new_row("gone");
    life->dead = new_row("dead");
    life->letter = new_row("letter");
    life->letter.state = STORE_DEAD;
    must_begin(store);
    assert_int_equal(store->ops->append(store, &life->gone), 0);
    assert_int_equal(store->ops->append(store, &life->dead), 0);
    assert_int_equal(store->ops->append(store, &life->letter), 0);
    must_commit(store);
    assert_true(life->gone.id > 0 && life->dead.id > life->gone.id);
    must_begin(store);
    assert_int_equal(store->ops->offer(store, life->letter.id, true), 0);
    must_commit(store);
}

/* Appends three, delivers one, buries one; and takes an offer, which wants an answer. */
static int life_try(struct life *life, bool takes)
{
    struct store *store = life->store;
    struct store_row death = life->dead;
    uint64_t new_id = 0;
    int r = store->ops->begin(store);

    if (r)
        return r;
    death.reason = SPAN("x");
    for (size_t i = 0; i < array_len(life->rows) && !r; i++) {
        life->rows[i] = new_row("new");
        life->rows[i].state = i == 1 ? STORE_DEAD : STORE_PENDING;
        r = store->ops->append(store, &life->rows[i]);
    }
    if (!r)
        r = store->ops->deliver(store, &life->gone, false);
    if (!r)
        r = store->ops->bury(store, &death);
    if (!r && takes)
        r = store->ops->take_offer(store, life->letter.id, &new_id, 5);
    return store_end(store, r);
}

static void assert_life_done(struct life *life, bool takes)
{
    struct store *store = life->store;
    struct store_counts counts = counts_of(store);
    char ids[256];

    assert_int_equal(counts.accepted, 6);
    assert_int_equal(counts.delivered, 1);
    assert_int_equal(counts.pending, 3);
    assert_int_equal(counts.dead, 2);
    assert_true(life->rows[0].id < life->rows[1].id && life->rows[1].id < life->rows[2].id);
    (void)snprintf(ids, sizeof(ids), "%llu %llu", (unsigned long long)life->dead.id,
                   (unsigned long long)life->rows[1].id);
    assert_string_equal(ids_in(store, STORE_DEAD), ids);
    (void)snprintf(ids, sizeof(ids), "%llu %llu", (unsigned long long)life->rows[0].id,
                   (unsigned long long)life->rows[2].id);
    assert_int_equal(strncmp(ids_in(store, STORE_PENDING), ids, strlen(ids)), 0);
    assert_int_equal(*ids_in(store, STORE_FORCED) != '\0', !takes);
    bool changed;
    assert_int_equal(store->ops->changed(store, &changed), 0); /* reads the counts anew */
    struct store_counts again = counts_of(store);
    assert_memory_equal(&again, &counts, sizeof(counts));
}

struct cut_case {
    const char *name;
    bool to_client, takes, keeps_server;
};

static struct cut_case cut_cases[] = {
    {"on the way there", false, false, false},
    {"on the way back", true, false, false},
    {"on the way there, with an answer in between", false, true, false},
    {"on the way back, with an answer in between", true, true, false},
    {"on the way there, and the server does not notice", false, false, true},
};

/* True: the transaction has met the cut. */
static bool cut_once(const struct cut_case *cut, struct pg_proxy *proxy, int n)
{
    struct life life;

    life_begin(&life, proxy->uri);
    int cuts = atomic_load(&proxy->cuts);
    atomic_store(&proxy->keeps_server, cut->keeps_server);
    (cut->to_client ? pg_proxy_cut_to_client : pg_proxy_cut_to_server)(proxy, n);
    int r = life_try(&life, cut->takes);
    bool met = r != 0;
    pg_proxy_cut_to_server(proxy, 0);
    pg_proxy_cut_to_client(proxy, 0);
    if (met) {
        assert_int_equal(r, STORE_AWAY);
        assert_int_equal(atomic_load(&proxy->cuts), cuts + 1);
    }
    if (met && !resumed(life.store)) {
        struct store_counts counts = counts_of(life.store);
        assert_int_equal(counts.accepted, 3);
        assert_int_equal(life_try(&life, cut->takes), 0);
    }
    atomic_store(&proxy->keeps_server, false); /* not before: its session holds a lock */
    assert_life_done(&life, cut->takes);
    life.store->ops->close(life.store);
    empty_schema();
    return met;
}

static void nothing_is_lost_and_nothing_doubled(void **state)
{
    const struct cut_case *cut = *state;
    struct pg_proxy proxy;
    int n = 1;

    pg_proxy_start(&proxy);
    while (cut_once(cut, &proxy, n))
        assert_true(++n < MESSAGES_MAX);
    assert_true(n > 5);
    pg_proxy_stop(&proxy);
    forget_schema("lost");
}

/* The resumption is cut as well, in front of every fourth message: it knows what has become of the
 * commit all the same. */
static void resumption_that_is_cut_still_knows(void **state)
{
    struct pg_proxy proxy;
    int pending = 0, n = 0;
    bool met = true;

    (void)state;
    pg_proxy_start(&proxy);
    struct store *store = open_by(proxy.uri, "lost");
    for (; met && n < MESSAGES_MAX; n++) {
        struct store_row row = new_row("r");
        must_begin(store);
        assert_int_equal(store->ops->append(store, &row), 0);
        pg_proxy_cut_to_client(&proxy, 1); /* the server has all of it */
        assert_int_equal(store->ops->commit(store), STORE_AWAY);
        int cuts = atomic_load(&proxy.cuts);
        pg_proxy_cut_to_client(&proxy, 4 * n + 1);
        bool committed = resumed(store);
        met = atomic_load(&proxy.cuts) > cuts;
        pg_proxy_cut_to_client(&proxy, 0);
        pending += committed;
        assert_int_equal(strtol(pg_cluster_sql("SELECT count(*) FROM lost.event"), NULL, 10),
                         pending);
        assert_int_equal(row.id > 0, committed);
        assert_int_equal(counts_of(store).pending, pending);
    }
    assert_true(n > 5 && pending > n / 2);
    store->ops->close(store);
    pg_proxy_stop(&proxy);
    forget_schema("lost");
}

/* ---- A commit that takes its time ---- */

/* A session that the commit waits for, by a trigger, and another thread that cuts the connection
 * meanwhile. */
struct holder {
    PGconn *conn;
    struct pg_proxy *proxy;
    bool lets_go; /* once the store waits for the commit */
};

#define WAITING(how)                                                                               \
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND " how

static const char at_its_commit[] = WAITING("wait_event = 'advisory'");
static const char looking_up[] = WAITING("wait_event_type = 'Lock' AND wait_event <> 'advisory'");

static bool holder_sees_any(const struct holder *holder, const char *sql)
{
    PGresult *result = PQexec(holder->conn, sql);
    bool any = PQntuples(result) > 0 && strcmp(PQgetvalue(result, 0, 0), "0") != 0;

    PQclear(result);
    return any;
}

static void *holder_cut(void *ctx)
{
    struct holder *holder = ctx;

    while (!holder_sees_any(holder, at_its_commit))
        (void)usleep(1000);
    atomic_store(&holder->proxy->cut_now, true);
    while (holder->lets_go && !holder_sees_any(holder, looking_up) &&
           holder_sees_any(holder, at_its_commit)) /* until it is ended */
        (void)usleep(1000);
    if (holder->lets_go)
        PQclear(PQexec(holder->conn, "SELECT pg_advisory_unlock(1)"));
    return NULL;
}

/* The session is at its commit when the connection is cut: what is told must be what comes of it.
 */
static void commit_under_way(bool ends)
{
    struct pg_proxy proxy;
    struct holder holder = {.proxy = &proxy, .lets_go = ends};
    pthread_t thread;

    pg_proxy_start(&proxy);
    struct store *store = open_by(proxy.uri, "lost");
    (void)pg_cluster_sql("CREATE FUNCTION lost.slow() RETURNS trigger LANGUAGE plpgsql AS"
                         " $$BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END$$;"
                         "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON lost.event"
                         " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
                         " EXECUTE FUNCTION lost.slow()");
    holder.conn = PQconnectdb(pg_cluster_super_uri());
    PQclear(PQexec(holder.conn, "SELECT pg_advisory_lock(1)"));
    atomic_store(&proxy.keeps_server, true);
    struct store_row row = new_row("slow");
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    assert_int_equal(pthread_create(&thread, NULL, holder_cut, &holder), 0);
    assert_int_equal(store->ops->commit(store), STORE_AWAY);
    bool committed = resumed(store);
    assert_int_equal(pthread_join(thread, NULL), 0);
    if (!committed) /* it was ended: nothing comes later */
        assert_string_equal(pg_cluster_sql(at_its_commit), "0");
    assert_true(ends || !committed);
    PQfinish(holder.conn);
    assert_string_equal(pg_cluster_sql("SELECT count(*) FROM lost.event"), committed ? "1" : "0");
    assert_int_equal(counts_of(store).pending, committed);
    assert_int_equal(row.id != 0, committed);
    store->ops->close(store);
    pg_proxy_stop(&proxy);
    forget_schema("lost");
}

static void commit_under_way_is_waited_for(void **state)
{
    (void)state;
    commit_under_way(true);
}

static void commit_that_does_not_end_is_ended(void **state)
{
    (void)state;
    commit_under_way(false);
}

/* ---- A server that says nothing ---- */

/* Reading counts takes a second from now on. */
static struct store *open_slow(void)
{
    struct store *store = open_by(pg_cluster_uri(), "lost");

    (void)pg_cluster_sql("ALTER TABLE lost.trouble RENAME TO real;"
                         "CREATE VIEW lost.trouble AS SELECT real.* FROM pg_sleep(1)"
                         " LEFT JOIN lost.real ON true; GRANT ALL ON lost.trouble TO PUBLIC");
    return store;
}

static int read_impatiently(struct store *store, int busy_ms)
{
    struct pg_core *core = pg_core_of(store);
    int quiet_ms = core->quiet_ms;
    bool changed;

    core->quiet_ms = 200;
    core->busy_ms = busy_ms;
    int r = store->ops->changed(store, &changed);
    core->quiet_ms = quiet_ms;
    return r;
}

/* Whoever read a large table would be away, and again as soon as it is read anew. */
static void server_at_work_is_waited_for(void **state)
{
    struct store *store = open_slow();

    (void)state;
    assert_int_equal(read_impatiently(store, 60 * 1000), 0);
    store->ops->close(store);
    forget_schema("lost");
}

static void server_at_work_is_not_waited_for_without_end(void **state)
{
    struct store *store = open_slow();

    (void)state;
    assert_int_equal(read_impatiently(store, 500), STORE_AWAY);
    assert_false(resumed(store));
    store->ops->close(store);
    forget_schema("lost");
}

static void server_that_waits_itself_is_not(void **state)
{
    struct store *store = open_by(pg_cluster_uri(), "lost");
    PGconn *holder = PQconnectdb(pg_cluster_super_uri());

    (void)state;
    PQclear(PQexec(holder, "BEGIN; LOCK TABLE lost.trouble"));
    assert_int_equal(read_impatiently(store, 60 * 1000), STORE_AWAY);
    PQfinish(holder);
    assert_false(resumed(store));
    store->ops->close(store);
    forget_schema("lost");
}

/* Counting the rows of a model that gets counts of its own takes a second. */
static int name_impatiently(struct store *store, int busy_ms)
{
    struct pg_core *core = pg_core_of(store);
    int quiet_ms = core->quiet_ms;

    must_begin(store);
    core->quiet_ms = 200;
    core->busy_ms = busy_ms;
    int r = store->ops->name(store, SPAN("users"));
    core->quiet_ms = quiet_ms;
    return store_end(store, r);
}

static struct store *open_slow_to_name(void)
{
    struct store *store = open_by(pg_cluster_uri(), "lost");
    struct store_row row = new_row("r");

    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    must_commit(store);
    (void)pg_cluster_sql("CREATE FUNCTION lost.slow() RETURNS trigger LANGUAGE plpgsql AS"
                         " $$BEGIN PERFORM pg_sleep(1); RETURN NEW; END$$;"
                         " CREATE TRIGGER slow BEFORE INSERT ON lost.total FOR EACH ROW"
                         " EXECUTE FUNCTION lost.slow()");
    return store;
}

/* A transaction is given up sooner than that; but this one would begin anew without end. */
static void server_that_counts_is_waited_for(void **state)
{
    struct store *store = open_slow_to_name();

    (void)state;
    assert_int_equal(name_impatiently(store, 0), 0);
    assert_string_equal(pg_cluster_sql("SELECT sum(pending) FROM lost.ledger WHERE model = 1"),
                        "1");
    assert_int_equal(counts_of(store).pending, 1);
    store->ops->close(store);
    forget_schema("lost");
}

static void other_transactions_are_not(void **state)
{
    struct store *store = open_slow_to_name();
    struct pg_core *core = pg_core_of(store);
    int quiet_ms = core->quiet_ms;
    struct store_row row = new_row("r");

    (void)state;
    (void)pg_cluster_sql("CREATE TRIGGER slow BEFORE INSERT ON lost.event FOR EACH ROW"
                         " EXECUTE FUNCTION lost.slow()");
    core->quiet_ms = 200;
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    assert_int_equal(store->ops->commit(store), STORE_AWAY);
    core->quiet_ms = quiet_ms;
    (void)resumed(store);
    store->ops->close(store);
    forget_schema("lost");
}

/* ---- Tending ---- */

/* Tending folds the row of the commit before, by which a database that was put back is noticed. */
static void tending_that_is_cut_is_no_rewinding(void **state)
{
    struct pg_proxy proxy;
    int r = STORE_AWAY;

    (void)state;
    pg_proxy_start(&proxy);
    for (int n = 1; r; n++) {
        struct store *store = open_by(proxy.uri, "lost");
        struct store_row row = new_row("r");
        must_begin(store);
        assert_int_equal(store->ops->append(store, &row), 0);
        must_commit(store);
        cleanup(freep) char *epoch = strdup(pg_cluster_sql("SELECT epoch FROM lost.sender"));
        pg_proxy_cut_to_client(&proxy, n);
        r = store->ops->tend(store, NULL);
        pg_proxy_cut_to_client(&proxy, 0);
        if (r)
            (void)resumed(store);
        assert_string_equal(pg_cluster_sql("SELECT epoch FROM lost.sender"), epoch);
        assert_int_equal(counts_of(store).pending, 1);
        store->ops->close(store);
        empty_schema();
    }
    pg_proxy_stop(&proxy);
    forget_schema("lost");
}

/* ---- At random ---- */

enum { STEPS = 400 };

static uint64_t roll(uint64_t *dice, uint64_t sides)
{
    *dice = *dice * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (*dice >> 33) % sides;
}

static void a_walk_survives_cuts(void **state)
{
    static struct walk walk;
    struct pg_proxy proxy;
    uint64_t dice = 7;
    int away = 0, committed = 0;

    (void)state;
    pg_proxy_start(&proxy);
    walk = (struct walk){.dice = 11, .store = open_by(proxy.uri, "walk")};
    for (int step = 1; step <= STEPS; step++) {
        if (roll(&dice, 3) == 0)
            (roll(&dice, 2) ? pg_proxy_cut_to_client
                            : pg_proxy_cut_to_server)(&proxy, 1 + (int)roll(&dice, 25));
        int r = walk_step(&walk);
        if (r) {
            assert_int_equal(r, STORE_AWAY);
            pg_proxy_cut_to_client(&proxy, roll(&dice, 4) ? 0 : 1 + (int)roll(&dice, 40));
            bool done = resumed(walk.store);
            if (done)
                walk.now = walk.next;
            committed += done;
            away++;
            walk.doubts = 0;
        }
        pg_proxy_cut_to_client(&proxy, 0);
        pg_proxy_cut_to_server(&proxy, 0);
        r = walk.store->ops->begin(walk.store); /* a rollback does not say that it was cut */
        if (r)
            assert_false(resumed(walk.store));
        else
            walk.store->ops->rollback(walk.store);
        assert_true(mirror_is(&walk.now, walk.store));
    }
    assert_true(away > 30);
    assert_true(committed > 3);
    walk.store->ops->close(walk.store);
    forget_schema("walk");
    pg_proxy_stop(&proxy);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(cut_cases) + 10];
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(resumption_that_is_cut_still_knows),
        cmocka_unit_test(commit_under_way_is_waited_for),
        cmocka_unit_test(commit_that_does_not_end_is_ended),
        cmocka_unit_test(server_at_work_is_waited_for),
        cmocka_unit_test(server_that_waits_itself_is_not),
        cmocka_unit_test(server_at_work_is_not_waited_for_without_end),
        cmocka_unit_test(server_that_counts_is_waited_for),
        cmocka_unit_test(other_transactions_are_not),
        cmocka_unit_test(tending_that_is_cut_is_no_rewinding),
        cmocka_unit_test(a_walk_survives_cuts),
    };

    memcpy(tests, others, sizeof(others));
    rows_add(tests, array_len(others), cut_cases, nothing_is_lost_and_nothing_doubled);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
