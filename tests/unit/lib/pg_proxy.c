/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/pg_proxy.h"

#include <endian.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/lib/pg_cluster.h"
#include "tests/unit/lib/rows.h"

enum { PROXY_PORT = 5432, PROXY_BYTES = 1 << 16, PROXY_WAIT_MS = 100 };

struct proxy_connection {
    struct pg_proxy *proxy;
    int fds[2]; /* of the client and of the server */
};

/* ---- Messages ---- */

/* One direction, and where its next message begins. */
struct proxy_stream {
    unsigned char head[5]; /* of the message at hand: its type and its length */
    size_t head_len;
    size_t left;  /* of its body */
    bool started; /* a client's first message has no type */
};

/* How many of the bytes come before the message that is to be cut. */
static size_t stream_pass(struct proxy_stream *stream, const unsigned char *bytes, size_t len,
                          atomic_int *left)
{
    size_t at = 0;

    while (at < len) {
        size_t head = stream->started ? 5 : 4;
        if (stream->left > 0) {
            size_t n = stream->left < len - at ? stream->left : len - at;
            stream->left -= n;
            at += n;
            continue;
        }
        if (stream->head_len == 0 && stream->started && atomic_load(left) > 0 &&
            atomic_fetch_sub(left, 1) == 1)
            return at;
        stream->head[stream->head_len++] = bytes[at++];
        if (stream->head_len < head)
            continue;
        uint32_t length;
        memcpy(&length, stream->head + head - 4, sizeof(length));
        stream->left = be32toh(length) - 4;
        stream->head_len = 0;
        stream->started = true;
    }
    return len;
}

static bool proxy_write(int fd, const unsigned char *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = send(fd, bytes + at, len - at, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* ---- A connection ---- */

/* Passes on what has come from one side. False: the connection is over. *cut: by the proxy. */
static bool proxy_pass(struct proxy_connection *connection, int from, struct proxy_stream *stream,
                       bool *cut)
{
    static _Thread_local unsigned char bytes[PROXY_BYTES];
    struct pg_proxy *proxy = connection->proxy;
    ssize_t len = read(connection->fds[from], bytes, sizeof(bytes));

    if (len <= 0)
        return false;
    size_t passed =
        stream_pass(stream, bytes, (size_t)len, from == 0 ? &proxy->to_server : &proxy->to_client);
    *cut = passed < (size_t)len;
    return proxy_write(connection->fds[!from], bytes, passed) && !*cut;
}

static void *proxy_serve(void *ctx)
{
    struct proxy_connection *connection = ctx;
    struct pg_proxy *proxy = connection->proxy;
    struct proxy_stream streams[2] = {{.started = false}, {.started = true}};
    bool goes_on = true, cut = false;

    while (goes_on && !atomic_load(&proxy->stopping)) {
        struct pollfd fds[] = {{.fd = connection->fds[0], .events = POLLIN},
                               {.fd = connection->fds[1], .events = POLLIN}};
        (void)poll(fds, 2, PROXY_WAIT_MS);
        if (atomic_exchange(&proxy->cut_now, false)) {
            cut = true;
            break;
        }
        for (int i = 0; i < 2 && goes_on; i++)
            if (fds[i].revents)
                goes_on = proxy_pass(connection, i, &streams[i], &cut);
    }
    if (cut)
        (void)atomic_fetch_add(&proxy->cuts, 1);
    (void)close(connection->fds[0]);
    while (cut && atomic_load(&proxy->keeps_server) && !atomic_load(&proxy->stopping)) {
        char byte;
        struct pollfd fd = {.fd = connection->fds[1], .events = POLLIN};
        if (poll(&fd, 1, PROXY_WAIT_MS) > 0 && read(fd.fd, &byte, 1) <= 0)
            break; /* the server has ended it */
    }
    (void)close(connection->fds[1]);
    free(connection);
    (void)atomic_fetch_sub(&proxy->serving, 1); /* the proxy may be gone from now on */
    return NULL;
}

static struct sockaddr_un proxy_address(const char *folder, const char *port)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.%s", folder, port);
    return address;
}

static int proxy_connect_server(void)
{
    PGconn *conn = PQconnectdb(pg_cluster_uri());
    struct sockaddr_un address = proxy_address(PQhost(conn), PQport(conn));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    PQfinish(conn);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void proxy_accept(struct pg_proxy *proxy)
{
    struct proxy_connection *connection = malloc(sizeof(*connection));
    pthread_t thread;

    *connection =
        (struct proxy_connection){proxy, {accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC), -1}};
    if (!atomic_load(&proxy->refuses))
        connection->fds[1] = proxy_connect_server();
    (void)atomic_fetch_add(&proxy->connections, 1);
    (void)atomic_fetch_add(&proxy->serving, 1);
    if (connection->fds[1] >= 0 && pthread_create(&thread, NULL, proxy_serve, connection) == 0) {
        (void)pthread_detach(thread);
        return;
    }
    (void)atomic_fetch_sub(&proxy->serving, 1);
    (void)close(connection->fds[0]);
    free(connection);
}

static void *proxy_main(void *ctx)
{
    struct pg_proxy *proxy = ctx;

    while (!atomic_load(&proxy->stopping)) {
        struct pollfd fd = {.fd = proxy->listener, .events = POLLIN};
        if (poll(&fd, 1, PROXY_WAIT_MS) > 0)
            proxy_accept(proxy);
    }
    return NULL;
}

/* ---- For tests ---- */

void pg_proxy_start(struct pg_proxy *proxy)
{
    PGconn *conn = PQconnectdb(pg_cluster_uri());

    memset(proxy, 0, sizeof(*proxy));
    (void)snprintf(proxy->folder, sizeof(proxy->folder), "/tmp/convex-relay-proxy-XXXXXX");
    assert_non_null(mkdtemp(proxy->folder));
    struct sockaddr_un address = proxy_address(proxy->folder, "5432");
    proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(proxy->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(proxy->listener, 64), 0);
    (void)snprintf(proxy->uri, sizeof(proxy->uri),
                   "postgresql:///%s?host=%s&port=%d&user=%s&connect_timeout=60", PQdb(conn),
                   proxy->folder, PROXY_PORT, PQuser(conn));
    PQfinish(conn);
    assert_int_equal(pthread_create(&proxy->thread, NULL, proxy_main, proxy), 0);
}

void pg_proxy_stop(struct pg_proxy *proxy)
{
    char path[128];

    atomic_store(&proxy->stopping, true);
    assert_int_equal(pthread_join(proxy->thread, NULL), 0);
    while (atomic_load(&proxy->serving) > 0)
        (void)usleep(1000);
    (void)close(proxy->listener);
    (void)snprintf(path, sizeof(path), "%s/.s.PGSQL.%d", proxy->folder, PROXY_PORT);
    (void)unlink(path);
    (void)rmdir(proxy->folder);
}

void pg_proxy_cut_to_server(struct pg_proxy *proxy, int n)
{
    atomic_store(&proxy->to_server, n);
}

void pg_proxy_cut_to_client(struct pg_proxy *proxy, int n)
{
    atomic_store(&proxy->to_client, n);
}
