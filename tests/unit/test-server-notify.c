/* SPDX-License-Identifier: MIT */
/* What the service manager is told, and when it is told nothing. */
#include "server/notify.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "tests/unit/lib/hand_loop.h"

enum { MESSAGE_MAX = 2048, PID_TEXT_MAX = 24 };

/* ---- A service manager, and an environment that leads to it ---- */

struct world {
    struct hand_loop hand;
    struct notify notify;
    int fd; /* where messages arrive */
    char folder[64];
    char path[96];
    char message[MESSAGE_MAX];
};

static const char *notify_socket, *watchdog_usec, *watchdog_pid;

static char *environment(const char *name)
{
    const char *value = NULL;

    if (strcmp(name, "NOTIFY_SOCKET") == 0)
        value = notify_socket;
    else if (strcmp(name, "WATCHDOG_USEC") == 0)
        value = watchdog_usec;
    else if (strcmp(name, "WATCHDOG_PID") == 0)
        value = watchdog_pid;
    return (char *)(uintptr_t)value;
}

static int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    (void)state;
    assert_non_null(world);
    world->fd = -1;
    hand_loop_open(&world->hand);
    (void)strcpy(world->folder, "/tmp/test-server-notify-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    (void)snprintf(world->path, sizeof(world->path), "%s/notify", world->folder);
    notify_socket = watchdog_usec = watchdog_pid = NULL;
    *state = world;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *world = *state;

    notify_done(&world->notify);
    closep(&world->fd);
    (void)unlink(world->path);
    (void)rmdir(world->folder);
    hand_loop_close(&world->hand);
    free(world);
    return 0;
}

/* name: a path, or @ and an abstract one. */
static void world_bind(struct world *world, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);

    memcpy(address.sun_path, name, len);
    if (*name == '@')
        address.sun_path[0] = '\0';
    len += offsetof(struct sockaddr_un, sun_path);
    world->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(world->fd >= 0);
    assert_int_equal(bind(world->fd, (struct sockaddr *)&address, (socklen_t)len), 0);
    notify_socket = name;
}

static void world_init(struct world *world)
{
    notify_init(&world->notify, world->hand.loop, environment);
}

/* The next message; NULL: there is none. */
static const char *world_message(struct world *world)
{
    ssize_t len = recv(world->fd, world->message, sizeof(world->message) - 1, 0);

    if (len < 0)
        return NULL;
    world->message[len] = '\0';
    return world->message;
}

static void assert_message(struct world *world, const char *message)
{
    const char *is = world_message(world);

    assert_non_null(is);
    assert_string_equal(is, message);
    assert_null(world_message(world));
}

/* A turn at that time. */
static void world_turn(struct world *world, int64_t now_ms)
{
    world->hand.now_ms = now_ms;
    assert_int_equal(loop_turn(world->hand.loop), 0);
}

/* ---- Messages ---- */

static void test_path(void **state)
{
    struct world *world = *state;

    world_bind(world, world->path);
    world_init(world);
    notify_ready(&world->notify, "Serving");
    assert_message(world, "READY=1\nSTATUS=Serving");
    notify_stopping(&world->notify, "Stopping");
    assert_message(world, "STOPPING=1\nSTATUS=Stopping");
}

static void test_abstract(void **state)
{
    struct world *world = *state;
    char name[64];

    (void)snprintf(name, sizeof(name), "@convex-relay-test-%d", (int)getpid());
    world_bind(world, name);
    world_init(world);
    notify_ready(&world->notify, "Serving");
    assert_message(world, "READY=1\nSTATUS=Serving");
}

static int64_t mono_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void test_reloading(void **state)
{
    struct world *world = *state;
    long long at_us = 0;
    char rest[64] = "";

    world_bind(world, world->path);
    world_init(world);
    int64_t before_us = mono_us();
    notify_reloading(&world->notify);
    assert_non_null(world_message(world));
    assert_int_equal(sscanf(world->message, "RELOADING=1\nMONOTONIC_USEC=%lld\n%60s", &at_us, rest),
                     2);
    assert_in_range(at_us, before_us, mono_us());
    assert_string_equal(rest, "STATUS=Reloading");
}

static void test_one_line(void **state)
{
    struct world *world = *state;

    world_bind(world, world->path);
    world_init(world);
    notify_ready(&world->notify, "Serving\nMAINPID=1");
    assert_message(world, "READY=1\nSTATUS=Serving");
}

static void test_long_status(void **state)
{
    struct world *world = *state;
    const char *head = "READY=1\nSTATUS=aaaa";

    world_bind(world, world->path);
    world_init(world);
    notify_ready(&world->notify, X1000(X10("a")));
    assert_non_null(world_message(world));
    assert_memory_equal(world->message, head, strlen(head));
}

/* ---- Nobody there ---- */

static struct nowhere {
    const char *name;
    const char *address;
} nowhere[] = {
    {"no address", NULL},
    {"an empty one", ""},
    {"one of another family", "vsock:2:1234"},
    {"no name behind the @", "@"},
    {"a relative path", "notify"},
    {"a path that is too long", "/" X100("a") X10("b")},
    {"a socket that is not there", "/nonexistent/notify"},
};

static void test_nowhere(void **state)
{
    const struct nowhere *row = *state;
    struct world *world;

    (void)world_setup((void **)&world);
    notify_socket = row->address;
    watchdog_usec = "1000000";
    world_init(world);
    notify_ready(&world->notify, "Serving");
    notify_reloading(&world->notify);
    notify_stopping(&world->notify, "Stopping");
    (void)world_teardown((void **)&world);
}

static void test_manager_comes_back(void **state)
{
    struct world *world = *state;

    world_bind(world, world->path);
    world_init(world);
    assert_int_equal(unlink(world->path), 0);
    notify_ready(&world->notify, "nobody hears");
    assert_null(world_message(world));
    closep(&world->fd);
    world_bind(world, world->path);
    notify_stopping(&world->notify, "Stopping");
    assert_message(world, "STOPPING=1\nSTATUS=Stopping");
}

/* ---- Signs of life ---- */

static void test_watchdog(void **state)
{
    struct world *world = *state;

    world_bind(world, world->path);
    watchdog_usec = "3000000";
    world->hand.now_ms = 1000;
    world_turn(world, 1000);
    world_init(world);
    world_turn(world, 9000);
    assert_null(world_message(world));
    notify_ready(&world->notify, "Serving");
    assert_string_equal(world_message(world), "READY=1\nSTATUS=Serving");
    assert_message(world, "WATCHDOG=1");
    for (int64_t at_ms = 10500; at_ms < 20000; at_ms += 1500) {
        world_turn(world, at_ms - 1);
        assert_null(world_message(world));
        world_turn(world, at_ms);
        assert_message(world, "WATCHDOG=1");
    }
    notify_stopping(&world->notify, "Stopping");
    (void)world_message(world);
    world_turn(world, 30000);
    assert_message(world, "WATCHDOG=1");
    notify_done(&world->notify);
    world_turn(world, 60000);
    assert_null(world_message(world));
}

static struct watchdog {
    const char *name;
    const char *usec, *pid; /* "own": this process */
    int64_t watchdog_ms;
} watchdogs[] = {
    {"a watchdog", "30000000", NULL, 15000},
    {"a watchdog of this process", "30000000", "own", 15000},
    {"a watchdog of another process", "30000000", "1", 0},
    {"a watchdog of a millisecond", "1000", NULL, 1},
    {"no watchdog", NULL, NULL, 0},
    {"a limit of 0", "0", NULL, 0},
    {"a limit below 0", "-1", NULL, 0},
    {"a limit that is no number", "soon", NULL, 0},
    {"a limit with a unit", "30s", NULL, 0},
};

static void test_watchdog_period(void **state)
{
    const struct watchdog *row = *state;
    char own[PID_TEXT_MAX];
    struct world *world;

    (void)world_setup((void **)&world);
    (void)snprintf(own, sizeof(own), "%d", (int)getpid());
    notify_socket = "/nonexistent/notify";
    watchdog_usec = row->usec;
    watchdog_pid = row->pid && strcmp(row->pid, "own") == 0 ? own : row->pid;
    world_init(world);
    assert_int_equal(world->notify.watchdog_ms, row->watchdog_ms);
    (void)world_teardown((void **)&world);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

static const struct CMUnitTest plain[] = {
    WORLD_TEST(test_path),     WORLD_TEST(test_abstract),    WORLD_TEST(test_reloading),
    WORLD_TEST(test_one_line), WORLD_TEST(test_long_status), WORLD_TEST(test_manager_comes_back),
    WORLD_TEST(test_watchdog),
};

int main(void)
{
    static struct CMUnitTest tests[array_len(plain) + array_len(nowhere) + array_len(watchdogs)];
    size_t len = array_len(plain);

    memcpy(tests, plain, sizeof(plain));
    len = rows_add(tests, len, nowhere, test_nowhere);
    (void)rows_add(tests, len, watchdogs, test_watchdog_period);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
