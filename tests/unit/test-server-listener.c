/* SPDX-License-Identifier: MIT */
/* What a host may be, which hosts share an address, and that a name is served at all of its
 * addresses. */
#include "server/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/lib/rows.h"

/* ---- names, and whether they can be any ---- */

static const struct host_row {
    const char *host;
    bool possible;
} host_rows[] = {
    {"127.0.0.1", true},
    {"0.0.0.0", true},
    {"127.1", true}, /* inet_aton(3), as getaddrinfo(3) takes it */
    {"::1", true},
    {"::", true},
    {"fe80::1%lo", true},
    {"localhost", true},
    {"relay", true},
    {"my_service.internal", true},
    {"relay-1.example.com.", true},
    {"http://127.0.0.1", false},
    {"127.0.0.1:3000", false},
    {"localhost:3000", false},
    {"[::1]", false},
    {"[::1]:3000", false},
    {"256.0.0.1", false},
    {"1.2.3.4.5", false},
    {"127.0.0.1 ", false},
    {" localhost", false},
    {"local host", false},
    {"127.0.0.1,::1", false},
    {"*", false},
    {"\"localhost\"", false},
    {"user@host", false},
    {"/run/relay.sock", false},
    {"unix:/run/relay.sock", false},
    {"", false},
    {"%lo", false},
};

static void test_hosts(void **state)
{
    char long_name[300];

    (void)state;
    for (size_t i = 0; i < array_len(host_rows); i++) {
        if (listener_is_host(host_rows[i].host) != host_rows[i].possible)
            fail_msg("\"%s\" is taken for the other", host_rows[i].host);
    }
    memset(long_name, 'a', sizeof(long_name));
    long_name[254] = '\0';
    assert_false(listener_is_host(long_name));
    long_name[253] = '\0';
    assert_true(listener_is_host(long_name));
}

/* ---- a resolver that knows what the test says ---- */

/* Names of the tests, with addresses in the order in which a resolver gives them. */
static const struct name {
    const char *name;
    const char *addresses[LISTENERS_MAX + 2];
    int error;
} names[] = {
    {"two", {"127.0.0.1", "127.0.0.2"}, 0},
    {"twice", {"127.0.0.1", "127.0.0.1"}, 0},
    /* 203.0.113.0/24 is nobody's: RFC 5737. */
    {"half-here", {"203.0.113.77", "127.0.0.1"}, 0},
    {"elsewhere", {"203.0.113.77", "203.0.113.78"}, 0},
    {"both-families", {"::1", "127.0.0.1"}, 0},
    {"any", {"::", "0.0.0.0"}, 0},
    {"many",
     {"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7",
      "127.0.0.8", "127.0.0.9"},
     0},
    {"not-now", {NULL}, EAI_AGAIN},
    {"nobody", {NULL}, EAI_NONAME},
};

static int resolve_name(const struct name *name, const char *service, const struct addrinfo *hints,
                        struct addrinfo **list)
{
    struct addrinfo **end = list;

    *list = NULL;
    for (size_t i = 0; name->addresses[i]; i++) {
        assert_int_equal(getaddrinfo(name->addresses[i], service, hints, end), 0);
        end = &(*end)->ai_next;
    }
    return name->error;
}

static int resolve(const char *host, const char *service, const struct addrinfo *hints,
                   struct addrinfo **list)
{
    for (size_t i = 0; i < array_len(names); i++) {
        if (strcmp(names[i].name, host) == 0)
            return resolve_name(&names[i], service, hints, list);
    }
    return getaddrinfo(host, service, hints, list);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    cleanup(closep) int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* ---- overlaps ---- */

static const struct overlap_row {
    const char *host, *other;
    bool overlap;
} overlap_rows[] = {
    {"127.0.0.1", "127.0.0.1", true},
    {"127.0.0.1", "127.0.0.2", false},
    {"127.0.0.1", "127.1", true},
    {"0.0.0.0", "127.0.0.1", true},
    {"127.0.0.1", "0.0.0.0", true},
    {"0.0.0.0", "::1", false},
    {"::", "127.0.0.1", true},
    {"::1", "::", true},
    {"::1", "127.0.0.1", false},
    {"::1", "0:0::1", true},
    {"two", "127.0.0.2", true},
    {"127.0.0.3", "two", false},
    {"both-families", "::1", true},
    {"localhost", "127.0.0.1", true},
    {"any", "::1", true},
    {"not-now", "127.0.0.1", false},
    {"not-now", "not-now", false},
    {"two", "half-here", true},
    /* IPv4 as IPv6 writes it, RFC 4291, 2.5.5.2: Linux gives the one address to one socket only. */
    {"::ffff:127.0.0.1", "127.0.0.1", true},
    {"127.0.0.2", "::ffff:127.0.0.1", false},
    {"0.0.0.0", "::ffff:127.0.0.1", true},
    {"::ffff:0.0.0.0", "127.0.0.1", true},
    {"::ffff:0.0.0.0", "::1", false},
};

static void test_overlaps(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_len(overlap_rows); i++) {
        const struct overlap_row *row = &overlap_rows[i];
        if (listener_overlap(resolve, row->host, row->other) != row->overlap)
            fail_msg("%s and %s: not %d", row->host, row->other, row->overlap);
    }
}

/* ---- opening ---- */

static const struct open_row {
    const char *host;
    int outcome;
    const char *addresses[LISTENERS_MAX]; /* without the port, which is the same for all */
    const char *why;
} open_rows[] = {
    {"127.0.0.1", 0, {"127.0.0.1"}, NULL},
    {"two", 0, {"127.0.0.1", "127.0.0.2"}, NULL},
    {"twice", 0, {"127.0.0.1"}, NULL},
    {"half-here", 0, {"127.0.0.1"}, NULL},
    {"elsewhere", LISTENER_BUSY, {NULL}, "cannot listen on elsewhere, port 0: Cannot assign"},
    {"203.0.113.77", LISTENER_BUSY, {NULL}, "cannot listen on 203.0.113.77, port 0: Cannot assign"},
    {"many", LISTENER_FAILED, {NULL}, "many has more than 8 addresses; name one of them"},
    {"not-now", LISTENER_BUSY, {NULL}, "not-now: no address of it is known: "},
    {"nobody", LISTENER_BUSY, {NULL}, "nobody: no address of it is known: "},
};

static const struct open_row ipv6_rows[] = {
    {"both-families", 0, {"[::1]", "127.0.0.1"}, NULL},
    {"any", 0, {"[::]", "0.0.0.0"}, NULL},
    {"::", 0, {"[::]"}, NULL},
};

static void assert_listens_at(const struct listeners *listeners, const char *const *addresses)
{
    char port[16] = "";

    for (size_t i = 0; i < listeners->len; i++) {
        cleanup(buf_done) struct buf address = BUF_NULL;
        assert_int_equal(listener_describe(listeners->fds[i], &address), 0);
        char *colon = strrchr(buf_string(&address), ':');
        if (i == 0)
            (void)snprintf(port, sizeof(port), "%s", colon);
        assert_string_equal(colon, port);
        *colon = '\0';
        assert_non_null(addresses[i]);
        assert_string_equal(address.at, addresses[i]);
    }
    assert_null(addresses[listeners->len]);
}

static void open_one(const struct open_row *row)
{
    cleanup(listeners_close) struct listeners listeners = {.len = 0};
    cleanup(buf_done) struct buf why = BUF_NULL;

    int outcome = listener_open(resolve, row->host, 0, &listeners, &why);
    if (outcome != row->outcome)
        fail_msg("%s: %d, %s", row->host, outcome, buf_string(&why));
    assert_listens_at(&listeners, row->addresses);
    if (row->why)
        assert_memory_equal(buf_string(&why), row->why, strlen(row->why));
}

static void test_opens(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_len(open_rows); i++)
        open_one(&open_rows[i]);
    for (size_t i = 0; i < array_len(ipv6_rows) && has_ipv6(); i++)
        open_one(&ipv6_rows[i]);
}

/* ---- what a check says of it, before any start ---- */

static const struct check_row {
    const char *host;
    int outcome;
    const char *why;
} check_rows[] = {
    {"127.0.0.1", 0, ""},
    {"half-here", 0, ""},
    {"elsewhere", LISTENER_BUSY, "cannot listen on elsewhere: Cannot assign requested address"},
    {"203.0.113.77", LISTENER_BUSY,
     "cannot listen on 203.0.113.77: Cannot assign requested address"},
    {"many", LISTENER_FAILED, "many has more than 8 addresses; name one of them"},
    {"not-now", LISTENER_BUSY,
     "not-now: no address of it is known: Temporary failure in name resolution"},
};

static void test_checks(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_len(check_rows); i++) {
        const struct check_row *row = &check_rows[i];
        cleanup(buf_done) struct buf why = BUF_NULL;
        int outcome = listener_check(resolve, row->host, &why);
        if (outcome != row->outcome || strcmp(buf_string(&why), row->why) != 0)
            fail_msg("%s: %d, %s", row->host, outcome, buf_string(&why));
    }
}

/* ---- sockets of a service manager, which may be no addresses ---- */

static const struct unix_row {
    const char *name;
    size_t len;
    const char *described;
} unix_rows[] = {
    /* unix(7): nothing but this name is there, and no zero ends it. */
    {"\0convex-relay-test-listener", 27, "unix:@convex-relay-test-listener"},
    {"", 0, "unix:"},
};

static void test_describes_unix(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_len(unix_rows); i++) {
        const struct unix_row *row = &unix_rows[i];
        cleanup(buf_done) struct buf address = BUF_NULL;
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        cleanup(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        memcpy(name.sun_path, row->name, row->len);
        socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + row->len);
        if (row->len > 0)
            assert_int_equal(bind(fd, (struct sockaddr *)&name, len), 0);
        assert_int_equal(listener_describe(fd, &address), 0);
        assert_string_equal(buf_string(&address), row->described);
    }
}

/* ---- ports ---- */

/* Of two addresses none is served while the other is somebody else's. */
static void test_one_is_taken(void **state)
{
    cleanup(listeners_close) struct listeners taken = {.len = 0};
    cleanup(listeners_close) struct listeners listeners = {.len = 0};
    cleanup(buf_done) struct buf why = BUF_NULL;
    cleanup(buf_done) struct buf address = BUF_NULL;

    (void)state;
    assert_int_equal(listener_open(resolve, "127.0.0.2", 0, &taken, &why), 0);
    assert_int_equal(listener_describe(taken.fds[0], &address), 0);
    int port = atoi(strrchr(buf_string(&address), ':') + 1);
    assert_int_equal(listener_open(resolve, "two", port, &listeners, &why), LISTENER_BUSY);
    assert_int_equal(listeners.len, 0);
    assert_non_null(strstr(buf_string(&why), "Address already in use"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),          cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_opens),          cmocka_unit_test(test_checks),
        cmocka_unit_test(test_describes_unix), cmocka_unit_test(test_one_is_taken),
    };

    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
