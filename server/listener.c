/* SPDX-License-Identifier: MIT */
/* Listening sockets: which addresses a host's name stands for, and how these are bound. */
#include "server/listener.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"

enum {
    LISTENER_NAME_MAX = 253, /* RFC 1035, section 2.3.4, as text */
    /* For port 0: what the kernel chooses for the first address may be in use on another. */
    LISTENER_PORTS_TRIED = 8,
};

static void addrinfo_freep(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}

void listeners_close(struct listeners *listeners)
{
    while (listeners->len > 0)
        closep(&listeners->fds[--listeners->len]);
}

/* An abstract name begins with a NUL; people write it with an @. */
static int listener_describe_unix(const struct sockaddr_un *bound, socklen_t len,
                                  struct buf *address)
{
    size_t name = len - offsetof(struct sockaddr_un, sun_path);

    if (name > 1 && bound->sun_path[0] == '\0')
        return buf_printf(address, "unix:@%.*s", (int)(name - 1), bound->sun_path + 1);
    return buf_printf(address, "unix:%s", bound->sun_path);
}

int listener_describe(int fd, struct buf *address)
{
    struct sockaddr_storage bound = {0}; /* a path may lack its own NUL */
    socklen_t len = sizeof(bound);
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0)
        return error_origin(-errno);
    if (bound.ss_family == AF_UNIX)
        return listener_describe_unix((struct sockaddr_un *)&bound, len, address);
    if (getnameinfo((struct sockaddr *)&bound, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return error_origin(-EINVAL);
    return buf_printf(address, bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* ---- addresses ---- */

/* 0, or an error of getaddrinfo(). */
static int listener_resolve(listener_resolver resolve, const char *host, struct addrinfo **list)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};

    return resolve(host, "0", &hints, list);
}

static in_port_t *listener_port_of(struct sockaddr *address)
{
    return address->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)(void *)address)->sin6_port
                                          : &((struct sockaddr_in *)(void *)address)->sin_port;
}

static int listener_bound_port(int fd, int *port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = {.in6 = {0}};
    socklen_t len = sizeof(address);

    if (getsockname(fd, &address.any, &len) < 0)
        return error_origin(-errno);
    *port = ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
    return 0;
}

/* Whether the address is IPv4. ::ffff:127.0.0.1 counts as IPv4, as it does to the kernel. *ip4 is
 * of no use if not. */
static bool listener_is_ip4(const struct addrinfo *info, struct in_addr *ip4)
{
    if (info->ai_family == AF_INET) {
        *ip4 = ((struct sockaddr_in *)(void *)info->ai_addr)->sin_addr;
        return true;
    }
    const struct in6_addr *ip6 = &((struct sockaddr_in6 *)(void *)info->ai_addr)->sin6_addr;
    memcpy(ip4, ip6->s6_addr + sizeof(*ip6) - sizeof(*ip4), sizeof(*ip4));
    return IN6_IS_ADDR_V4MAPPED(ip6);
}

static bool listener_is_same(const struct addrinfo *a, const struct addrinfo *b)
{
    struct in_addr a4, b4;

    if (listener_is_ip4(a, &a4) && listener_is_ip4(b, &b4))
        return a4.s_addr == b4.s_addr;
    return a->ai_addrlen == b->ai_addrlen && memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen) == 0;
}

/* Whether the address stood in the list before, as after a doubled line in /etc/hosts. */
static bool listener_is_repeated(const struct addrinfo *list, const struct addrinfo *info)
{
    for (; list != info; list = list->ai_next) {
        if (listener_is_same(list, info))
            return true;
    }
    return false;
}

static bool listener_is_any(const struct addrinfo *info)
{
    struct in_addr ip4;

    if (listener_is_ip4(info, &ip4))
        return ip4.s_addr == INADDR_ANY;
    return IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)(void *)info->ai_addr)->sin6_addr);
}

/* Whether the address any is a wildcard that includes the address info. alone: see
 * listener_bind(). */
static bool listener_covers(const struct addrinfo *any, bool alone, const struct addrinfo *info)
{
    struct in_addr ip4;
    bool any_is_ip4 = listener_is_ip4(any, &ip4);

    return listener_is_any(any) &&
           (any_is_ip4 == listener_is_ip4(info, &ip4) || (alone && !any_is_ip4));
}

bool listener_overlap(listener_resolver resolve, const char *host, const char *other)
{
    cleanup(addrinfo_freep) struct addrinfo *list = NULL;
    cleanup(addrinfo_freep) struct addrinfo *others = NULL;

    if (listener_resolve(resolve, host, &list) != 0 ||
        listener_resolve(resolve, other, &others) != 0)
        return false;
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        for (const struct addrinfo *b = others; b; b = b->ai_next) {
            if (listener_is_same(a, b) || listener_covers(a, !list->ai_next, b) ||
                listener_covers(b, !others->ai_next, a))
                return true;
        }
    }
    return false;
}

/* A colon makes host an IPv6 address, digits and dots alone an IPv4 address, all else a name. */
bool listener_is_host(const char *host)
{
    struct in6_addr ip6;
    struct in_addr ip4;
    size_t len = strcspn(host, "%");
    char plain[LISTENER_NAME_MAX + 1];

    if (len == 0 || len > LISTENER_NAME_MAX)
        return false;
    (void)snprintf(plain, sizeof(plain), "%.*s", (int)len, host);
    if (strchr(plain, ':'))
        return inet_pton(AF_INET6, plain, &ip6) == 1;
    if (strspn(plain, "0123456789.") == len)
        return !host[len] && inet_aton(plain, &ip4) == 1;
    for (const char *c = host; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("-._", *c) && (unsigned char)*c < 0x80)
            return false;
    }
    return true;
}

/* ---- opening ---- */

/* alone: the host has no other address, and then :: takes IPv4, too. LISTENER_FAILED leaves the
 * reason in errno. */
static int listener_bind(const struct addrinfo *info, bool alone, int *out)
{
    cleanup(closep) int fd =
        socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, info->ai_protocol);
    int on = 1, only = !alone;

    if (fd < 0)
        return LISTENER_FAILED;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return error_origin(-errno);
    if (info->ai_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0)
        return error_origin(-errno);
    if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
        return LISTENER_FAILED;
    *out = fd;
    fd = -1;
    return 0;
}

/* Whether errno says that this machine lacks the address. Without IPv6, ::1 may still stand for
 * localhost in /etc/hosts. */
static bool listener_is_not_here(void)
{
    return errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT;
}

/* Binds those addresses of the list that this machine has: one at least. LISTENER_FAILED leaves the
 * reason in errno. */
static int listener_bind_all(const struct addrinfo *list, int port, struct listeners *out)
{
    cleanup(listeners_close) struct listeners made = {.len = 0};
    int missing = 0;

    for (const struct addrinfo *info = list; info; info = info->ai_next) {
        if (listener_is_repeated(list, info))
            continue;
        *listener_port_of(info->ai_addr) = htons((uint16_t)port);
        int r = listener_bind(info, !list->ai_next, &made.fds[made.len]);
        *listener_port_of(info->ai_addr) = 0; /* listener_is_same() compares ports, too */
        if (r > 0 && list->ai_next && listener_is_not_here()) {
            missing = errno;
            continue;
        }
        if (r)
            return r;
        r = listener_bound_port(made.fds[made.len++], &port);
        if (r)
            return r;
    }
    errno = missing;
    if (made.len == 0)
        return LISTENER_FAILED;
    *out = made;
    made.len = 0;
    return 0;
}

static size_t listener_count(const struct addrinfo *list)
{
    size_t n = 0;

    for (const struct addrinfo *info = list; info; info = info->ai_next)
        n += !listener_is_repeated(list, info);
    return n;
}

static int listener_refuse(int outcome, int r)
{
    return r ? r : outcome;
}

/* Finds the addresses of a host, and refuses too many. */
static int listener_find(listener_resolver resolve, const char *host, struct addrinfo **list,
                         struct buf *why)
{
    int failed = listener_resolve(resolve, host, list);

    if (failed)
        return listener_refuse(LISTENER_BUSY, buf_printf(why, "%s: no address of it is known: %s",
                                                         host, gai_strerror(failed)));
    if (listener_count(*list) > LISTENERS_MAX)
        return listener_refuse(LISTENER_FAILED,
                               buf_printf(why, "%s has more than %d addresses; name one of them",
                                          host, LISTENERS_MAX));
    return 0;
}

int listener_open(listener_resolver resolve, const char *host, int port,
                  struct listeners *listeners, struct buf *why)
{
    cleanup(addrinfo_freep) struct addrinfo *list = NULL;
    int r = listener_find(resolve, host, &list, why);

    if (r)
        return r;
    r = listener_bind_all(list, port, listeners);
    for (int tries = 1; port == 0 && r > 0 && errno == EADDRINUSE && tries < LISTENER_PORTS_TRIED;
         tries++)
        r = listener_bind_all(list, port, listeners);
    if (r <= 0)
        return r;
    bool busy = errno == EADDRINUSE || errno == EADDRNOTAVAIL;
    return listener_refuse(
        busy ? LISTENER_BUSY : LISTENER_FAILED,
        buf_printf(why, "cannot listen on %s, port %d: %s", host, port, strerror(errno)));
}

int listener_check(listener_resolver resolve, const char *host, struct buf *why)
{
    cleanup(addrinfo_freep) struct addrinfo *list = NULL;
    cleanup(listeners_close) struct listeners tried = {.len = 0};
    int r = listener_find(resolve, host, &list, why);

    if (r)
        return r;
    r = listener_bind_all(list, 0, &tried);
    if (r <= 0)
        return r;
    if (errno == EADDRINUSE)
        return 0; /* no port is free at the moment; PORT may be free all the same */
    return listener_refuse(LISTENER_BUSY,
                           buf_printf(why, "cannot listen on %s: %s", host, strerror(errno)));
}

int listeners_log(const struct listeners *listeners, const char *message, const char *version)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < listeners->len; i++) {
        cleanup(buf_done) struct buf address = BUF_NULL;
        r = listener_describe(listeners->fds[i], &address);
        if (r == 0)
            log_write(LOG_INFO, message, "address", buf_string(&address), "socket_of",
                      listeners->passed ? "service manager" : NULL, "version", version, LOG_END);
    }
    return r;
}

int listeners_describe(const struct listeners *listeners, struct buf *serving)
{
    int r = buf_append_span(serving, SPAN("Serving on "));

    for (size_t i = 0; r == 0 && i < listeners->len; i++) {
        if (i > 0)
            r = buf_append_span(serving, SPAN(", "));
        if (r == 0)
            r = listener_describe(listeners->fds[i], serving);
    }
    return r;
}
