/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/scripted_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "tests/unit/lib/rows.h"

/* ---- for the test ---- */

void server_bind(struct server *server)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    socklen_t len = sizeof(address);

    *server = (struct server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
}

static void *server_main(void *ctx)
{
    struct server *server = ctx;

    server->script(server);
    return NULL;
}

void server_start(struct server *server, void (*script)(struct server *server), void *ctx)
{
    server_bind(server);
    assert_int_equal(listen(server->listener, SERVER_REQUESTS_MAX), 0);
    server->script = script;
    server->ctx = ctx;
    assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
}

void server_join(struct server *server)
{
    if (server->script)
        assert_int_equal(pthread_join(server->thread, NULL), 0);
    server->script = NULL;
    if (server->fault)
        fail_msg("the server: %s", server->fault);
}

void server_done(struct server *server)
{
    closep(&server->listener);
    for (int i = 0; i < server->requests_len; i++)
        buf_done(&server->requests[i]);
}

/* ---- for the script ---- */

bool server_fault(struct server *server, const char *fault)
{
    if (!server->fault)
        server->fault = fault;
    return false;
}

bool server_readable(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};

    return poll(&pollfd, 1, SERVER_WAIT_MS) == 1;
}

int server_accept(struct server *server)
{
    int fd = server_readable(server->listener) ? accept(server->listener, NULL, NULL) : -1;

    if (fd < 0)
        (void)server_fault(server, "nobody connected");
    server->accepted += fd >= 0;
    return fd;
}

/* How long the request is, by its Content-Length; 0 while the head is not whole. */
static size_t server_request_len(struct buf *request)
{
    const char *text = buf_string(request);
    const char *end = text ? strstr(text, "\r\n\r\n") : NULL;
    const char *field = end ? strcasestr(text, "\r\nContent-Length:") : NULL;
    size_t len = 0;

    if (!end)
        return 0;
    if (field && field < end)
        len = strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
    return (size_t)(end + 4 - text) + len;
}

bool server_read(struct server *server, int fd)
{
    struct buf request = BUF_NULL;
    char bytes[16384];

    while (!server_request_len(&request) || request.len < server_request_len(&request)) {
        ssize_t n = server_readable(fd) ? recv(fd, bytes, sizeof(bytes), 0) : -1;
        if (n <= 0 || buf_append(&request, bytes, (size_t)n) < 0) {
            if (n != 0 || request.len > 0)
                (void)server_fault(server, "a request did not come whole");
            buf_done(&request);
            return false;
        }
    }
    if (server->requests_len == SERVER_REQUESTS_MAX || !buf_string(&request)) {
        buf_done(&request);
        return server_fault(server, "too many requests");
    }
    server->requests[server->requests_len++] = request;
    return true;
}

bool server_send_bytes(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

bool server_send(int fd, const char *text)
{
    return server_send_bytes(fd, text, strlen(text));
}

bool server_answer(int fd, int status, const char *body)
{
    char head[128];

    (void)snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n", status,
                   strlen(body));
    return server_send(fd, head) && server_send(fd, body);
}

void server_expect_close(struct server *server, int fd)
{
    char byte;

    if (!server_readable(fd))
        (void)server_fault(server, "the connection was not closed");
    else if (recv(fd, &byte, 1, 0) > 0)
        (void)server_fault(server, "something came where nothing should");
}
