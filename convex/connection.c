/* SPDX-License-Identifier: MIT */
/*
 * libcurl's part ends with the handshake, but the easy handle stays in the multi handle: taking the
 * handle out closes the connection. From then on the descriptor is watched here, and registered
 * once for the connection's life.
 *
 * A trap: libcurl at each new connection closes all unused ones on which bytes have come; a
 * connection is unused until its handle has read. So a curl_easy_recv() follows the handshake.
 *
 * Plain connections are written to and read from directly; TLS ones by libcurl, a record at a time.
 */
#include "convex/connection.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/error.h"

enum {
    CONNECTION_RECORD_BYTES = 16 << 10, /* the most that fits into one TLS record */
    CONNECTION_RECORDS = 16,            /* in one turn of the loop */
};

/* ---- life ---- */

int connection_init(struct connection *connection, struct sockets *sockets, CURL *easy, bool tls,
                    void (*event)(void *ctx, uint32_t events), void *ctx)
{
    *connection = (struct connection){
        .sockets = sockets,
        .easy = easy,
        .tls = tls,
        .source = {.fd = -1, .fn = event, .ctx = ctx},
    };
    if (!easy || curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, connection->error) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_PRIVATE, ctx) != CURLE_OK) {
        connection_done(connection);
        return error_origin(-ENOMEM);
    }
    return 0;
}

void connection_done(struct connection *connection)
{
    connection_close(connection);
    curl_easy_cleanup(connection->easy);
    buf_done(&connection->record);
    *connection = (struct connection){.source.fd = -1};
}

int connection_open(struct connection *connection)
{
    connection->error[0] = '\0';
    /* Only sets libcurl's timer: connecting begins in the loop. */
    if (curl_multi_add_handle(connection->sockets->multi, connection->easy) != CURLM_OK)
        return error_origin(-ENOMEM);
    connection->attached = true;
    return 0;
}

int connection_opened(struct connection *connection)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    char byte;
    size_t len;

    if (curl_easy_getinfo(connection->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
        fd == CURL_SOCKET_BAD ||
        curl_easy_recv(connection->easy, &byte, sizeof(byte), &len) != CURLE_AGAIN)
        return CONNECTION_BROKEN;

    sockets_release(connection->sockets, fd);
    connection->source.fd = fd;
    connection->events = EPOLLIN;
    int r = loop_fd_add(connection->sockets->loop, &connection->source, connection->events);
    if (r < 0)
        connection->source.fd = -1;
    return r;
}

void connection_close(struct connection *connection)
{
    if (connection_is_open(connection))
        loop_fd_remove(connection->sockets->loop, &connection->source);
    connection->source.fd = -1;
    if (connection->attached)
        (void)curl_multi_remove_handle(connection->sockets->multi, connection->easy);
    connection->attached = false;
}

/* ---- sending ---- */

void connection_prepare(struct connection *connection, const struct span parts[CONNECTION_PARTS])
{
    memcpy(connection->parts, parts, sizeof(connection->parts));
    connection->sent_any = false;
    connection->record.len = 0;
    connection->record_sent = 0;
}

bool connection_sent_all(const struct connection *connection)
{
    size_t left = connection->record.len;

    for (size_t i = 0; i < CONNECTION_PARTS; i++)
        left += connection->parts[i].len;
    return left == 0;
}

static void connection_consume(struct connection *connection, size_t len)
{
    for (size_t i = 0; len > 0; i++) {
        struct span *part = &connection->parts[i];
        size_t n = part->len < len ? part->len : len;
        *part = (struct span){part->at + n, part->len - n};
        len -= n;
    }
}

static int connection_send_plain(struct connection *connection)
{
    struct iovec iov[CONNECTION_PARTS];
    struct msghdr message = {.msg_iov = iov};

    for (size_t i = 0; i < CONNECTION_PARTS; i++) {
        struct span part = connection->parts[i];
        if (part.len > 0)
            iov[message.msg_iovlen++] = (struct iovec){(void *)(uintptr_t)part.at, part.len};
    }
    ssize_t n = sendmsg(connection->source.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? CONNECTION_AGAIN : CONNECTION_BROKEN;
    connection->sent_any = true;
    connection_consume(connection, (size_t)n);
    return connection_sent_all(connection) ? 0 : CONNECTION_AGAIN;
}

static int connection_fill_record(struct connection *connection)
{
    connection->record_sent = 0;
    for (size_t i = 0; i < CONNECTION_PARTS; i++) {
        struct span part = connection->parts[i];
        size_t room = CONNECTION_RECORD_BYTES - connection->record.len;
        if (part.len > room)
            part.len = room;
        if (buf_append_span(&connection->record, part) < 0)
            return error_origin(-ENOMEM);
    }
    connection_consume(connection, connection->record.len);
    return 0;
}

/* Sends what is left of the record. A record that OpenSSL could not send at once must be offered
 * again with the same bytes, so the record is a copy. */
static int connection_send_record(struct connection *connection)
{
    struct buf *record = &connection->record;
    size_t n = 0;
    CURLcode code = curl_easy_send(connection->easy, record->at + connection->record_sent,
                                   record->len - connection->record_sent, &n);

    if (code != CURLE_OK && code != CURLE_AGAIN)
        return CONNECTION_BROKEN;
    connection->sent_any = true;
    connection->record_sent += n;
    if (code == CURLE_AGAIN)
        return CONNECTION_AGAIN;
    if (connection->record_sent == record->len)
        record->len = 0;
    return 0;
}

static int connection_send_tls(struct connection *connection)
{
    for (int n = 0; n < CONNECTION_RECORDS && !connection_sent_all(connection); n++) {
        int r = connection->record.len == 0 ? connection_fill_record(connection) : 0;
        if (r == 0)
            r = connection_send_record(connection);
        if (r)
            return r;
    }
    return connection_sent_all(connection) ? 0 : CONNECTION_AGAIN;
}

int connection_send(struct connection *connection)
{
    return connection->tls ? connection_send_tls(connection) : connection_send_plain(connection);
}

int connection_await_room(struct connection *connection, bool room)
{
    uint32_t events = room ? EPOLLIN | EPOLLOUT : EPOLLIN;
    int r;

    if (events == connection->events)
        return 0;
    r = loop_fd_change(connection->sockets->loop, &connection->source, events);
    if (r == 0)
        connection->events = events;
    return r;
}

/* ---- receiving ---- */

static int connection_receive_plain(struct connection *connection, char *bytes, size_t *len)
{
    ssize_t n = recv(connection->source.fd, bytes, CONNECTION_READ_BYTES, MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? CONNECTION_AGAIN : CONNECTION_BROKEN;
    *len = (size_t)n;
    return n > 0 ? 0 : CONNECTION_ENDED;
}

/* Reads a whole TLS record: bytes that stayed inside OpenSSL would raise no event of the socket. */
static int connection_receive_tls(struct connection *connection, char *bytes, size_t *len)
{
    CURLcode code = curl_easy_recv(connection->easy, bytes, CONNECTION_READ_BYTES, len);

    if (code == CURLE_AGAIN)
        return CONNECTION_AGAIN;
    if (code != CURLE_OK)
        return CONNECTION_BROKEN;
    return *len > 0 ? 0 : CONNECTION_ENDED;
}

int connection_receive(struct connection *connection, char bytes[CONNECTION_READ_BYTES],
                       size_t *len)
{
    return connection->tls ? connection_receive_tls(connection, bytes, len)
                           : connection_receive_plain(connection, bytes, len);
}
