/* SPDX-License-Identifier: MIT */
/* What the transport makes of answers, whole and broken, and of none. */
#include "tests/unit/lib/rows.h"
#include "tests/unit/lib/transport_world.h"

#include <signal.h>
#include <sys/inotify.h>
#include <time.h>

/* ---- no answer, or half of one ---- */

static void refused_connection_is_not_sent(void **state)
{
    struct world *world = world_new();

    (void)state;
    server_bind(&world->server);
    world_open(world, "http://127.0.0.1", "", (struct transport_options){0});
    expect_failure(world_call(world, 0), ANSWER_NOT_SENT);
    world_free(world);
}

static void unknown_host_is_not_sent(void **state)
{
    struct world *world = world_new();

    (void)state;
    world_open_at(world, "http://nowhere.invalid", (struct transport_options){0});
    expect_failure(world_call(world, 0), ANSWER_NOT_SENT);
    world_free(world);
}

/*
 * The resolver's descriptors are closed behind our back, and their numbers go to the connection.
 * The machine's own name is no constant of libcurl's, as localhost is, and needs no network.
 */
static void descriptors_of_the_resolver_are_let_go(void **state)
{
    struct world *world = world_new();
    char host[256] = "http://";
    size_t len = strlen(host);

    (void)state;
    assert_int_equal(gethostname(host + len, sizeof(host) - len - 1), 0);
    server_bind(&world->server);
    world_open(world, host, "", (struct transport_options){0});
    for (int i = 0; i < 2; i++)
        expect_failure(world_call(world, i), ANSWER_NOT_SENT);
    world_free(world);
}

static void other_protocols_are_not_spoken(void **state)
{
    struct world *world = world_new();

    (void)state;
    world_open_at(world, "file:///etc", (struct transport_options){0});
    expect_failure(world_call(world, 0), ANSWER_NOT_SENT);
    assert_non_null(strstr(buf_string(&world->attempts[0].why), "Protocol"));
    world_free(world);
}

static void script_hang_up_on_hello(struct server *server)
{
    for (int i = 0; i < 3; i++) {
        int fd = server_accept(server);
        (void)server_readable(fd);
        closep(&fd);
    }
}

static const char ca_pem[] = "-----BEGIN CERTIFICATE-----\n"
                             "MIIBjzCCATWgAwIBAgIUHz5dY1lI8wgUtu33rBrSEtwEdkgwCgYIKoZIzj0EAwIw\n"
                             "HDEaMBgGA1UEAwwRY29udmV4LXJlbGF5IHRlc3QwIBcNMjYxMTIyMTczNjExWhgP\n"
                             "MjEyNjEwMjkxNzM2MTFaMBwxGjAYBgNVBAMMEWNvbnZleC1yZWxheSB0ZXN0MFkw\n"
                             "EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGKhsnPJ7yw0t/zzP6qf73uQ1QkykILpe\n"
                             "Buv62lzGMB63a5XXV2d++m8QDdKLHD0nFUnhTATiF5EiQ842e0fZvqNTMFEwHQYD\n"
                             "VR0OBBYEFGuzMikVimcXFw4poChEEB/VKxWVMB8GA1UdIwQYMBaAFGuzMikVimcX\n"
                             "Fw4poChEEB/VKxWVMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIg\n"
                             "Bkc5BoT4hM0J5d5eUCi90DWCsz+7h+Xl10OZ27hnZqgCIQCs1sOuI4pR+6r8Np9l\n"
                             "pnJMdtopfw/gykIuW0PZP1k8Uw==\n"
                             "-----END CERTIFICATE-----\n";

/*
 * A new connection must not read the CA file anew: its directory's setting, which Debian compiles
 * in, would make libcurl do so. That the handshakes fail comes after the reading.
 */
static void ca_file_is_read_once(void **state)
{
    char path[] = "/tmp/convex-relay-test-ca-XXXXXX";
    int fd = mkstemp(path);
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    struct inotify_event event;
    struct world *world = world_new();

    (void)state;
    assert_true(fd >= 0 && watch >= 0);
    assert_int_equal(write(fd, ca_pem, sizeof(ca_pem) - 1), sizeof(ca_pem) - 1);
    closep(&fd);
    assert_true(inotify_add_watch(watch, path, IN_OPEN) >= 0);
    server_start(&world->server, script_hang_up_on_hello, world);
    world_open(world, "https://127.0.0.1", "", (struct transport_options){.ca_file = path});
    for (int i = 0; i < 3; i++) {
        int opened = 0;
        expect_failure(world_call(world, i), ANSWER_NOT_SENT);
        while (read(watch, &event, sizeof(event)) > 0)
            opened++;
        assert_int_equal(opened, i == 0 ? 1 : 0);
    }
    assert_int_equal(unlink(path), 0);
    closep(&watch);
    world_free(world);
}

static void missing_ca_file_is_not_sent(void **state)
{
    struct world *world = world_new();

    (void)state;
    server_bind(&world->server);
    assert_int_equal(listen(world->server.listener, 1), 0);
    world_open(world, "https://127.0.0.1", "",
               (struct transport_options){.ca_file = "/nonexistent/ca.pem"});
    expect_failure(world_call(world, 0), ANSWER_NOT_SENT);
    world_free(world);
}

/* The kernel accepts for the server, which never speaks. */
static void timeout_in_the_handshake_is_not_sent(void **state)
{
    struct world *world = world_new();

    (void)state;
    server_bind(&world->server);
    assert_int_equal(listen(world->server.listener, 1), 0);
    world_open(world, "https://127.0.0.1", "", (struct transport_options){.timeout_ms = SHORT_MS});
    expect_failure(world_call(world, 0), ANSWER_NOT_SENT);
    world_free(world);
}

static void timeout_after_the_request_is_lost(void **state)
{
    struct world *world = world_new();

    (void)state;
    server_bind(&world->server);
    assert_int_equal(listen(world->server.listener, 1), 0);
    world_open(world, "http://127.0.0.1", "", (struct transport_options){.timeout_ms = SENT_MS});
    expect_failure(world_call(world, 0), ANSWER_LOST);
    world_free(world);
}

/* ---- a table of answers, as bytes; the server closes after them ---- */

struct answer_row {
    const char *name;
    const char *bytes;
    const char *body; /* NULL: none of it arrives */
    int status;
    enum answer_kind kind;
};

static struct answer_row answer_rows[] = {
    {"nothing", "", NULL, 0, ANSWER_LOST},
    {"half a head", "HTTP/1.1 200 OK\r\nContent-Le", NULL, 0, ANSWER_LOST},
    {"not HTTP", "SSH-2.0-x\r\n\r\n", NULL, 0, ANSWER_LOST},
    {"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"status\"", NULL, 200,
     ANSWER_LOST},
    {"half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"sta", NULL, 200,
     ANSWER_LOST},
    {"chunks without an end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
     NULL, 200, ANSWER_LOST},
    {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
     "{}", 200, ANSWER_HTTP},
    {"103 and no more", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", NULL, 0, ANSWER_LOST},
    {"half a head of an error", "HTTP/1.1 401 X\r\n", NULL, 0, ANSWER_LOST},
    {"until the end", "HTTP/1.1 200 OK\r\n\r\n{}", "{}", 200, ANSWER_HTTP},
    {"HTTP/1.0", "HTTP/1.0 500 No\r\n\r\nno", "no", 500, ANSWER_HTTP},
    {"no body", "HTTP/1.1 204 No Content\r\n\r\n", "", 204, ANSWER_HTTP},
    {"100 first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
     "{}", 200, ANSWER_HTTP},
    {"103 first",
     "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "",
     503, ANSWER_HTTP},
    {"a redirect is an answer",
     "HTTP/1.1 308 X\r\nLocation: /api/mutation\r\nContent-Length: 0\r\n\r\n", "", 308,
     ANSWER_HTTP},
    {"a challenge is an answer",
     "HTTP/1.1 401 X\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno", "no", 401,
     ANSWER_HTTP},
    {"compressed though not asked for",
     "HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1F\x8B", NULL, 200,
     ANSWER_COMPRESSED},
    {"compressed, behind a 103 that is, too",
     "HTTP/1.1 103 X\r\nContent-Encoding: br\r\n\r\nHTTP/1.1 503 X\r\n"
     "Content-Encoding: zstd\r\nContent-Length: 2\r\n\r\n\x28\xB5",
     NULL, 503, ANSWER_COMPRESSED},
    {"compressed, and half of it",
     "HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n\x1F\x8B", NULL, 200,
     ANSWER_LOST},
    {"nothing, compressed", "HTTP/1.1 502 X\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
     "", 502, ANSWER_HTTP},
    {"a 103 that is compressed, and an answer that is not",
     "HTTP/1.1 103 X\r\nContent-Encoding: br\r\n\r\nHTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}",
     "{}", 200, ANSWER_HTTP},
    {"identity", "HTTP/1.1 200 X\r\ncontent-encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
     "{}", 200, ANSWER_HTTP},
    /* What came before the end decides, where it does. */
    {"success, broken off",
     "HTTP/1.1 200 X\r\nContent-Length: 90\r\n\r\n{\"status\":\"success\",\"value\":\"v",
     "{\"status\":\"success\"}", 200, ANSWER_HTTP},
    {"success in a chunk, broken off",
     "HTTP/1.1 200 X\r\nTransfer-Encoding: "
     "chunked\r\n\r\n13\r\n{\"status\":\"success\"\r\n9\r\n,\"v",
     "{\"status\":\"success\"}", 200, ANSWER_HTTP},
    {"an error, broken off behind its message",
     "HTTP/1.1 200 X\r\nContent-Length: "
     "90\r\n\r\n{\"status\":\"error\",\"errorMessage\":\"no\",\"lo",
     "{\"status\":\"error\",\"errorMessage\":\"no\"}", 200, ANSWER_HTTP},
    {"an error, broken off in its message",
     "HTTP/1.1 200 X\r\nContent-Length: 90\r\n\r\n{\"status\":\"error\",\"errorMessage\":\"no",
     NULL, 200, ANSWER_LOST},
    {"success under another status, broken off",
     "HTTP/1.1 502 X\r\nContent-Length: 90\r\n\r\n{\"status\":\"success\",\"value\":\"v", NULL, 502,
     ANSWER_LOST},
};

static const struct answer_row *answering;

static void script_answer_row(struct server *server)
{
    int fd = server_accept(server);

    if (server_read(server, fd))
        (void)server_send(fd, answering->bytes);
    closep(&fd);
}

static void answer_is_read(void **state)
{
    const struct answer_row *row = *state;

    answering = row;
    struct world *world = world_serve(script_answer_row, (struct transport_options){0});
    struct attempt *attempt = world_call(world, 0);
    if (row->kind == ANSWER_HTTP)
        expect_answer(attempt, row->status, row->body);
    else
        expect_failure(attempt, row->kind);
    assert_int_equal(attempt->answer.status, row->status);
    world_close(world);
    assert_int_equal(world->server.requests_len, 1);
    world_free(world);
}

/* ---- Retry-After ---- */

struct retry_row {
    const char *name;
    const char *value; /* %s: a date a minute from now */
    int64_t least_ms;
    int64_t most_ms;
};

static struct retry_row retry_rows[] = {
    {"Retry-After: seconds", "7", 7000, 7000},
    {"Retry-After: at once", " 0 ", 0, 0},
    {"Retry-After: for ever", "99999999999999999999", 300000, 300000},
    {"Retry-After: a date", "%s", 50000, 60000},
    {"Retry-After: a date that is past", "Sun, 06 Nov 1994 08:49:37 GMT", 0, 0},
    {"Retry-After: empty", "", -1, -1},
    {"Retry-After: negative", "-1", -1, -1},
    {"Retry-After: a word", "soon", -1, -1},
    {"Retry-After: seconds and more", "7 or 8", -1, -1},
    {"Retry-After: longer than any date",
     "a word that is much longer than any date that anybody ever wrote into it", -1, -1},
};

static char retry_answer[256];

static void script_retry_after(struct server *server)
{
    int fd = server_accept(server);

    if (server_read(server, fd))
        (void)server_send(fd, retry_answer);
    closep(&fd);
}

static void retry_after_is_read(void **state)
{
    const struct retry_row *row = *state;
    time_t soon = time(NULL) + 60;
    struct tm tm;
    char date[64];

    assert_non_null(gmtime_r(&soon, &tm));
    assert_true(strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
    (void)snprintf(retry_answer, sizeof(retry_answer),
                   "HTTP/1.1 503 X\r\nretry-AFTER:%s\r\nContent-Length: 0\r\n\r\n",
                   strcmp(row->value, "%s") == 0 ? date : row->value);
    struct world *world = world_serve(script_retry_after, (struct transport_options){0});
    struct attempt *attempt = world_call(world, 0);
    expect_answer(attempt, 503, "");
    assert_in_range(attempt->answer.retry_after_ms + 1, row->least_ms + 1, row->most_ms + 1);
    world_free(world);
}

/* ---- answers without measure ---- */

enum { MEBIBYTE = 1024 * 1024 };

static struct long_row {
    const char *name;
    int status;
    const char *beginning;
    size_t more; /* bytes of x behind it, and then the end */
    const char *end;
    const char *body; /* NULL: the beginning with all of x; "": it is cut to a mebibyte */
    enum answer_kind kind;
} long_rows[] = {
    {"a mebibyte", 502, "", MEBIBYTE, "", NULL, ANSWER_HTTP},
    {"a refusal of more", 502, "", MEBIBYTE + 1, "", "", ANSWER_HTTP},
    {"a value of 16 MiB", 200, "{\"status\":\"success\",\"value\":\"", 16 * MEBIBYTE, "\"}",
     "{\"status\":\"success\"}", ANSWER_HTTP},
    {"log lines of 8 MiB behind an error", 200,
     "{\"status\":\"error\",\"errorMessage\":\"no\",\"logLines\":[\"", 8 * MEBIBYTE, "\"]}",
     "{\"status\":\"error\",\"errorMessage\":\"no\"}", ANSWER_HTTP},
    {"status behind two mebibytes", 200, "{\"value\":\"", 2 * MEBIBYTE,
     "\",\"status\":\"success\"}", NULL, ANSWER_TOO_LONG},
    {"two mebibytes of something else", 200, "<html>", 2 * MEBIBYTE, "", NULL, ANSWER_TOO_LONG},
};

static const struct long_row *long_answer;

/* Twice on one connection: it is read to the end. */
static void script_long_body(struct server *server)
{
    static char body[17 * MEBIBYTE];
    char head[128];
    int fd = server_accept(server);
    size_t before = strlen(long_answer->beginning), behind = strlen(long_answer->end);
    size_t len = before + long_answer->more + behind;

    memset(body, 'x', sizeof(body));
    memcpy(body, long_answer->beginning, before);
    memcpy(body + before + long_answer->more, long_answer->end, behind);
    (void)snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n",
                   long_answer->status, len);
    for (int i = 0; i < 2 && server_read(server, fd) && server_send(fd, head); i++)
        (void)server_send_bytes(fd, body, len);
    closep(&fd);
}

static void long_answer_is_read(void **state)
{
    long_answer = *state;
    struct world *world = world_serve(script_long_body, (struct transport_options){0});

    for (int i = 0; i < 2; i++) {
        struct attempt *attempt = world_call(world, i);
        assert_int_equal(attempt->answer.kind, long_answer->kind);
        assert_int_equal(attempt->answer.status, long_answer->status);
        if (long_answer->kind != ANSWER_HTTP)
            assert_int_equal(attempt->body.len, 0);
        else if (long_answer->body && *long_answer->body)
            assert_string_equal(buf_string(&attempt->body), long_answer->body);
        else
            assert_int_equal(attempt->body.len, MEBIBYTE);
    }
    world_close(world);
    assert_int_equal(world->server.accepted, 1);
    world_free(world);
}

/* Nobody needs the end of it. */
static void script_endless_success(struct server *server)
{
    static char more[MEBIBYTE];
    int fd = server_accept(server);

    memset(more, 'x', sizeof(more));
    bool open = server_read(server, fd) &&
                server_send(fd, "HTTP/1.1 200 X\r\n\r\n{\"status\":\"success\",\"value\":\"");
    while (open)
        open = server_send_bytes(fd, more, sizeof(more));
    closep(&fd);
}

static void endless_success_is_one(void **state)
{
    (void)state;
    struct world *world = world_serve(script_endless_success, (struct transport_options){0});
    expect_answer(world_call(world, 0), 200, "{\"status\":\"success\"}");
    world_free(world);
}

static const char *repeated;

/* A head of 80 KiB before an answer that would do: more than is taken, less than libcurl takes. */
static void script_long_head(struct server *server)
{
    int fd = server_accept(server);
    bool open = server_read(server, fd) && server_send(fd, "HTTP/1.1 103 X\r\n");

    for (size_t sent = 0; open && sent < 80 * 1024; sent += strlen(repeated))
        open = server_send(fd, repeated);
    (void)server_send(fd, "\r\nHTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n");
    closep(&fd);
}

static void long_head_is_cut_off(void **state)
{
    (void)state;
    repeated = "X-Header: and so on and so on and so on\r\n";
    struct world *world = world_serve(script_long_head, (struct transport_options){0});
    expect_failure(world_call(world, 0), ANSWER_LOST);
    world_free(world);
}

static void many_early_answers_are_cut_off(void **state)
{
    (void)state;
    repeated = "\r\nHTTP/1.1 103 X\r\n";
    struct world *world = world_serve(script_long_head, (struct transport_options){0});
    expect_failure(world_call(world, 0), ANSWER_LOST);
    world_free(world);
}

static const struct CMUnitTest plain_tests[] = {
    cmocka_unit_test(refused_connection_is_not_sent),
    cmocka_unit_test(unknown_host_is_not_sent),
    cmocka_unit_test(descriptors_of_the_resolver_are_let_go),
    cmocka_unit_test(other_protocols_are_not_spoken),
    cmocka_unit_test(ca_file_is_read_once),
    cmocka_unit_test(missing_ca_file_is_not_sent),
    cmocka_unit_test(timeout_in_the_handshake_is_not_sent),
    cmocka_unit_test(timeout_after_the_request_is_lost),
    cmocka_unit_test(endless_success_is_one),
    cmocka_unit_test(long_head_is_cut_off),
    cmocka_unit_test(many_early_answers_are_cut_off),
};

int main(void)
{
    static struct CMUnitTest tests[array_len(plain_tests) + array_len(answer_rows) +
                                   array_len(retry_rows) + array_len(long_rows)];
    size_t len = array_len(plain_tests);

    (void)signal(SIGPIPE, SIG_IGN);
    memcpy(tests, plain_tests, sizeof(plain_tests));
    len = rows_add(tests, len, answer_rows, answer_is_read);
    len = rows_add(tests, len, retry_rows, retry_after_is_read);
    (void)rows_add(tests, len, long_rows, long_answer_is_read);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
