/* SPDX-License-Identifier: MIT */
/* Requests on their way: what goes out, starting and cancelling. */
#include "tests/unit/lib/transport_world.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>

/* ---- the request ---- */

static void script_answer_one(struct server *server)
{
    int fd = server_accept(server);

    if (server_read(server, fd)) {
        /* A half-closed connection would read as its end. */
        char byte;
        if (recv(fd, &byte, 1, MSG_DONTWAIT) == 0)
            (void)server_fault(server, "the connection was half-closed");
        (void)server_answer(fd, 200, SUCCESS);
    }
    server_expect_close(server, fd);
    closep(&fd);
}

static void request_is_as_promised(void **state)
{
    struct world *world = world_new();
    char expected[512];

    (void)state;
    server_start(&world->server, script_answer_one, world);
    world_open(world, "http://127.0.0.1", "/base//",
               (struct transport_options){.deploy_key = "prod:happy|secret"});
    world->attempts[0].call.request_id = "event-7";
    expect_answer(world_call(world, 0), 200, SUCCESS);
    world_close(world);

    assert_int_equal(world->server.requests_len, 1);
    (void)snprintf(expected, sizeof(expected),
                   "POST /base/api/mutation HTTP/1.1\r\n"
                   "Host: 127.0.0.1:%d\r\n"
                   "Authorization: Convex prod:happy|secret\r\n"
                   "Convex-Request-Id: event-7\r\n"
                   "Content-Type: application/json\r\n"
                   "Accept-Encoding: identity\r\n"
                   "Convex-Client: convex-relay-1.2.3\r\n"
                   "User-Agent: convex-relay/1.2.3\r\n"
                   "Content-Length: 30\r\n"
                   "\r\n"
                   "{\"path\":\"users:x\",\"args\":[{}]}",
                   world->server.port);
    assert_string_equal(world->server.requests[0].at, expected);
    world_free(world);
}

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static void script_say_date(struct server *server)
{
    int fd = server_accept(server);

    if (server_read(server, fd))
        (void)server_send(fd, "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Length: 2\r\n\r\n{}");
    if (server_read(server, fd))
        (void)server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    if (server_read(server, fd)) /* and cut off */
        (void)server_send(fd, "HTTP/1.1 502 X\r\nDate: " DATE "\r\nContent-Length: 2\r\n\r\n{");
    closep(&fd);
}

/* Over the same connection as others, in the same way, to another path. */
static void call_for_a_date_has_a_path_of_its_own(void **state)
{
    struct world *world =
        world_serve(script_say_date, (struct transport_options){.date_path = "/api/query_ts",
                                                                .deploy_key = "prod:x|y"});

    (void)state;
    world->attempts[0].call.for_date = true;
    expect_answer(world_call(world, 0), 200, "{}");
    assert_same_text(world->attempts[0].answer.date, SPAN(DATE));
    expect_answer(world_call(world, 1), 200, "{}");
    assert_null(world->attempts[1].answer.date.at);
    expect_failure(world_call(world, 2), ANSWER_LOST);
    assert_same_text(world->attempts[2].answer.date, SPAN(DATE));
    world_close(world);
    const char *first = world->server.requests[0].at;
    assert_ptr_equal(strstr(first, "POST /api/query_ts HTTP/1.1\r\nHost: 127.0.0.1:"), first);
    assert_non_null(strstr(first, "\r\nConvex-Client: convex-relay-1.2.3\r\n"));
    assert_non_null(strstr(first, "\r\nAuthorization: Convex prod:x|y\r\n"));
    assert_non_null(strstr(world->server.requests[1].at, "POST /api/mutation HTTP/1.1\r\n"));
    assert_int_equal(world->server.accepted, 1);
    world_free(world);
}

static void request_without_key_or_id(void **state)
{
    struct world *world = world_serve(script_answer_one, (struct transport_options){0});

    (void)state;
    expect_answer(world_call(world, 0), 200, SUCCESS);
    world_close(world);
    assert_null(strstr(world->server.requests[0].at, "Authorization"));
    assert_null(strstr(world->server.requests[0].at, "Request-Id"));
    world_free(world);
}

static void proxy_of_the_environment_is_not_used(void **state)
{
    struct world *world;

    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("all_proxy", "http://127.0.0.1:1", 1), 0);
    world = world_serve(script_answer_one, (struct transport_options){0});
    expect_answer(world_call(world, 0), 200, SUCCESS);
    world_free(world);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(unsetenv("all_proxy"), 0);
}

/* Larger than what the kernel takes at once. */
static void large_body_is_sent_whole(void **state)
{
    enum { LEN = 3 * 1024 * 1024 + 17 };
    struct world *world = world_serve(script_answer_one, (struct transport_options){0});
    char *large = malloc(LEN);

    (void)state;
    assert_non_null(large);
    for (size_t i = 0; i < LEN; i++)
        large[i] = (char)('a' + i * 7 / 3 % 26);
    world->attempts[0].call.body[1] = (struct span){large, LEN};
    expect_answer(world_call(world, 0), 200, SUCCESS);
    world_close(world);

    const struct buf *request = &world->server.requests[0];
    const char *body = strstr(request->at, "\r\n\r\n") + 4;
    assert_null(memmem(request->at, (size_t)(body - request->at), "Expect", 6));
    assert_int_equal(request->len - (size_t)(body - request->at), 26 + LEN + 2);
    assert_memory_equal(body, "{\"path\":\"users:x\",\"args\":[", 26);
    assert_memory_equal(body + 26, large, LEN);
    assert_memory_equal(body + 26 + LEN, "]}", 2);
    free(large);
    world_free(world);
}

static void script_answer_three(struct server *server)
{
    int fd = server_accept(server);

    for (int i = 0; i < 3 && server_read(server, fd); i++)
        (void)server_answer(fd, 200, SUCCESS);
    server_expect_close(server, fd);
    closep(&fd);
}

/* Large and small in turn, on one handle. */
static void handle_forgets_the_last_body(void **state)
{
    struct world *world = world_serve(script_answer_three, (struct transport_options){0});
    static char large[70 * 1024];

    (void)state;
    memset(large, 'x', sizeof(large));
    world->attempts[1].call.body[1] = (struct span){large, sizeof(large)};
    for (int i = 0; i < 3; i++)
        expect_answer(world_call(world, i), 200, SUCCESS);
    world_close(world);

    assert_int_equal(world->server.accepted, 1);
    assert_int_equal(world->server.requests_len, 3);
    assert_non_null(
        strstr(world->server.requests[0].at, "\r\n\r\n{\"path\":\"users:x\",\"args\":[{}]}"));
    assert_non_null(strstr(world->server.requests[1].at, "args\":[xxxx"));
    assert_non_null(
        strstr(world->server.requests[2].at, "\r\n\r\n{\"path\":\"users:x\",\"args\":[{}]}"));
    world_free(world);
}

static void deploy_key_is_sent(void **state)
{
    struct world *world =
        world_serve(script_answer_one, (struct transport_options){.deploy_key = "prod:x|y"});

    (void)state;
    expect_answer(world_call(world, 0), 200, SUCCESS);
    world_close(world);
    assert_non_null(strstr(world->server.requests[0].at, "\r\nAuthorization: Convex prod:x|y\r\n"));
    world_free(world);
}

static void deploy_key_with_a_line_end_is_refused(void **state)
{
    struct world *world = world_new();
    struct transport_options options = {.convex_url = "http://127.0.0.1:9",
                                        .path = "/api/mutation",
                                        .deploy_key = "x\r\nX-Y: z",
                                        .concurrency = 1,
                                        .timeout_ms = GUARD_MS,
                                        .version = "1.2.3"};

    (void)state;
    assert_int_equal(transport_direct_new(world->loop, &options, &world->transport), -EINVAL);
    assert_null(world->transport);
    loop_free(world->loop);
    free(world);
}

/* As at a reload: what is in flight ends on the one that it began on. */
static void calls_are_counted_until_their_end(void **state)
{
    struct world *world = world_serve(script_answer_one, (struct transport_options){0});

    (void)state;
    assert_int_equal(transport_in_flight(world->transport), 0);
    assert_int_equal(world_start(world, 0), 0);
    assert_int_equal(world_start(world, 1), 0);
    assert_int_equal(transport_in_flight(world->transport), 2);
    assert_ptr_equal(world->attempts[1].call.transport, world->transport);
    transport_cancel(&world->attempts[1].call);
    assert_int_equal(transport_in_flight(world->transport), 1);
    world_wait(world, 1);
    assert_int_equal(transport_in_flight(world->transport), 0);
    world_free(world);
}

static sem_t arrived;
static sem_t answer;

static void script_think(struct server *server)
{
    int fd = server_accept(server);

    (void)server_read(server, fd);
    (void)sem_post(&arrived);
    (void)sem_wait(&answer);
    (void)server_answer(fd, 200, SUCCESS);
    closep(&fd);
}

/* Once all is sent, that more could be is no news. */
static void loop_rests_while_convex_thinks(void **state)
{
    struct world *world = world_serve(script_think, (struct transport_options){0});
    static char large[1024 * 1024];

    (void)state;
    assert_int_equal(sem_init(&arrived, 0, 0), 0);
    assert_int_equal(sem_init(&answer, 0, 0), 0);
    memset(large, 'x', sizeof(large));
    world->attempts[0].call.body[1] = (struct span){large, sizeof(large)};
    assert_int_equal(world_start(world, 0), 0);
    while (sem_trywait(&arrived) < 0)
        (void)world_turn_for(world, 1);
    int turns = world_turn_for(world, 50);
    assert_int_equal(sem_post(&answer), 0);
    world_wait(world, 1);
    expect_answer(&world->attempts[0], 200, SUCCESS);
    assert_true(turns < 10);
    world_free(world);
}

/* ---- starting and cancelling ---- */

static void start_the_next(struct attempt *attempt)
{
    attempt->then = NULL;
    assert_int_equal(world_start(attempt->world, 1), 0);
}

static void script_answer_two_differently(struct server *server)
{
    int fd = server_accept(server);

    if (server_read(server, fd))
        (void)server_answer(fd, 200, "first");
    if (server_read(server, fd))
        (void)server_answer(fd, 200, "second");
    closep(&fd);
}

static void done_may_start_the_next_call(void **state)
{
    struct world *world =
        world_serve(script_answer_two_differently, (struct transport_options){.concurrency = 1});

    (void)state;
    world->attempts[0].then = start_the_next;
    assert_int_equal(world_start(world, 0), 0);
    world_wait(world, 2);
    expect_answer(&world->attempts[0], 200, "first");
    expect_answer(&world->attempts[1], 200, "second");
    world_free(world);
}

static void reason_outlives_the_start_of_the_next_call(void **state)
{
    struct world *world = world_new();

    (void)state;
    server_bind(&world->server);
    world_open(world, "http://127.0.0.1", "", (struct transport_options){.concurrency = 1});
    world->attempts[0].then = start_the_next;
    assert_int_equal(world_start(world, 0), 0);
    world_wait(world, 2);
    expect_failure(&world->attempts[0], ANSWER_NOT_SENT);
    expect_failure(&world->attempts[1], ANSWER_NOT_SENT);
    world_free(world);
}

static void more_calls_than_the_concurrency_are_refused(void **state)
{
    struct world *world =
        world_serve(script_answer_two_differently, (struct transport_options){.concurrency = 1});

    (void)state;
    assert_int_equal(world_start(world, 0), 0);
    assert_int_equal(world_start(world, 1), -EBUSY);
    world_wait(world, 1);
    expect_answer(world_call(world, 2), 200, "second");
    assert_int_equal(world->attempts[1].told, 0);
    world_free(world);
}

static void script_answer_backwards(struct server *server)
{
    int fds[CALLS_MAX];

    for (int i = 0; i < CALLS_MAX; i++) {
        fds[i] = server_accept(server);
        (void)server_read(server, fds[i]);
    }
    while (server->requests_len-- > 0) {
        struct buf *request = &server->requests[server->requests_len];
        (void)server_answer(fds[server->requests_len], 200, strstr(request->at, "\r\n\r\n") + 4);
        buf_done(request);
    }
    server->requests_len = 0;
    for (int i = 0; i < CALLS_MAX; i++) {
        server_expect_close(server, fds[i]);
        closep(&fds[i]);
    }
}

static void many_calls_are_in_flight_at_once(void **state)
{
    struct world *world =
        world_serve(script_answer_backwards, (struct transport_options){.concurrency = CALLS_MAX});
    char data[CALLS_MAX][24], expected[64];

    (void)state;
    for (int i = 0; i < CALLS_MAX; i++) {
        (void)snprintf(data[i], sizeof(data[i]), "{\"n\":%d}", i);
        world->attempts[i].call.body[1] = span_of(data[i]);
        assert_int_equal(world_start(world, i), 0);
    }
    world_wait(world, CALLS_MAX);
    for (int i = 0; i < CALLS_MAX; i++) {
        (void)snprintf(expected, sizeof(expected), "{\"path\":\"users:x\",\"args\":[%.23s]}",
                       data[i]);
        expect_answer(&world->attempts[i], 200, expected);
    }
    world_free(world);
}

enum { KEPT = 8 };

static void script_keep_connections(struct server *server)
{
    int fds[KEPT];

    for (int i = 0; i < KEPT; i++) {
        fds[i] = server_accept(server);
        (void)server_read(server, fds[i]);
    }
    for (int i = 0; i < KEPT; i++)
        (void)server_answer(fds[i], 200, SUCCESS);
    for (int i = 0; i < KEPT; i++) {
        if (!server_read(server, fds[i]))
            (void)server_fault(server, "a connection was not kept");
        (void)server_answer(fds[i], 200, SUCCESS);
        closep(&fds[i]);
    }
}

/* libcurl by itself would keep four for each call in flight. */
static void connections_are_kept_when_the_load_falls(void **state)
{
    struct world *world =
        world_serve(script_keep_connections, (struct transport_options){.concurrency = KEPT});

    (void)state;
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < KEPT; i++)
            assert_int_equal(world_start(world, round * KEPT + i), 0);
        world_wait(world, round * KEPT);
    }
    world_close(world);
    assert_int_equal(world->server.accepted, KEPT);
    world_free(world);
}

static void script_wait_for_cancel(struct server *server)
{
    int fd = server_accept(server);

    (void)server_read(server, fd);
    (void)sem_post(&arrived);
    server_expect_close(server, fd);
    closep(&fd);
    script_answer_one(server);
}

static void cancelled_call_is_dropped(void **state)
{
    struct world *world =
        world_serve(script_wait_for_cancel, (struct transport_options){.concurrency = 1});

    (void)state;
    assert_int_equal(sem_init(&arrived, 0, 0), 0);
    assert_int_equal(world_start(world, 0), 0);
    while (sem_trywait(&arrived) < 0)
        (void)world_turn_for(world, 1);
    transport_cancel(&world->attempts[0].call);
    expect_answer(world_call(world, 1), 200, SUCCESS);
    assert_int_equal(world->attempts[0].told, 0);
    world_free(world);
}

static void call_cancelled_at_once_never_leaves(void **state)
{
    struct world *world = world_serve(script_answer_one, (struct transport_options){0});

    (void)state;
    assert_int_equal(world_start(world, 0), 0);
    transport_cancel(&world->attempts[0].call);
    expect_answer(world_call(world, 1), 200, SUCCESS);
    assert_int_equal(world->attempts[0].told, 0);
    world_close(world);
    assert_int_equal(world->server.requests_len, 1);
    world_free(world);
}

static void cancel_the_other(struct attempt *attempt)
{
    struct world *world = attempt->world;

    transport_cancel(&world->attempts[attempt == world->attempts].call);
}

/* Both time out in the same breath: the second's end is known when the first is told. */
static void done_may_cancel_another_call(void **state)
{
    struct world *world = world_new();

    (void)state;
    server_bind(&world->server);
    assert_int_equal(listen(world->server.listener, 2), 0);
    world_open(world, "http://127.0.0.1", "", (struct transport_options){.timeout_ms = SHORT_MS});
    for (int i = 0; i < 2; i++) {
        world->attempts[i].then = cancel_the_other;
        assert_int_equal(world_start(world, i), 0);
    }
    world_wait(world, 1);
    (void)world_turn_for(world, SHORT_MS);
    assert_int_equal(world->told, 1);
    world_free(world);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_is_as_promised),
        cmocka_unit_test(call_for_a_date_has_a_path_of_its_own),
        cmocka_unit_test(request_without_key_or_id),
        cmocka_unit_test(proxy_of_the_environment_is_not_used),
        cmocka_unit_test(large_body_is_sent_whole),
        cmocka_unit_test(handle_forgets_the_last_body),
        cmocka_unit_test(deploy_key_is_sent),
        cmocka_unit_test(deploy_key_with_a_line_end_is_refused),
        cmocka_unit_test(calls_are_counted_until_their_end),
        cmocka_unit_test(loop_rests_while_convex_thinks),
        cmocka_unit_test(done_may_start_the_next_call),
        cmocka_unit_test(reason_outlives_the_start_of_the_next_call),
        cmocka_unit_test(more_calls_than_the_concurrency_are_refused),
        cmocka_unit_test(many_calls_are_in_flight_at_once),
        cmocka_unit_test(connections_are_kept_when_the_load_falls),
        cmocka_unit_test(cancelled_call_is_dropped),
        cmocka_unit_test(call_cancelled_at_once_never_leaves),
        cmocka_unit_test(done_may_cancel_another_call),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
