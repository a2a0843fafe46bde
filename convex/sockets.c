/* SPDX-License-Identifier: MIT */
/*
 * Between two requests libcurl stops watching a connection (CURL_POLL_REMOVE) and starts again at
 * the next: two system calls a request for nothing. So a connection stays registered while it is
 * idle, and leaves when it is closed, or when something happens on it that nobody waits for (the
 * far side closed it, a TLS session ticket came): libcurl looks at it itself before its next use.
 *
 * This works only for descriptors whose close is heard of, those that are opened here. The
 * resolver's socket pair is closed by libcurl in silence, right after CURL_POLL_REMOVE, and its
 * number soon names another file: that one is deregistered when libcurl says so.
 */
#include "convex/sockets.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/log.h"

struct sockets_entry {
    struct loop_fd source;
    struct sockets *sockets;
    uint32_t registered; /* with the loop; 0: not there */
    uint32_t wanted;     /* by libcurl; 0: idle */
    bool opened_here;
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
    assert(!sockets->entries[fd]); /* no descriptor is closed unheard */
    *entry = (struct sockets_entry){
        .source = {.fd = fd, .fn = sockets_event, .ctx = entry},
        .sockets = sockets,
    };
    sockets->entries[fd] = entry;
    return entry;
}

static void sockets_deregister(struct sockets_entry *entry)
{
    if (entry->registered)
        loop_fd_remove(entry->sockets->loop, &entry->source);
    entry->registered = 0;
}

static void sockets_drop(struct sockets_entry *entry)
{
    if (!entry)
        return;
    sockets_deregister(entry);
    entry->sockets->entries[entry->source.fd] = NULL;
    free(entry);
}

static int sockets_register(struct sockets_entry *entry, uint32_t events)
{
    struct loop *loop = entry->sockets->loop;
    int r = entry->registered ? loop_fd_change(loop, &entry->source, events)
                              : loop_fd_add(loop, &entry->source, events);

    if (r == 0)
        entry->registered = events;
    return r;
}

/* ---- the loop speaks to libcurl ---- */

static void sockets_run(struct sockets *sockets, curl_socket_t fd, int events)
{
    int running;
    CURLMcode r = curl_multi_socket_action(sockets->multi, fd, events, &running);

    if (r != CURLM_OK)
        log_error("libcurl cannot go on", "error", curl_multi_strerror(r));
    sockets->ran(sockets->ctx);
}

static void sockets_event(void *ctx, uint32_t events)
{
    struct sockets_entry *entry = ctx;

    if (!entry->wanted) {
        sockets_deregister(entry);
        return;
    }
    /* Level-triggered: what is not wanted any more would come for ever. */
    if (events & (EPOLLIN | EPOLLOUT) & ~entry->wanted)
        (void)sockets_register(entry, entry->wanted);

    /* An error is found by reading. CURL_CSELECT_ERR would hide which it is. */
    int ready = 0;
    if (events & (EPOLLERR | EPOLLHUP | (EPOLLIN & entry->wanted)))
        ready |= CURL_CSELECT_IN;
    if (events & EPOLLOUT & entry->wanted)
        ready |= CURL_CSELECT_OUT;
    if (ready)
        sockets_run(entry->sockets, entry->source.fd, ready); /* entry may be gone after this */
}

static void sockets_timeout(void *ctx)
{
    sockets_run(ctx, CURL_SOCKET_TIMEOUT, 0);
}

/* ---- libcurl speaks to the loop: nothing here may call into libcurl ---- */

static int sockets_want(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused)
{
    struct sockets *sockets = ctx;
    struct sockets_entry *entry = sockets_find(sockets, fd);

    (void)easy, (void)unused;
    if (what == CURL_POLL_REMOVE) {
        if (entry && entry->opened_here)
            entry->wanted = 0;
        else
            sockets_drop(entry);
        return 0;
    }
    if (!entry)
        entry = sockets_add(sockets, fd);
    if (!entry)
        return -1;
    entry->wanted = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    if ((entry->registered & entry->wanted) == entry->wanted)
        return 0;
    return sockets_register(entry, entry->wanted) < 0 ? -1 : 0;
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

static curl_socket_t sockets_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct sockets *sockets = ctx;
    struct sockets_entry *entry;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

    (void)purpose;
    if (fd < 0)
        return CURL_SOCKET_BAD;
    entry = sockets_add(sockets, fd);
    if (!entry) {
        (void)close(fd);
        return CURL_SOCKET_BAD;
    }
    entry->opened_here = true;
    return fd;
}

static int sockets_close(void *ctx, curl_socket_t fd)
{
    sockets_drop(sockets_find(ctx, fd));
    return close(fd);
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
    struct sockets_entry *entry = sockets_find(sockets, fd);

    if (entry)
        sockets_deregister(entry);
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
