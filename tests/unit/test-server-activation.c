/* SPDX-License-Identifier: MIT */
/* Which of the sockets that the service manager hands over are for what, and which are refused. */
#include "server/activation.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/lib/rows.h"

enum { FIRST_FD = 3, FDS_MAX = 3 };

/* What stands at each descriptor from 3 on. */
enum passed { NOTHING, LISTENING, CONNECTING, DATAGRAM, A_FILE };

static struct row {
    const char *name;
    const char *count; /* LISTEN_FDS */
    const char *names; /* LISTEN_FDNAMES */
    const char *pid;   /* LISTEN_PID; "own": this process */
    enum passed passed[FDS_MAX];
    int sync, admin; /* which descriptor; -1: none */
    const char *why; /* NULL: they are fine */
} rows[] = {
    {"none", NULL, NULL, "own", {NOTHING}, -1, -1, NULL},
    {"a count of none", "0", "", "own", {NOTHING}, -1, -1, NULL},
    {"those of another process", "1", "sync", "1", {LISTENING}, -1, -1, NULL},
    {"those of no process", "1", "sync", NULL, {LISTENING}, -1, -1, NULL},
    {"one", "1", "sync", "own", {LISTENING}, 3, -1, NULL},
    {"one without a name", "1", NULL, "own", {LISTENING}, 3, -1, NULL},
    {"one with its unit's name", "1", "convex-relay.socket", "own", {LISTENING}, 3, -1, NULL},
    {"the admin's alone", "1", "admin", "own", {LISTENING}, -1, 3, NULL},
    {"both", "2", "sync:admin", "own", {LISTENING, LISTENING}, 3, 4, NULL},
    {"both the other way round", "2", "admin:sync", "own", {LISTENING, LISTENING}, 4, 3, NULL},
    {"a name too few", "2", "admin", "own", {LISTENING, LISTENING}, 4, 3, NULL},
    {"two for events",
     "2",
     "sync:sync",
     "own",
     {LISTENING, LISTENING},
     -1,
     -1,
     "there is more than one for events; the one for metrics and status must be named admin"},
    {"two for metrics",
     "2",
     "admin:admin",
     "own",
     {LISTENING, LISTENING},
     -1,
     -1,
     "two of them are named admin"},
    {"three",
     "3",
     "a:b:c",
     "own",
     {LISTENING, LISTENING, LISTENING},
     -1,
     -1,
     "there are more than two of them"},
    {"a count below none", "-1", "", "own", {NOTHING}, -1, -1, "there are more than two of them"},
    {"one that does not listen",
     "1",
     "sync",
     "own",
     {CONNECTING},
     -1,
     -1,
     "one of them is not a stream socket that listens"},
    {"a datagram socket",
     "1",
     "sync",
     "own",
     {DATAGRAM},
     -1,
     -1,
     "one of them is not a stream socket that listens"},
    {"a file",
     "1",
     "sync",
     "own",
     {A_FILE},
     -1,
     -1,
     "one of them is not a stream socket that listens"},
    {"a closed descriptor",
     "1",
     "sync",
     "own",
     {NOTHING},
     -1,
     -1,
     "one of them is not a stream socket that listens"},
};

static const struct row *current;
static char own_pid[24];

static char *environment(const char *name)
{
    const char *value = NULL;

    if (strcmp(name, "LISTEN_FDS") == 0)
        value = current->count;
    else if (strcmp(name, "LISTEN_FDNAMES") == 0)
        value = current->names;
    else if (strcmp(name, "LISTEN_PID") == 0)
        value = current->pid && strcmp(current->pid, "own") == 0 ? own_pid : current->pid;
    return (char *)(uintptr_t)value;
}

static int make(enum passed passed)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};

    if (passed == A_FILE)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = socket(AF_INET, passed == DATAGRAM ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (passed == LISTENING) {
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 1), 0);
    }
    return fd;
}

/* Puts the socket at its number. A file of this program's that has the number comes back in the
 * end. */
static void place(enum passed passed, int fd)
{
    int made = passed == NOTHING ? -1 : make(passed);

    if (made == fd)
        return;
    (void)close(fd);
    if (made < 0)
        return;
    assert_int_equal(dup2(made, fd), fd);
    (void)close(made);
}

static void test_row(void **state)
{
    int saved[FDS_MAX];
    struct activation activation = ACTIVATION_NONE;
    cleanup(buf_done) struct buf why = BUF_NULL;

    current = *state;
    for (int i = 0; i < FDS_MAX; i++)
        saved[i] = fcntl(FIRST_FD + i, F_DUPFD_CLOEXEC, 100);
    for (int i = 0; i < FDS_MAX; i++)
        place(current->passed[i], FIRST_FD + i);

    int r = activation_take(environment, &activation, &why);
    assert_int_equal(r, current->why ? ACTIVATION_REFUSED : 0);
    assert_same_text(buf_span(&why), span_of(current->why ? current->why : ""));
    assert_int_equal(activation.sender_fd, current->sync);
    assert_int_equal(activation.admin_fd, current->admin);
    for (int fd = FIRST_FD; fd < FIRST_FD + FDS_MAX; fd++)
        if (fd == activation.sender_fd || fd == activation.admin_fd) {
            assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
            assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        }

    activation_done(&activation);
    assert_int_equal(activation.sender_fd, -1);
    for (int i = 0; i < FDS_MAX; i++) {
        (void)close(FIRST_FD + i);
        if (saved[i] >= 0) {
            assert_int_equal(dup2(saved[i], FIRST_FD + i), FIRST_FD + i);
            (void)close(saved[i]);
        }
    }
}

int main(void)
{
    static struct CMUnitTest tests[array_len(rows)];

    (void)snprintf(own_pid, sizeof(own_pid), "%d", (int)getpid());
    (void)rows_add(tests, 0, rows, test_row);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
