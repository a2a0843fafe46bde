/* SPDX-License-Identifier: MIT */
/* Connections that linger: how long, how many, and what becomes of what still comes. */
#include "server/http_linger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/lib/rows.h"

enum { PEERS_MAX = 40, LINGER_MS = 5000, LINGER_MAX = 32 };

/* Clients on one side, what lingers on the other, and a clock that a test moves. */
struct world {
    struct clock clock;
    int64_t now_ms;
    struct loop *loop;
    struct http_linger linger;
    int clients[PEERS_MAX];
    int len;
};

static int64_t world_ms(struct clock *clock)
{
    return container_of(clock, struct world, clock)->now_ms;
}

static int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    world->clock = (struct clock){.mono_ms = world_ms, .wall_ms = world_ms};
    assert_int_equal(loop_new(&world->clock, &world->loop), 0);
    http_linger_init(&world->linger, world->loop);
    *state = world;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *world = *state;

    http_linger_done(&world->linger);
    while (world->len > 0)
        (void)close(world->clients[--world->len]);
    world->loop = loop_free(world->loop);
    free(world);
    return 0;
}

/* A client whose connection the server has closed as far as it may. */
static int world_client(struct world *world)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    http_linger_on(&world->linger, ends[0]);
    assert_int_equal(shutdown(ends[0], SHUT_WR), 0);
    assert_int_equal(close(ends[0]), 0);
    world->clients[world->len++] = ends[1];
    return ends[1];
}

static void world_turn(struct world *world, int64_t now_ms)
{
    world->now_ms = now_ms;
    assert_int_equal(loop_turn(world->loop), 0);
}

/* How many descriptors this process has open. */
static int open_files(void)
{
    int n = 0;

    for (int fd = 0; fd < 4 * PEERS_MAX; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Whether the client can still send without a reset. */
static bool lingers(int client)
{
    return send(client, "x", 1, MSG_NOSIGNAL) == 1;
}

static void test_until_the_deadline(void **state)
{
    struct world *world = *state;
    int first = world_client(world);
    world_turn(world, 100);
    int second = world_client(world), files = open_files();

    assert_true(lingers(first));
    world_turn(world, LINGER_MS - 1);
    assert_true(lingers(first));
    world_turn(world, LINGER_MS);
    assert_false(lingers(first));
    assert_true(lingers(second));
    world_turn(world, LINGER_MS + 100);
    assert_false(lingers(second));
    assert_int_equal(open_files(), files - 2);
}

static void test_until_the_client_closes(void **state)
{
    struct world *world = *state;
    int client = world_client(world), files = open_files();

    assert_int_equal(shutdown(client, SHUT_WR), 0);
    world_turn(world, 1);
    assert_int_equal(open_files(), files - 1);
}

static void test_what_comes_is_thrown_away(void **state)
{
    struct world *world = *state;
    int client = world_client(world);
    static const char piece[16 * 1024];
    size_t sent = 0;

    for (int turn = 1; sent < 4 * 1024 * 1024; turn++) {
        ssize_t len = send(client, piece, sizeof(piece), MSG_NOSIGNAL);
        assert_true(len > 0 || errno == EAGAIN);
        sent += len > 0 ? (size_t)len : 0;
        world_turn(world, turn % LINGER_MS);
    }
    assert_true(lingers(client));
}

static void test_one_too_many_ends_the_oldest(void **state)
{
    struct world *world = *state;

    for (int i = 0; i <= LINGER_MAX; i++)
        (void)world_client(world);
    assert_false(lingers(world->clients[0]));
    for (int i = 1; i <= LINGER_MAX; i++)
        assert_true(lingers(world->clients[i]));
}

static void test_the_end_closes_them_all(void **state)
{
    struct world *world = *state;
    int first = world_client(world), second = world_client(world);

    http_linger_done(&world->linger);
    assert_false(lingers(first));
    assert_false(lingers(second));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_until_the_deadline),        TEST(test_until_the_client_closes),
        TEST(test_what_comes_is_thrown_away), TEST(test_one_too_many_ends_the_oldest),
        TEST(test_the_end_closes_them_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
