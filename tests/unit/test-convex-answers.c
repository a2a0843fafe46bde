/* SPDX-License-Identifier: MIT */
/* What the transport makes of answers, whole and broken, and of none. */
#include "rows.h"
#include "transport_world.h"

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
     "HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1F\x8B", "\x1F\x8B",
     200, ANSWER_HTTP},
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

static int long_body_len;

static void script_long_body(struct server *server)
{
    static char body[MEBIBYTE + 1];
    char head[128];
    int fd = server_accept(server);

    (void)snprintf(head, sizeof(head), "HTTP/1.1 502 X\r\nContent-Length: %d\r\n\r\n",
                   long_body_len);
    memset(body, 'x', sizeof(body));
    if (server_read(server, fd) && server_send(fd, head))
        (void)server_send_bytes(fd, body, (size_t)long_body_len);
    closep(&fd);
}

static void answer_of_a_mebibyte_is_read(void **state)
{
    (void)state;
    long_body_len = MEBIBYTE;
    struct world *world = world_serve(script_long_body, (struct transport_options){0});
    struct attempt *attempt = world_call(world, 0);
    assert_int_equal(attempt->answer.kind, ANSWER_HTTP);
    assert_int_equal(attempt->body.len, MEBIBYTE);
    world_free(world);
}

static void longer_answer_is_cut_off(void **state)
{
    (void)state;
    long_body_len = MEBIBYTE + 1;
    struct world *world = world_serve(script_long_body, (struct transport_options){0});
    struct attempt *attempt = world_call(world, 0);
    expect_failure(attempt, ANSWER_TOO_LONG);
    assert_int_equal(attempt->answer.status, 502);
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
    cmocka_unit_test(answer_of_a_mebibyte_is_read),
    cmocka_unit_test(longer_answer_is_cut_off),
    cmocka_unit_test(long_head_is_cut_off),
    cmocka_unit_test(many_early_answers_are_cut_off),
};

int main(void)
{
    static struct CMUnitTest
        tests[array_len(plain_tests) + array_len(answer_rows) + array_len(retry_rows)];
    static struct CMUnitTest each[2 * array_len(tests)];
    size_t len = array_len(plain_tests);

    (void)signal(SIGPIPE, SIG_IGN);
    memcpy(tests, plain_tests, sizeof(plain_tests));
    len = rows_add(tests, len, answer_rows, answer_is_read);
    (void)rows_add(tests, len, retry_rows, retry_after_is_read);
    world_with_each(tests, array_len(tests), each);
    return cmocka_run_group_tests(each, NULL, NULL);
}
