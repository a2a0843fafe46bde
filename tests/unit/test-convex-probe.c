/* SPDX-License-Identifier: MIT */
/* What `convex-relay check` says of what it meets instead of Convex. */
#include "tests/unit/lib/rows.h"
#include "tests/unit/lib/scripted_server.h"

#include "convex/probe.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

struct row {
    const char *name;
    int status;
    const char *body;
    const char *why; /* a part of the complaint; NULL: none, the answer is Convex's */
    bool keyless;
};

#define ERROR(text)                                                                                \
    "{\"status\":\"error\",\"errorMessage\":\"[Request ID: 0123456789abcdef] Server Error" text    \
    "\"}"

/* What Convex answers to a query of a name that nobody has: crates/udf/src/validation.rs. */
static struct row rows[] = {
    {"Convex", 200,
     ERROR("\\nCould not find public function for 'a:b'. Did you forget to run `npx convex dev` or "
           "`npx convex deploy`?\\n"),
     NULL, false},
    {"Convex, without a key", 200, ERROR("\\nCould not find public function for 'a:b'.\\n"), NULL,
     true},
    {"Convex in production", 200, ERROR(""), NULL, false},
    {"Convex with UDF_404_ON_BAD_PATH", 404,
     "{\"code\":\"FunctionPathNotFound\",\"message\":\"Could not find\"}", NULL, false},
    {"Convex, and somebody has the name", 200, "{\"status\":\"success\",\"value\":null}", NULL,
     false},
    {"paused", 200,
     ERROR("\\nCannot run functions while this deployment is paused. Resume the deployment.\\n"),
     "runs no functions (deployment not running)", false},
    {"disabled", 200,
     ERROR("\\nYou have exceeded the free plan limits, so your deployments have been disabled.\\n"),
     "runs no functions (limits exceeded)", false},
    {"something else in JSON", 200, "{\"ok\":true}", "set the address of the deployment", false},
    {"a page", 200, "<html>", "set the address of the deployment", false},
    {"nothing there", 404, "", "(http 404 to POST /api/query)", false},
    {"a redirect", 301, "", "set the address of the deployment", false},
    {"wrong key", 401, "{\"code\":\"BadAdminKey\",\"message\":\"x\"}",
     "CONVEX_DEPLOY_KEY is refused", false},
    {"another deployment's key", 403, "{\"code\":\"BadDeployKey\",\"message\":\"x\"}",
     "CONVEX_DEPLOY_KEY is refused", false},
    {"a key that cannot be one", 400, "{\"code\":\"HeaderParseFailure\",\"message\":\"x\"}",
     "CONVEX_DEPLOY_KEY is refused", false},
    {"a firewall, without a key", 403, "<html>", "set the address of the deployment", true},
    {"overload", 503, "", "in trouble (http 503)", false},
    {"rate limit", 429, "", "in trouble (http 429)", false},
};

static const struct row *answering;

static void script_answer(struct server *server)
{
    int fd = server_accept(server);

    if (server_read(server, fd))
        (void)server_answer(fd, answering->status, answering->body);
    closep(&fd);
}

static int probe(const struct server *server, const char *key, struct probe_date *date,
                 struct buf *why)
{
    struct transport_options options = {
        .deploy_key = key, .timeout_ms = 100000, .version = "1.2.3"};
    char url[64];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server->port);
    options.convex_url = url;
    return probe_run(&options, date, why);
}

static void answer_is_judged(void **state)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    struct probe_date date;
    struct server server;

    answering = *state;
    const char *key = answering->keyless ? NULL : "key";
    server_start(&server, script_answer, NULL);
    assert_int_equal(probe(&server, key, &date, &why), answering->why ? PROBE_FAILED : 0);
    server_join(&server);
    assert_non_null(strstr(buf_string(&why), answering->why ? answering->why : ""));
    assert_null(strchr(buf_string(&why), '\n'));
    assert_int_equal(server.requests_len, 1);
    assert_memory_equal(server.requests[0].at, "POST /api/query HTTP/1.1\r\n", 26);
    if (key)
        assert_non_null(strstr(server.requests[0].at, "\r\nAuthorization: Convex key\r\n"));
    else
        assert_null(strstr(server.requests[0].at, "Authorization"));
    assert_non_null(strstr(server.requests[0].at, "\r\nConvex-Client: convex-relay-1.2.3\r\n"));
    assert_non_null(strstr(server.requests[0].at,
                           "\r\n\r\n{\"path\":\"convex_relay_check:there_is_no_such_function\","
                           "\"format\":\"convex_encoded_json\",\"args\":[{}]}"));
    server_done(&server);
}

static void nobody_listens(void **state)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    struct probe_date date;
    struct server server;

    (void)state;
    server_bind(&server);
    assert_int_equal(probe(&server, "key", &date, &why), PROBE_FAILED);
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
    struct probe_date date;
    assert_int_equal(probe_run(&options, &date, &why), PROBE_FAILED);
    assert_int_equal(date.date_ms, -1);
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
