/* SPDX-License-Identifier: MIT */
/*
 * libcurl's descriptors on the loop: the resolver's, and each connection's while libcurl makes the
 * connection. libcurl says which events to wait for on which descriptor (CURL_POLL_…), and is told
 * which events came (curl_multi_socket_action). A connected socket is connection.c's to watch.
 *
 * A socket's entry is made before the socket is given to libcurl. For libcurl, a callback that
 * refuses to watch a descriptor ends the whole multi handle: other connections that are being made
 * would be waited for until their calls time out.
 */
#include "convex/sockets.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/log.h"

struct sockets_entry {
    struct loop_fd source;
    struct sockets *sockets;
    uint32_t wanted; /* by libcurl; 0: not on the loop */
    bool opened;     /* by sockets_open(): the entry lasts until the socket is closed or released */
};

/* ---- entries ---- */

static struct sockets_entry *sockets_find(const struct sockets *sockets, int fd)
{
    return (size_t)fd < sockets->entries_len ? sockets->entries[fd] : NULL;
}

static void sockets_event(void *ctx, uint32_t events);

static int sockets_reserve(struct sockets *sockets, int fd)
{
    size_t len = sockets->entries_len ? sockets->entries_len : 64;

    while (len <= (size_t)fd)
        len *= 2;
    if (len > sockets->entries_len) {
        struct sockets_entry **entries =
            reallocarray(sockets->entries, len, sizeof(struct sockets_entry *));
        if (!entries)
            return error_origin(-ENOMEM);
        for (size_t i = sockets->entries_len; i < len; i++)
            entries[i] = NULL;
        sockets->entries = entries;
        sockets->entries_len = len;
    }
    return 0;
}

static struct sockets_entry *sockets_add(struct sockets *sockets, int fd)
{
    struct sockets_entry *entry = NULL;

    if (sockets_reserve(sockets, fd) == 0)
        entry = malloc(sizeof(*entry));
    if (!entry)
        return NULL;
    *entry = (struct sockets_entry){
        .source = {.fd = fd, .fn = sockets_event, .ctx = entry},
        .sockets = sockets,
    };
    sockets->entries[fd] = entry;
    return entry;
}

static void sockets_drop(struct sockets_entry *entry)
{
    if (!entry)
        return;
    if (entry->wanted)
        loop_fd_remove(entry->sockets->loop, &entry->source);
    entry->sockets->entries[entry->source.fd] = NULL;
    free(entry);
}

static int sockets_watch(struct sockets_entry *entry, uint32_t events)
{
    struct loop *loop = entry->sockets->loop;
    int r = 0;

    if (entry->wanted == events)
        return 0;
    if (!events)
        loop_fd_remove(loop, &entry->source);
    else if (entry->wanted)
        r = loop_fd_change(loop, &entry->source, events);
    else
        r = loop_fd_add(loop, &entry->source, events);
    if (r == 0)
        entry->wanted = events;
    return r;
}

/* ---- the loop speaks to libcurl ---- */

static void sockets_run(struct sockets *sockets, curl_socket_t fd, int events)
{
    int running;
    CURLMcode r = curl_multi_socket_action(sockets->multi, fd, events, &running);

    if (r != CURLM_OK)
        log_error("libcurl failed: calls to Convex may wait for their timeout", "error",
                  curl_multi_strerror(r));
    sockets->ran(sockets->ctx);
}

static void sockets_event(void *ctx, uint32_t events)
{
    struct sockets_entry *entry = ctx;
    int ready = events & EPOLLOUT ? CURL_CSELECT_OUT : 0;

    /* libcurl finds out which error it is by reading; CURL_CSELECT_ERR would hide the error. */
    if (events & (EPOLLERR | EPOLLHUP | EPOLLIN))
        ready |= CURL_CSELECT_IN;
    sockets_run(entry->sockets, entry->source.fd, ready); /* entry may be gone after this */
}

static void sockets_timeout(void *ctx)
{
    sockets_run(ctx, CURL_SOCKET_TIMEOUT, 0);
}

/* ---- libcurl speaks to the loop, in callbacks that must not call into libcurl ---- */

static int sockets_want(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused)
{
    struct sockets *sockets = ctx;
    struct sockets_entry *entry = sockets_find(sockets, fd);

    (void)easy, (void)unused;
    if (what == CURL_POLL_REMOVE && !(entry && entry->opened)) {
        sockets_drop(entry);
        return 0;
    }
    if (!entry)
        entry = sockets_add(sockets, fd);
    if (!entry)
        return -1;
    uint32_t in = what & CURL_POLL_IN ? EPOLLIN : 0;
    uint32_t out = what & CURL_POLL_OUT ? EPOLLOUT : 0;
    return sockets_watch(entry, in | out) < 0 ? -1 : 0;
}

static curl_socket_t sockets_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct sockets_entry *entry;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

    (void)purpose;
    if (fd < 0)
        return CURL_SOCKET_BAD;
    entry = sockets_add(ctx, fd);
    if (!entry) {
        (void)close(fd);
        return CURL_SOCKET_BAD;
    }
    entry->opened = true;
    return fd;
}

static int sockets_close(void *ctx, curl_socket_t fd)
{
    sockets_drop(sockets_find(ctx, fd));
    return close(fd);
}

static int sockets_set_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct sockets *sockets = ctx;

    (void)multi;
    if (timeout_ms < 0)
        loop_timer_clear(sockets->loop, &sockets->timer);
    else
        loop_timer_set(sockets->loop, &sockets->timer, loop_now_ms(sockets->loop) + timeout_ms);
    return 0;
}

/* ---- life ---- */

int sockets_init(struct sockets *sockets, struct loop *loop, CURLM *multi, void (*ran)(void *ctx),
                 void *ctx)
{
    *sockets = (struct sockets){
        .loop = loop,
        .multi = multi,
        .timer = {.fn = sockets_timeout, .ctx = sockets},
        .ran = ran,
        .ctx = ctx,
    };
    if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, sockets_want) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, sockets) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, sockets_set_timer) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, sockets) != CURLM_OK)
        return error_origin(-ENOMEM);
    return 0;
}

void sockets_done(struct sockets *sockets)
{
    if (!sockets->loop)
        return;
    loop_timer_clear(sockets->loop, &sockets->timer);
    for (size_t fd = 0; fd < sockets->entries_len; fd++)
        sockets_drop(sockets->entries[fd]);
    free(sockets->entries);
    *sockets = (struct sockets){0};
}

void sockets_release(struct sockets *sockets, int fd)
{
    sockets_drop(sockets_find(sockets, fd));
}

int sockets_attach(struct sockets *sockets, CURL *easy)
{
    if (curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, sockets_open) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sockets) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, sockets_close) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets) != CURLE_OK)
        return error_origin(-ENOMEM);
    return 0;
}
