/* SPDX-License-Identifier: MIT */
/* What `convex-relay check` says of what it meets instead of Convex. */
#include "rows.h"
#include "scripted_server.h"

#include "convex/probe.h"

#include <signal.h>

struct row {
    const char *name;
    int status;
    const char *body;
    const char *why; /* a part of it; NULL: this is Convex */
};

static struct row rows[] = {
    {"Convex", 200, "{\"ts\":\"AAAAAAAAAAA=\"}", NULL},
    {"Convex, with a line end", 200, "{\"ts\":\"AAAAAAAAAAA=\"}\n", NULL},
    {"something else in JSON", 200, "{\"ok\":true}", "is it the deployment's address?"},
    {"a page", 200, "<html>", "is it the deployment's address?"},
    {"nothing there", 404, "", "(http 404 to POST /api/query_ts)"},
    {"a redirect", 301, "", "is it the deployment's address?"},
    {"wrong key", 401, "{\"code\":\"BadAdminKey\"}", "CONVEX_DEPLOY_KEY is refused"},
    {"another deployment's key", 403, "{\"code\":\"BadDeployKey\"}",
     "CONVEX_DEPLOY_KEY is refused"},
    {"overload", 503, "", "in trouble (http 503)"},
    {"rate limit", 429, "", "in trouble (http 429)"},
};

static const struct row *answering;

static void script_answer(struct server *server)
{
    int fd = server_accept(server);

    if (server_read(server, fd))
        (void)server_answer(fd, answering->status, answering->body);
    closep(&fd);
}

static int probe(const struct server *server, const char *scheme, struct buf *why)
{
    struct transport_options options = {
        .deploy_key = "key", .timeout_ms = 100000, .version = "1.2.3"};
    char url[64];

    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%d/", scheme, server->port);
    options.convex_url = url;
    return probe_run(&options, why);
}

static void answer_is_judged(void **state)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    struct server server;

    answering = *state;
    server_start(&server, script_answer, NULL);
    assert_int_equal(probe(&server, "http", &why), answering->why ? PROBE_FAILED : 0);
    server_join(&server);
    assert_non_null(strstr(buf_string(&why), answering->why ? answering->why : ""));
    assert_null(strchr(buf_string(&why), '\n'));
    assert_int_equal(server.requests_len, 1);
    assert_memory_equal(server.requests[0].at, "POST /api/query_ts HTTP/1.1\r\n", 29);
    assert_non_null(strstr(server.requests[0].at, "\r\nAuthorization: Convex key\r\n"));
    assert_non_null(strstr(server.requests[0].at, "\r\nConvex-Client: convex-relay-1.2.3\r\n"));
    assert_non_null(strstr(server.requests[0].at, "\r\nContent-Length: 0\r\n"));
    server_done(&server);
}

static void nobody_listens(void **state)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    struct server server;

    (void)state;
    server_bind(&server);
    assert_int_equal(probe(&server, "http", &why), PROBE_FAILED);
    assert_non_null(strstr(buf_string(&why), "cannot be reached ("));
    server_done(&server);
}

static void ca_file_is_missing(void **state)
{
    struct transport_options options = {
        .ca_file = "/nonexistent/ca.pem",
        .timeout_ms = 100000,
        .version = "1.2.3",
    };
    cleanup(buf_done) struct buf why = BUF_NULL;
    struct server server;
    char url[64];

    (void)state;
    server_bind(&server);
    assert_int_equal(listen(server.listener, 1), 0);
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", server.port);
    options.convex_url = url;
    assert_int_equal(probe_run(&options, &why), PROBE_FAILED);
    assert_non_null(strstr(buf_string(&why), "CONVEX_CA_FILE"));
    server_done(&server);
}

static const struct CMUnitTest plain_tests[] = {
    cmocka_unit_test(nobody_listens),
    cmocka_unit_test(ca_file_is_missing),
};

int main(void)
{
    static struct CMUnitTest tests[array_len(plain_tests) + array_len(rows)];

    (void)signal(SIGPIPE, SIG_IGN);
    memcpy(tests, plain_tests, sizeof(plain_tests));
    (void)rows_add(tests, array_len(plain_tests), rows, answer_is_judged);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
