/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/pg_cluster.h"

#include <dirent.h>
#include <ftw.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/lib/rows.h"

enum { CLUSTER_STARTS_S = 60 };

static char home[64];       /* of a cluster of the program's own; empty: there is none */
static char admin_uri[256]; /* of the superuser, in the database postgres */
static char super_uri[256]; /* in the program's */
static char uri[256];       /* of the role */
static char database[64];
static pid_t server;

/* ---- A cluster of its own ---- */

/* The newest folder of PostgreSQL's programs. */
static const char *cluster_programs(void)
{
    static char path[96];
    DIR *dir = opendir("/usr/lib/postgresql");
    struct dirent *entry;
    int newest = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        if (atoi(entry->d_name) > newest)
            newest = atoi(entry->d_name);
    (void)closedir(dir);
    (void)snprintf(path, sizeof(path), "/usr/lib/postgresql/%d/bin", newest);
    return path;
}

/* PostgreSQL refuses to run as root. */
static void cluster_become_owner(void)
{
    const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;

    if (user && (setgid(user->pw_gid) || setuid(user->pw_uid)))
        _exit(126);
}

static pid_t cluster_run(const char *const args[])
{
    pid_t child = fork();

    if (child == 0) {
        cluster_become_owner();
        (void)prctl(PR_SET_PDEATHSIG, SIGQUIT); /* behind the change of users, which clears it */
        if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stdout) ||
            !freopen("/dev/null", "w", stderr) || chdir("/"))
            _exit(126);
        execv(args[0], (char *const *)args);
        _exit(127);
    }
    assert_true(child > 0);
    return child;
}

static int cluster_remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static void cluster_stop(void)
{
    if (server > 0) {
        (void)kill(server, SIGQUIT);
        (void)waitpid(server, NULL, 0);
    }
    if (home[0])
        (void)nftw(home, cluster_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void cluster_start(void)
{
    static char initdb[128], postgres[128], data[96];
    const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    int status = 0;

    (void)snprintf(home, sizeof(home), "/tmp/convex-relay-pg-XXXXXX");
    assert_non_null(mkdtemp(home));
    assert_true(!user || chown(home, user->pw_uid, user->pw_gid) == 0);
    (void)atexit(cluster_stop);
    (void)snprintf(initdb, sizeof(initdb), "%s/initdb", cluster_programs());
    (void)snprintf(postgres, sizeof(postgres), "%s/postgres", cluster_programs());
    (void)snprintf(data, sizeof(data), "%s/data", home);
    pid_t made = cluster_run((const char *const[]){initdb, "-D", data, "-U", "postgres", "-A",
                                                   "trust", "-E", "UTF8", "--locale=C", NULL});
    assert_int_equal(waitpid(made, &status, 0), made);
    assert_int_equal(status, 0);
    server = cluster_run((const char *const[]){postgres, "-D", data, "-k", home, "-h", "", NULL});
    (void)snprintf(admin_uri, sizeof(admin_uri), "postgresql:///postgres?host=%s&user=postgres",
                   home);
}

/* ---- The program's database ---- */

static PGconn *cluster_connect(const char *to)
{
    PGconn *conn = NULL;

    for (int i = 0; i < CLUSTER_STARTS_S * 10; i++) {
        PQfinish(conn);
        conn = PQconnectdb(to);
        if (PQstatus(conn) == CONNECTION_OK)
            return conn;
        (void)usleep(100 * 1000);
    }
    fail_msg("%s", PQerrorMessage(conn));
    return NULL;
}

static void cluster_ignore(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

/* Runs SQL, and returns the result of the last statement. */
static PGresult *cluster_exec(PGconn *conn, const char *sql)
{
    (void)PQsetNoticeProcessor(conn, cluster_ignore, NULL);
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    return result;
}

/* Writes a URI: from with another database and user. */
static void cluster_write_uri(char *to, size_t size, const char *user)
{
    PGconn *conn = cluster_connect(admin_uri);

    /* A machine that is busy makes a connection slow. */
    (void)snprintf(to, size, "postgresql:///%s?host=%s&port=%s&user=%s&connect_timeout=60",
                   database, PQhost(conn), PQport(conn), user);
    PQfinish(conn);
}

static void cluster_drop(void)
{
    char sql[160];
    PGconn *conn = PQconnectdb(admin_uri);

    (void)snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", database);
    PQclear(PQexec(conn, sql));
    (void)snprintf(sql, sizeof(sql), "DROP ROLE IF EXISTS %s", database);
    PQclear(PQexec(conn, sql));
    PQfinish(conn);
}

static void cluster_open(void)
{
    const char *given = getenv("CONVEX_RELAY_TEST_PG");
    char sql[160];

    if (uri[0])
        return;
    if (given)
        (void)snprintf(admin_uri, sizeof(admin_uri), "%s", given);
    else
        cluster_start();
    (void)snprintf(database, sizeof(database), "test_%d", (int)getpid());
    PGconn *conn = cluster_connect(admin_uri);
    (void)snprintf(sql, sizeof(sql), "CREATE ROLE %s LOGIN", database);
    PQclear(cluster_exec(conn, sql));
    (void)snprintf(sql, sizeof(sql), "CREATE DATABASE %s OWNER %s", database, database);
    PQclear(cluster_exec(conn, sql));
    PQfinish(conn);
    (void)atexit(cluster_drop);
    cluster_write_uri(super_uri, sizeof(super_uri), "postgres");
    cluster_write_uri(uri, sizeof(uri), database);
}

const char *pg_cluster_uri(void)
{
    cluster_open();
    return uri;
}

const char *pg_cluster_super_uri(void)
{
    cluster_open();
    return super_uri;
}

const char *pg_cluster_sql(const char *sql)
{
    static char value[4096];

    cluster_open();
    PGconn *conn = cluster_connect(super_uri);
    PGresult *result = cluster_exec(conn, sql);
    (void)snprintf(value, sizeof(value), "%s",
                   PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(conn);
    return value;
}
