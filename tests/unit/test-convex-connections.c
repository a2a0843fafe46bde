/* SPDX-License-Identifier: MIT */
/* What becomes of a call, and of the next one, when the connection dies or says what no server
 * should. */
#include "tests/unit/lib/transport_world.h"

#include <netinet/in.h>
#include <semaphore.h>
#include <signal.h>

static sem_t arrived;
static sem_t told;

static void script_answer_one(struct server *server)
{
    int fd = server_accept(server);

    if (server_read(server, fd))
        (void)server_answer(fd, 200, SUCCESS);
    server_expect_close(server, fd);
    closep(&fd);
}

/* ---- connections that die ---- */

static void script_die_on_second(struct server *server)
{
    int fd = server_accept(server);

    if (server_read(server, fd))
        (void)server_answer(fd, 200, SUCCESS);
    (void)server_read(server, fd);
    closep(&fd);
    /* Left to itself, libcurl comes again and sends the second request once more. */
    fd = server_accept(server);
    (void)server_read(server, fd);
    (void)server_answer(fd, 200, SUCCESS);
    closep(&fd);
}

/* Whoever waits for the request to come again is not to wait in vain. */
static void knock(struct world *world)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)world->server.port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    closep(&fd);
}

/* The second request is lost after it was sent; body is the end of that request. */
static void assert_never_sent_twice(struct span body)
{
    struct world *world = world_serve(script_die_on_second, (struct transport_options){0});

    if (body.len)
        world->attempts[1].call.body[1] = body;
    expect_answer(world_call(world, 0), 200, SUCCESS);
    expect_failure(world_call(world, 1), ANSWER_LOST);
    knock(world);
    world_close(world);
    assert_int_equal(world->server.requests_len, 2);
    world_free(world);
}

static void post_is_never_sent_twice(void **state)
{
    (void)state;
    assert_never_sent_twice(SPAN_NULL);
}

static void large_post_is_never_sent_twice(void **state)
{
    static char large[70 * 1024];

    (void)state;
    memset(large, 'x', sizeof(large));
    assert_never_sent_twice((struct span){large, sizeof(large)});
}

static sem_t closed;

static void script_close_idle(struct server *server)
{
    for (int i = 0; i < 2; i++) {
        int fd = server_accept(server);
        if (server_read(server, fd))
            (void)server_answer(fd, 200, SUCCESS);
        closep(&fd);
        (void)sem_post(&closed);
    }
}

/* is_seen: the loop has an occasion to see the end of the connection before the next call. */
static void assert_end_costs_nothing(bool is_seen)
{
    struct world *world = world_serve(script_close_idle, (struct transport_options){0});

    assert_int_equal(sem_init(&closed, 0, 0), 0);
    expect_answer(world_call(world, 0), 200, SUCCESS);
    assert_int_equal(sem_wait(&closed), 0);
    if (is_seen) /* nor does the loop spin over a descriptor that nobody reads */
        assert_true(world_turn_for(world, 50) < 10);
    expect_answer(world_call(world, 1), 200, SUCCESS);
    world_close(world);
    assert_int_equal(world->server.accepted, 2);
    world_free(world);
}

static void connection_closed_while_idle_costs_nothing(void **state)
{
    (void)state;
    assert_end_costs_nothing(true);
}

static void connection_closed_unseen_costs_nothing(void **state)
{
    (void)state;
    assert_end_costs_nothing(false);
}

static void script_say_too_much(struct server *server)
{
    for (int i = 0; i < 2; i++) {
        int fd = server_accept(server);
        if (server_read(server, fd))
            (void)server_send(fd, "HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nfirst"
                                  "HTTP/1.1 200 X\r\nContent-Length: 6\r\n\r\nsecond");
        server_expect_close(server, fd);
        closep(&fd);
    }
}

static void answer_nobody_asked_for_is_not_the_next_ones(void **state)
{
    struct world *world = world_serve(script_say_too_much, (struct transport_options){0});

    (void)state;
    expect_answer(world_call(world, 0), 200, "first");
    expect_answer(world_call(world, 1), 200, "first");
    world_free(world);
}

static void script_speak_while_idle(struct server *server)
{
    int fd = server_accept(server);

    if (server_read(server, fd))
        (void)server_answer(fd, 200, "first");
    (void)sem_wait(&arrived);
    (void)server_answer(fd, 408, "too late");
    (void)sem_post(&told);
    server_expect_close(server, fd);
    closep(&fd);
    script_answer_one(server);
}

static void connection_that_speaks_while_idle_is_dropped(void **state)
{
    struct world *world = world_serve(script_speak_while_idle, (struct transport_options){0});

    (void)state;
    assert_int_equal(sem_init(&arrived, 0, 0), 0);
    assert_int_equal(sem_init(&told, 0, 0), 0);
    expect_answer(world_call(world, 0), 200, "first");
    assert_int_equal(sem_post(&arrived), 0);
    while (sem_trywait(&told) < 0)
        (void)world_turn_for(world, 1);
    expect_answer(world_call(world, 1), 200, SUCCESS);
    world_free(world);
}

/* ---- answers before the request is whole ---- */

static void server_refuse(int fd)
{
    (void)server_send(fd, "HTTP/1.1 413 X\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
}

static char more_than_the_kernel_takes[32 * 1024 * 1024];

static void script_refuse_early(struct server *server)
{
    static char bytes[1024 * 1024];
    int fd = server_accept(server);
    size_t len = 0;

    if (server_readable(fd))
        server_refuse(fd);
    /* Without room there is no more to send until the answer is read. */
    (void)sem_wait(&told);
    for (ssize_t n = 1; n > 0; len += n > 0 ? (size_t)n : 0)
        n = recv(fd, bytes, sizeof(bytes), 0);
    if (len >= sizeof(more_than_the_kernel_takes))
        (void)server_fault(server, "all was sent, though it was refused");
    closep(&fd);
}

/* What is not read makes the kernel reset the connection. */
static void script_refuse_and_reset(struct server *server)
{
    int fd = server_accept(server);

    if (server_readable(fd))
        server_refuse(fd);
    closep(&fd);
}

static void script_never_read(struct server *server)
{
    int fd = server_accept(server);

    (void)sem_wait(&closed);
    closep(&fd);
}

static struct world *world_serve_large(void (*script)(struct server *server), int64_t timeout_ms)
{
    struct world *world = world_serve(script, (struct transport_options){.timeout_ms = timeout_ms});

    memset(more_than_the_kernel_takes, 'x', sizeof(more_than_the_kernel_takes));
    world->attempts[0].call.body[1] =
        (struct span){more_than_the_kernel_takes, sizeof(more_than_the_kernel_takes)};
    return world;
}

static void early_answer_is_read(void **state)
{
    struct world *world = world_serve_large(script_refuse_early, 0);

    (void)state;
    assert_int_equal(sem_init(&told, 0, 0), 0);
    expect_answer(world_call(world, 0), 413, "no");
    assert_int_equal(sem_post(&told), 0);
    world_free(world);
}

static void early_answer_is_read_though_sending_fails(void **state)
{
    struct world *world = world_serve_large(script_refuse_and_reset, 0);

    (void)state;
    expect_answer(world_call(world, 0), 413, "no");
    world_free(world);
}

static void body_that_nobody_reads_is_lost(void **state)
{
    struct world *world = world_serve_large(script_never_read, SENT_MS);

    (void)state;
    assert_int_equal(sem_init(&closed, 0, 0), 0);
    expect_failure(world_call(world, 0), ANSWER_LOST);
    assert_int_equal(sem_post(&closed), 0);
    world_free(world);
}

/* ---- deadlines of a process that was late ---- */

static int64_t skipped_ms;

static int64_t skipping_mono_ms(struct clock *clock)
{
    (void)clock;
    return clock_mono_ms(&clock_system) + skipped_ms;
}

static int64_t skipping_wall_ms(struct clock *clock)
{
    (void)clock;
    return clock_wall_ms(&clock_system);
}

static struct clock skipping_clock = {.mono_ms = skipping_mono_ms, .wall_ms = skipping_wall_ms};

/* Serves on a loop whose clock the test moves on. */
static void serve_skipping(struct world *world, void (*script)(struct server *server))
{
    skipped_ms = 0;
    world->loop = loop_free(world->loop);
    assert_int_equal(loop_new(&skipping_clock, &world->loop), 0);
    server_start(&world->server, script, world);
    world_open(world, "http://127.0.0.1", "", (struct transport_options){0});
}

/* Answers on a connection for as long as it gets requests, then on the next one. */
static void script_answer_for_long(struct server *server)
{
    for (int connections = 0; connections < 2; connections++) {
        int fd = server_accept(server);
        while (server_read(server, fd))
            (void)server_answer(fd, 200, SUCCESS);
        closep(&fd);
    }
}

/* Somebody else may be at its address by then. */
static void connection_in_steady_use_is_renewed(void **state)
{
    enum { BETWEEN_MS = 40 * 1000, KEPT_MS = 10 * 60 * 1000 };
    struct world *world = world_new();

    (void)state;
    serve_skipping(world, script_answer_for_long);
    for (int i = 0; skipped_ms <= KEPT_MS + BETWEEN_MS; i++) {
        assert_int_equal(world_start(world, i), 0);
        while (world->told == i)
            assert_int_equal(loop_turn(world->loop), 0);
        expect_answer(&world->attempts[i], 200, SUCCESS);
        skipped_ms += BETWEEN_MS;
        (void)world_turn_for(world, 1); /* the loop reads its clock */
    }
    world_close(world);
    assert_int_equal(world->server.accepted, 2);
    world_free(world);
}

static const char *last_words[2];

/* Says the one before the deadline, the other once nobody waits for it any more. */
static void script_answer_late(struct server *server)
{
    int fd = server_accept(server);
    bool read = server_read(server, fd);

    (void)sem_post(&told);
    for (size_t i = 0; i < array_len(last_words); i++) {
        (void)sem_wait(&arrived);
        if (read && last_words[i])
            (void)server_send(fd, last_words[i]);
        (void)sem_post(&told);
    }
    closep(&fd);
}

static void let_it_speak(void *ctx)
{
    (void)ctx;
    assert_int_equal(sem_post(&arrived), 0);
    assert_int_equal(sem_wait(&told), 0);
}

/* The call's deadline passes in a turn whose wait has seen nothing, but the answer came after it.
 */
static struct attempt *call_with_last_words(struct world *world, const char *first,
                                            const char *second)
{
    struct loop_timer before = {.fn = let_it_speak};

    last_words[0] = first;
    last_words[1] = second;
    assert_int_equal(sem_init(&arrived, 0, 0), 0);
    assert_int_equal(sem_init(&told, 0, 0), 0);
    serve_skipping(world, script_answer_late);
    assert_int_equal(world_start(world, 0), 0);
    while (sem_trywait(&told) < 0)
        (void)world_turn_for(world, 1);
    loop_timer_set(world->loop, &before, loop_now_ms(world->loop));
    skipped_ms = 2 * GUARD_MS;
    assert_int_equal(loop_turn(world->loop), 0);
    let_it_speak(NULL);
    return &world->attempts[0];
}

static void answer_is_taken_by_a_process_that_is_late(void **state)
{
    struct world *world = world_new();
    const char *answer = "HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nfirst";

    (void)state;
    expect_answer(call_with_last_words(world, answer, NULL), 200, "first");
    world_free(world);
}

static void half_an_answer_at_the_deadline_is_lost(void **state)
{
    struct world *world = world_new();
    const char *half = "HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nfi";

    (void)state;
    expect_failure(call_with_last_words(world, half, "rst"), ANSWER_LOST);
    world_free(world);
}

/* ---- libcurl and connections that it does not know to be in use ---- */

enum { LIBCURL_LOOKS_MS = 1100 }; /* it looks for dead connections once a second at most */

static void script_answer_while_another_connects(struct server *server)
{
    int first = server_accept(server);
    bool read = server_read(server, first);
    int second = server_accept(server);

    read = read && server_read(server, second);
    (void)sem_wait(&arrived);
    (void)server_send(second,
                      "HTTP/1.1 500 X\r\nConnection: close\r\nContent-Length: 6\r\n\r\nsecond");
    closep(&second);
    (void)sem_wait(&arrived);
    (void)server_answer(first, 200, "first");
    (void)sem_post(&told);
    if (read)
        script_answer_one(server);
    closep(&first);
}

/* In the same turn libcurl connects for the third call: the first one's answer is there then. */
static void start_the_third(struct attempt *attempt)
{
    assert_int_equal(world_start(attempt->world, 2), 0);
    assert_int_equal(sem_post(&arrived), 0);
    assert_int_equal(sem_wait(&told), 0);
}

static void connection_in_use_survives_the_making_of_another(void **state)
{
    struct world *world =
        world_serve(script_answer_while_another_connects, (struct transport_options){0});

    (void)state;
    assert_int_equal(sem_init(&arrived, 0, 0), 0);
    assert_int_equal(sem_init(&told, 0, 0), 0);
    world->attempts[1].then = start_the_third;
    for (int i = 0; i < 2; i++)
        assert_int_equal(world_start(world, i), 0);
    (void)world_turn_for(world, LIBCURL_LOOKS_MS);
    assert_int_equal(sem_post(&arrived), 0);
    world_wait(world, 3);
    expect_answer(&world->attempts[0], 200, "first");
    expect_answer(&world->attempts[1], 500, "second");
    expect_answer(&world->attempts[2], 200, SUCCESS);
    world_free(world);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(post_is_never_sent_twice),
        cmocka_unit_test(large_post_is_never_sent_twice),
        cmocka_unit_test(connection_closed_while_idle_costs_nothing),
        cmocka_unit_test(connection_closed_unseen_costs_nothing),
        cmocka_unit_test(answer_nobody_asked_for_is_not_the_next_ones),
        cmocka_unit_test(early_answer_is_read),
        cmocka_unit_test(body_that_nobody_reads_is_lost),
        cmocka_unit_test(connection_in_use_survives_the_making_of_another),
        cmocka_unit_test(connection_that_speaks_while_idle_is_dropped),
        cmocka_unit_test(early_answer_is_read_though_sending_fails),
        cmocka_unit_test(answer_is_taken_by_a_process_that_is_late),
        cmocka_unit_test(half_an_answer_at_the_deadline_is_lost),
        cmocka_unit_test(connection_in_steady_use_is_renewed),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
